"""Codecs in a folder of Hugging Face's layout as parts of models: config.json and model.safetensors, no more.

Nothing is downloaded, and nothing in the folder is run: the classes are those of the package `transformers`.
"""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from lass.models.pretrained.checking import complain, fit_layout
from lass.models.pretrained.huggingface_codecs import (
    HuggingFaceCodec,
    HuggingFaceShape,
    hop_of,
    plain,
    transformers,
)
from lass.models.pretrained.huggingface_halves import ARCHITECTURES
from lass.models.pretrained.registry import KINDS
from lass.models.pretrained.stored import (
    CODEC,
    check_files,
    identity_of,
    shapes_of,
    source_of,
    tensors_of,
    write_part,
)
from lass.storage import damaged

CONFIG, WEIGHTS = "config.json", "model.safetensors"

_OF_NO_USE = ("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version")


def import_codec(files: Sequence[Path], out: Path, *, kind: str) -> Path:
    """Write the codec in a folder of Hugging Face's layout as the codec in the model's folder `out`."""
    folder = check_files(files, kind)
    config = read_config(folder, kind)
    network = HuggingFaceCodec(*taken_apart(folder, kind, config))
    fitted = fit_layout(folder / WEIGHTS, tensors_of(network), shapes_of(network))
    provenance = source_of(folder / WEIGHTS, KINDS[kind].licence) | {
        "sample_rate": config["sampling_rate"],
        "codebook": identity_of(network.quantizer.codebook),
        "transformers": transformers().__version__,
    }
    write_part(out / CODEC, fitted, kind=kind, shape=network.shape, provenance=provenance)
    return out / CODEC


import_dac, import_encodec, import_mimi = (partial(import_codec, kind=kind) for kind in ARCHITECTURES)


def read_config(folder: Path, kind: str) -> dict[str, Any]:
    """What config.json says of a codec of this kind; ValueError where it is another, or of no use here."""
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder / name}: no such file; give the folder of a model with {CONFIG} and {WEIGHTS}"
            )
    path = folder / CONFIG
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = config.get("model_type")
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path}: is no description of a model ({error}); download it again") from error
    if found != kind:
        raise ValueError(
            f"{path}: describes a {found}, but {kind} is asked for; choose one of {', '.join(ARCHITECTURES)}"
        )
    if not isinstance(config.get("sampling_rate"), int):
        raise ValueError(f"{path}: lacks sampling_rate, in Hz; download it again")
    return {name: value for name, value in config.items() if name not in _OF_NO_USE}


def taken_apart(folder: Path, kind: str, config: dict[str, Any]) -> tuple[HuggingFaceShape, Any]:
    """The shape of the codec in `folder`, and the model of transformers that it is made of."""
    prefix, halves = ARCHITECTURES[kind]
    model = plain(load_model(folder, prefix))
    for name, value in halves.wanted.items():
        if getattr(model.config, name) != value:
            raise ValueError(
                f"{folder / CONFIG}: {name} is {getattr(model.config, name)}, but a codec of one code per "
                f"position needs {value}; choose another model of its family"
            )
    codes, channels = halves.codebook_of(model).shape
    return HuggingFaceShape(kind, config, codes, channels, hop_of(halves(model))), model


def load_model(folder: Path, prefix: str) -> Any:
    """The model of transformers in `folder`; ValueError where weights are missing or of other shapes."""
    package, path = transformers(), folder / WEIGHTS
    package.logging.disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[]):
            model, report = getattr(package, f"{prefix}Model").from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (SafetensorError, EOFError) as error:
        raise damaged(path, str(error)) from error
    except RuntimeError as error:
        raise ValueError(f"{path}: its weights do not fit {CONFIG} ({error})") from error
    complain(path, "lacks", set(report["missing_keys"]))
    complain(path, "has other shapes than config.json says:", {each[0] for each in report["mismatched_keys"]})
    return model
