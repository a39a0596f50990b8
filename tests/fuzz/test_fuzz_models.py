"""Model folders whose description or parts are damaged: refused by name, or they separate."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lass.bundle.folder import check_model
from lass.bundle.opening import open_bundle
from tests.bundle.toy import CLASSES, write_audio_model
from tests.fuzz.bounds import read_or_named
from tests.fuzz.damage import JSON, damaged_bytes, damaged_tensor_file, damaged_tree

pytestmark = pytest.mark.fuzz
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_audio_model(tmp_path_factory.mktemp("models") / "valid")


def damaged_copy(model: Path) -> Path:
    copy = model.with_name("damaged")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(model, copy)
    return copy


def separated(folder: Path) -> np.ndarray:
    """What the model's plainest preset makes of a window; its first preset, where it has lost that one."""
    opened = open_bundle(folder, device=CPU, precision="float32")
    described = opened.description
    name = "paper" if "paper" in described.presets else next(iter(described.presets))
    preset = opened.preset(name, classes=described.of_class, seed=0, memory=10**8)
    window = np.random.default_rng(0).uniform(-0.1, 0.1, (1, described.length)).astype(np.float32)
    return preset.separate(window, [0]).estimates


def check(folder: Path) -> None:
    whole = read_or_named(lambda: check_model(folder), str(folder))
    if whole is not None:
        estimates = read_or_named(lambda: separated(folder), str(folder), *CLASSES, "preset")
        if estimates is not None:
            assert np.isfinite(estimates).all()


@given(data=st.data())
def test_description(model: Path, data: st.DataObject) -> None:
    folder = damaged_copy(model)
    path = folder / "model.json"
    if data.draw(st.booleans()):
        path.write_bytes(data.draw(damaged_bytes(path.read_bytes())))
    else:
        values, _ = data.draw(damaged_tree(json.loads(path.read_text(encoding="utf-8")), JSON))
        path.write_bytes(json.dumps(values).encode("utf-8", "surrogatepass"))
    check(folder)


@given(data=st.data())
def test_a_part_that_was_not_packed(model: Path, data: st.DataObject) -> None:
    """Its size and sum stand in the description, as somebody may have put them there."""
    folder = damaged_copy(model)
    path = folder / "model.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    name = data.draw(st.sampled_from(sorted(description["files"])))
    content = data.draw(damaged_tensor_file((folder / name).read_bytes()))
    (folder / name).write_bytes(content)
    description["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    path.write_text(json.dumps(description), encoding="utf-8")
    check(folder)
