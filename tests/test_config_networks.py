"""The configuration of networks that learn from mixtures, and of the table of shifts."""

from typing import Any

import pytest
import yaml

from lass.evaluation.tables.shifts import UNSHIFTED
from lass.models.separator_settings import Disentangled
from tests.test_config import ROOT, of_slakh, problems, slakh

TRAINING = {"steps": 10, "batch": 2, "learning_rate": 1e-3}
BLOCKS = {"supervised.disentangled": {"blocks": {"training": TRAINING}}, "tables.sdr.rows": ["blocks"]}
SPEECH = {
    "source": "utterances",
    "composed": None,
    "root": "/speech",
    "classes": ["speech"],
    "mixtures.sources": ["speech", "speech"],
    "mixtures.pairing": "apart",
    "separation.priors": {"drums": None, "bass": None, "speech": "drums"},
    "priors.drums.classes": ["speech"],
    "tables.decoders": None,
    "diffusion": None,
}
SHIFTS: dict[str, Any] = {"rows": {"nmf": ["nmf"]}, "kinds": {"noise": {"noise": 20.0}}}


def test_a_network_under_a_name_of_the_users() -> None:
    dataset = slakh(BLOCKS)
    assert dataset.family["blocks"] == "supervised"
    job = dataset.method_job("blocks", seed=0).model_dump()
    assert (job["name"], job["classes"]) == ("disentangled", ["drums", "bass"])
    assert dataset.supervised is not None
    assert dataset.supervised.network("blocks").training.steps == 10
    assert dataset.supervised.kind("conv_tasnet") == "conv_tasnet"


def test_networks_of_other_seeds() -> None:
    second = {"training": TRAINING, "seed": 2}
    supervised = slakh({"supervised.disentangled": {"second": second}}).supervised
    assert supervised is not None
    assert (supervised.seed("second", seed=5), supervised.seed("conv_tasnet", seed=5)) == (7, 5)


def test_controls_of_the_example_have_none_of_the_parts() -> None:
    given = yaml.safe_load((ROOT / "config" / "disentangled.yaml").read_text(encoding="utf-8"))
    networks = given["datasets"]["slakh"]["supervised"]["disentangled"]
    plain = [Disentangled(**values) for name, values in networks.items() if "plain" in name]
    assert len(plain) == 3
    for network in plain:
        assert (network.divergence, network.dependence, network.provisional) == (0.0, 0.0, 0.0)
        assert network.memory == []


def test_shifts_are_splits() -> None:
    dataset = slakh({"shifts": SHIFTS})
    assert dataset.shifts is not None
    assert list(dataset.shifts.splits) == ["shifted_noise"]
    played = slakh({"shifts": {**SHIFTS, "kinds": {"noise": {"soundfonts": ["a.sf2"]}}}}).shifts
    assert played is not None
    assert list(played.splits) == ["played_noise"], "made by other rules"
    test = dataset.drawing("test", seed=0)
    assert dataset.drawing("shifted_noise", seed=0) == test
    assert dataset.drawing("validation", seed=0) != test


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"supervised.disentangled": {"nmf": {"training": TRAINING}}, "tables.sdr.rows": ["nmf"]},
            "supervised.disentangled.nmf: the name is taken, choose another",
        ),
        (
            {"supervised.disentangled": {"lass": {"training": TRAINING}}},
            "separation.methods.lass: the name is taken",
        ),
        (
            {"shifts": {**SHIFTS, "rows": {"a": ["hybrid_demucs"]}}},
            "names hybrid_demucs, which no table does",
        ),
        (
            {"supervised.checkpoints": {"conv_tasnets": "mine.safetensors"}},
            "checkpoints.conv_tasnets: no such network; there are conv_tasnet, hybrid_demucs",
        ),
        ({"shifts": SHIFTS, "tables.shifts": {"rows": ["nmf"]}}, "tables.shifts: the name is taken by the"),
        ({"shifts": {**SHIFTS, "kinds": {"empty": {}}}}, "nothing is shifted: name one of"),
        (
            {"shifts": {**SHIFTS, "kinds": {"horn": {"levels": {"horn": -10.0}}}}},
            "shifts.kinds.horn.levels names 'horn', which is none of the classes ['drums', 'bass']",
        ),
        (
            {"shifts": {**SHIFTS, "kinds": {UNSHIFTED: {"noise": 20.0}}}},
            "shifts.kinds.none: the name stands for the mixtures as they are, choose another",
        ),
        (
            {
                "shifts": {**SHIFTS, "kinds": {"played": {"soundfonts": ["a.sf2"]}}},
                "source": "slakh",
                "composed": None,
                "root": "/songs",
            },
            "shifts.kinds.played.soundfonts needs source: composed",
        ),
    ],
    ids=str,
)
def test_what_cannot_be(changes: dict[str, Any], message: str) -> None:
    assert message in problems(of_slakh(changes))


def test_training_mixtures_of_a_segment_at_least() -> None:
    """Which matters only where segments are taken."""
    short: dict[str, Any] = {"supervised.seconds": 0.25, "tables.sdr.rows": ["blocks"]}
    rate = slakh({}).sample_rate
    for segment, dependence, refused in (
        (rate // 4, 0.1, False),
        (rate // 4 + 1, 0.1, True),
        (rate // 4 + 1, 0.0, False),
    ):
        blocks = {"segment": segment, "dependence": dependence, "training": TRAINING}
        changes = short | {"supervised.disentangled": {"blocks": blocks}}
        if not refused:
            assert slakh(changes).supervised_length == rate // 4
            continue
        said = problems(of_slakh(changes))
        assert (
            f"supervised.disentangled.blocks.segment {segment} is longer than the {rate // 4} samples" in said
        )


@pytest.mark.parametrize("order", ["soft", "hard"])
def test_an_order_that_scores_would_not_follow(order: str) -> None:
    blocks = {"supervised.disentangled": {"blocks": {"order": order, "training": TRAINING}}}
    said = problems(of_slakh(blocks | {"tables.sdr.rows": ["blocks"]}))
    assert f"tables.sdr names blocks, but supervised.disentangled.blocks.order is '{order}'" in said
    assert "['drums', 'bass'], which are told apart when scored: set it to given" in said


@pytest.mark.parametrize("order", ["given", "soft"])
def test_two_sources_of_one_class(order: str) -> None:
    """They need a network that is trained without an order."""
    blocks = {"supervised.disentangled": {"blocks": {"order": order, "training": TRAINING}}}
    changes = SPEECH | blocks | {"tables.sdr.rows": ["blocks"], "likelihood.network": None, "model": None}
    if order == "given":
        assert "names blocks, which gives one source of every class" in problems(of_slakh(changes))
        return
    dataset = slakh(changes)
    assert dataset.method_job("blocks", seed=0).model_dump()["classes"] == ["speech", "speech"]
