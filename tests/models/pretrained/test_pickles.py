"""Public checkpoints are read without running what stands in them."""

import collections
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from lass.models.pretrained.pickles import STAND_INS, load_plain, read_weights

WEIGHTS = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.tensor([1, 2], dtype=torch.float16)}
FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "older"])


def save(path: Path, held: Any, *, zipped: bool = True) -> Path:
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.fixture
def elsewhere() -> Iterator[type]:
    """A class of a library that is there when a file is written, and gone when it is read."""
    names = (
        "pytorch_lightning",
        "pytorch_lightning.callbacks",
        "pytorch_lightning.callbacks.model_checkpoint",
    )
    modules = {name: types.ModuleType(name) for name in names}
    made = type("ModelCheckpoint", (), {"__module__": names[-1]})
    setattr(modules[names[-1]], "ModelCheckpoint", made)  # noqa: B010 (a module has no such attribute)
    sys.modules.update(modules)
    yield made
    for name in names:
        sys.modules.pop(name, None)


class Runs:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@FORMATS
@pytest.mark.parametrize("section", ["model", "state_dict"])
def test_the_weights_of_a_section(tmp_path: Path, section: str, zipped: bool) -> None:
    held = {
        section: {f"module.{name}": tensor for name, tensor in WEIGHTS.items()},
        "step": 7,
        "hps": {"a": 1},
    }
    read = read_weights(save(tmp_path / "a.pth.tar", held, zipped=zipped))
    assert set(read) == set(WEIGHTS)
    assert all(torch.equal(read[name], tensor) for name, tensor in WEIGHTS.items())
    assert read["a.bias"].dtype == torch.float16


def test_weights_without_a_section(tmp_path: Path) -> None:
    assert set(read_weights(save(tmp_path / "a.pt", collections.OrderedDict(WEIGHTS)))) == set(WEIGHTS)


@FORMATS
def test_a_class_of_a_library_that_is_not_here(tmp_path: Path, elsewhere: type, zipped: bool) -> None:
    one = elsewhere()
    one.monitor = "loss"
    counts: Any = collections.defaultdict(list, {"a": [1]})
    held = {"state_dict": WEIGHTS, "callbacks": {elsewhere: {"best": 1.0}}, "one": one, "counts": counts}
    path = save(tmp_path / "last.ckpt", held, zipped=zipped)
    for name in [name for name in sys.modules if name.startswith("pytorch_lightning")]:
        del sys.modules[name]
    assert set(read_weights(path)) == set(WEIGHTS)
    plain = load_plain(path)
    assert plain["counts"] == {"a": [1]}
    assert not vars(plain["one"])  # what it held is not kept


@FORMATS
def test_a_file_that_would_run_something_is_refused(tmp_path: Path, zipped: bool) -> None:
    mark = tmp_path / "ran"
    held = {"model": WEIGHTS, "extra": Runs(os.system, f"touch {mark}")}
    path = save(tmp_path / "a.pth", held, zipped=zipped)
    with pytest.raises(ValueError, match=rf"names {os.system.__module__}\.system, .*: nothing of it was run"):
        read_weights(path)
    path = save(tmp_path / "b.pth", {"model": WEIGHTS, "extra": Runs(eval, f"open({str(mark)!r}, 'w')")})
    with pytest.raises(ValueError, match=r"b\.pth: names eval,"):
        read_weights(path)
    path = save(tmp_path / "c.pth", {"model": WEIGHTS, "extra": Runs(Path.touch, str(mark))}, zipped=zipped)
    with pytest.raises(ValueError, match=r"c\.pth: names (getattr|pathlib)"):
        read_weights(path)
    assert not mark.exists()


def test_nothing_of_the_list_can_be_called_to_effect() -> None:
    for name, stand_in in STAND_INS.items():
        made = stand_in("print", 1)
        assert not getattr(made, "__dict__", {}), name
        assert made == {} or type(made).__module__ == "lass.models.pretrained.pickles", name


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with pytest.raises(FileNotFoundError, match=r"a\.pth: no such file; download it"):
        read_weights(path)
    for content, complaint in {
        b"": "is empty",
        b"\n <!DOCTYPE html><html>Google Drive can't scan": "is a web page",
        b"RIFF....WAVE": r"is no checkpoint by torch\.save and no safetensors \(it begins with b'RIFF",
        b"\x80\x02nonsense": "is cut off or no checkpoint",
        b"PK\x03\x04nonsense": "is cut off or no checkpoint",
        b"\x80\0\0\0\0\0\0\0{nonsense": "is cut off or no safetensors",
    }.items():
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"a\.pth: {complaint}"):
            read_weights(path)


def test_safetensors_are_read_too(tmp_path: Path) -> None:
    """Whatever the length of their header: there are some that begin as a pickle does."""
    begins = set()
    for length in range(256):
        save_file(WEIGHTS, tmp_path / "a.safetensors", metadata={"made": "x" * length})
        begins.add((tmp_path / "a.safetensors").read_bytes()[:1])
        read = read_weights(tmp_path / "a.safetensors")
        assert all(torch.equal(read[name], tensor) for name, tensor in WEIGHTS.items())
    assert b"\x80" in begins


@FORMATS
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.98])
def test_a_file_that_is_cut_off(tmp_path: Path, zipped: bool, kept: float) -> None:
    path = save(tmp_path / "a.pth", {"model": {"a": torch.zeros(5000)}}, zipped=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=r"a\.pth: is cut off or no checkpoint \(.*\); download it again"):
        read_weights(path)


def test_a_checkpoint_of_other_things(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with pytest.raises(ValueError, match="holds a list, no weights by name"):
        read_weights(save(path, [1, 2]))
    with pytest.raises(ValueError, match="has no weights under model or state_dict, but opt, step"):
        read_weights(save(path, {"opt": 1, "step": 2}))
    with pytest.raises(ValueError, match="has no weights in it"):
        read_weights(save(path, {"model": {}}))
    with pytest.raises(ValueError, match="has no weights under model or state_dict"):
        read_weights(save(path, {"model": {"a": 3}}))
