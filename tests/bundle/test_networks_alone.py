"""Models whose presets ask for neither priors nor table: codec and learned likelihood alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import lass
from lass.bundle.folder import check_model, pack_model, part_of
from lass.bundle.settings import DESCRIPTION, Preset
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


def test_it_holds_what_its_presets_ask_for_and_separates(tmp_path: Path) -> None:
    codec = toy.audio_codec()
    parts = toy.audio_parts(tmp_path / "parts", codec)
    alone = replace(parts, priors={}, likelihood=None)
    pack_model(
        tmp_path / "alone",
        alone,
        toy.unpacked(codec, presets=heard(), priors=[]),
        level=None,
        made={"seed": 0},
    )
    assert set(check_model(tmp_path / "alone").files) == {
        "codec.safetensors",
        "network.safetensors",
        "residual.safetensors",
    }
    both = heard() | {"paper": toy.presets()["paper"]}
    pack_model(tmp_path / "whole", parts, toy.unpacked(codec, presets=both), level=None, made={"seed": 0})
    sound = toy.sound(2.0, rate=toy.RATE)
    estimates = {
        name: lass.Separator.load(tmp_path / name, device="cpu").separate(sound, toy.RATE)
        for name in ("alone", "whole")
    }
    for name in toy.CLASSES:
        np.testing.assert_array_equal(estimates["alone"][name], estimates["whole"][name])
    total = sum(estimates["alone"][name] for name in toy.CLASSES)
    np.testing.assert_allclose(total, sound, atol=1e-4)


def test_a_preset_that_asks_for_priors_that_there_are_not() -> None:
    codec = toy.audio_codec()
    with pytest.raises(ValidationError, match=r"presets.best asks for priors, but the model has none"):
        toy.unpacked(codec, priors=[])


def test_a_table_that_a_preset_asks_for_is_missed(tmp_path: Path) -> None:
    codec = toy.audio_codec()
    parts = replace(toy.audio_parts(tmp_path / "parts", codec), likelihood=None)
    with pytest.raises(ValidationError, match=r"files: likelihood.safetensors is missing"):
        pack_model(tmp_path / "model", parts, toy.unpacked(codec), level=None, made={})
    assert not (tmp_path / "model").exists()


def test_parts_that_no_preset_asks_for(tmp_path: Path) -> None:
    """Models of version 3 have them: they separate as they did, and a check looks into these parts, too."""
    codec, folder = toy.audio_codec(), tmp_path / "model"
    parts = toy.audio_parts(tmp_path / "parts", codec)
    pack_model(folder, parts, toy.unpacked(codec, presets=heard()), level=None, made={"seed": 0})
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


def describe(folder: Path, **changes: Any) -> None:
    """Say something else in model.json."""
    said = json.loads((folder / DESCRIPTION).read_text()) | changes
    (folder / DESCRIPTION).write_text(json.dumps(said))
