"""Models whose presets ask for no table, and some for no priors: codec and learned likelihood."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import lass
from lass.bundle.folder import Parts, check_model, pack_model, part_of
from lass.bundle.settings import DESCRIPTION, Preset, Unpacked
from lass.separation.settings import Ancestral, Estimation
from tests.bundle import toy
from tests.models.toy import write_table


def heard() -> dict[Any, Preset]:
    """The network alone."""
    decoder = Ancestral(
        kind="ancestral",
        likelihood="network",
        likelihood_weight=1.0,
        prior_weight=0.0,
        hypotheses=4,
        kept=2,
    )
    return {"best": Preset(decoder=decoder, estimation=Estimation(consistency="residual"))}


@pytest.mark.parametrize("uses_priors", [False, True])
def test_it_holds_what_its_presets_ask_for_and_separates(tmp_path: Path, *, uses_priors: bool) -> None:
    codec = toy.audio_codec()
    parts = toy.audio_parts(tmp_path / "parts", codec)
    presets = {"best": toy.presets()["best"]} if uses_priors else heard()
    few = replace(parts, priors=parts.priors if uses_priors else {}, likelihood=None)
    priors = toy.unpacked(codec).priors if uses_priors else []
    pack(tmp_path / "few", few, toy.unpacked(codec, presets=presets, priors=priors))
    both = presets | {"paper": toy.presets()["paper"]}
    pack(tmp_path / "whole", parts, toy.unpacked(codec, presets=both))
    named = {"codec.safetensors", "network.safetensors", "residual.safetensors"}
    named |= {f"priors/{name}.safetensors" for name in few.priors}
    assert set(check_model(tmp_path / "few").files) == named

    sound = toy.sound(2.0, rate=toy.RATE)
    estimates = {
        name: lass.Separator.load(tmp_path / name, device="cpu").separate(sound, toy.RATE)
        for name in ("few", "whole")
    }
    for name in toy.CLASSES:
        np.testing.assert_array_equal(estimates["few"][name], estimates["whole"][name])
    total = sum(estimates["few"][name] for name in toy.CLASSES)
    np.testing.assert_allclose(total, sound, atol=1e-4)


def test_a_preset_that_asks_for_priors_that_there_are_not() -> None:
    codec = toy.audio_codec()
    with pytest.raises(ValidationError, match=r"presets.best asks for priors, but the model has none"):
        toy.unpacked(codec, priors=[])


def test_a_table_that_a_preset_asks_for_is_missed(tmp_path: Path) -> None:
    codec = toy.audio_codec()
    parts = replace(toy.audio_parts(tmp_path / "parts", codec), likelihood=None)
    with pytest.raises(ValidationError, match=r"files: likelihood.safetensors is missing"):
        pack(tmp_path / "model", parts, toy.unpacked(codec))
    assert not (tmp_path / "model").exists()


def test_parts_that_no_preset_asks_for(tmp_path: Path) -> None:
    """Models of version 3 have them: they separate as they did, and a check looks into these parts, too."""
    codec, folder = toy.audio_codec(), tmp_path / "model"
    parts = toy.audio_parts(tmp_path / "parts", codec)
    pack(folder, parts, toy.unpacked(codec, presets=heard()))
    describe(folder, version=3)
    assert {"likelihood.safetensors", "priors/bass.safetensors"} < set(check_model(folder).files)
    sound = toy.sound(1.0, rate=toy.RATE)
    found = lass.Separator.load(folder, device="cpu").separate(sound, toy.RATE)
    np.testing.assert_allclose(sum(found[name] for name in toy.CLASSES), sound, atol=1e-4)

    table = write_table(folder / "likelihood.safetensors", "another")
    files = {"likelihood.safetensors": part_of(table).model_dump()}
    describe(folder, files=json.loads((folder / DESCRIPTION).read_text())["files"] | files)
    with pytest.raises(ValueError, match=r"likelihood.safetensors.*codebook"):
        check_model(folder)


def pack(folder: Path, parts: Parts, unpacked: Unpacked) -> None:
    """Of these parts alone, of no known level."""
    pack_model(folder, parts, unpacked, level=None, made={"seed": 0})


def describe(folder: Path, **changes: Any) -> None:
    """Say something else in model.json."""
    said = json.loads((folder / DESCRIPTION).read_text()) | changes
    (folder / DESCRIPTION).write_text(json.dumps(said))
