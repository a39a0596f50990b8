"""What the four files of MNIST are called, here and elsewhere; the workflow asks, so without numpy."""

from pathlib import Path

MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""Their names without .gz."""
MNIST_REMEDY = (
    f"set `root` to a folder with the files {', '.join(MNIST_FILES)}, each with or without .gz, "
    "or named like train-images.idx3-ubyte"
)
_PARTS = {"train": "train", "validation": "train", "test": "t10k"}


def files_of_split(split: str) -> tuple[str, ...]:
    """Names of the images and of the labels that a split is read from."""
    return tuple(name for name in MNIST_FILES if name.startswith(_PARTS[split]))


def find_idx(folder: Path, name: str) -> Path:
    """The file `name` of MNIST_FILES in `folder`.

    It may end in .gz, have a dot before `idx`, and lie in a folder of its own name, as archives unpack it.
    One without a byte, which an earlier try left, is passed over.

    FileNotFoundError, naming the folder, where there is none, and ValueError where there are but empty ones.
    """
    dotted = name.replace("-idx", ".idx")
    plain = [path for each in (name, dotted) for path in (each, f"{each}/{each}", f"{name}/{dotted}")]
    paths = [folder / f"{path}{suffix}" for path in plain for suffix in ("", ".gz")]
    found = [path for path in paths if path.is_file()]
    for path in found:
        if path.stat().st_size:
            return path
    if found:
        raise ValueError(f"{found[0]} is empty: download it again, or {MNIST_REMEDY}")
    raise FileNotFoundError(f"{folder.absolute()} has neither {name} nor {name}.gz: {MNIST_REMEDY}")
