"""Diffusion priors in the configuration: the denoisers of classes, what rows are told, what is refused."""

from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from lass.config import AudioDataset, ImageDataset, parse_config
from lass.methods.settings import DiffusionJob
from tests.test_config import Values, changed, defaults, of_slakh, problems
from tests.workflow.runner import ROOT

GIVEN: Values = defaults()
update_config(GIVEN, yaml.safe_load((ROOT / "config" / "diffusion.yaml").read_text(encoding="utf-8")))
SONGS: Values = GIVEN["datasets"]["slakh"]["diffusion"]


def songs(changes: Values | None = None) -> Values:
    """The default with the diffusion priors of music, where `changes` say something else of a part."""
    section = yaml.safe_load(yaml.safe_dump(SONGS))
    for path, value in (changes or {}).items():
        *parents, name = path.split(".")
        place = section
        for parent in parents:
            place = place[parent]
        place[name] = value
    return of_slakh({"diffusion": section})


def slakh(values: Values) -> AudioDataset:
    dataset = parse_config(values).datasets["slakh"]
    assert isinstance(dataset, AudioDataset)
    return dataset


def test_what_a_row_of_music_is_told() -> None:
    dataset = slakh(songs())
    assert dataset.family["diffusion_hybrid"] == "diffusion"
    assert dataset.labels("diffusion") == {"drums": "drums", "bass": "bass"}
    job = dataset.method_job("diffusion_hybrid", seed=3)
    assert isinstance(job, DiffusionJob)
    assert job.seed == 3
    assert job.bounds is None
    assert [(each.source, each.prior, each.conditional) for each in job.priors] == [
        ("drums", "songs", True),
        ("bass", "songs", True),
    ]
    assert job.method.solver.kind == "ancestral"
    assert dataset.denoisers_used == ["songs"]


def test_digits_of_one_prior_may_change_places() -> None:
    section = GIVEN["datasets"]["mnist"]["diffusion"]
    dataset = parse_config(changed({"datasets.mnist.diffusion": section})).datasets["mnist"]
    assert isinstance(dataset, ImageDataset)
    assert set(dataset.labels("basis").values()) == {"digits prior"}
    job = dataset.method_job("basis", seed=0)
    assert isinstance(job, DiffusionJob)
    assert job.bounds == (0.0, 1.0)
    assert job.method.solver.kind == "langevin"


def test_without_the_section_there_are_no_rows() -> None:
    dataset = slakh(of_slakh({"diffusion": None, "tables.sdr.rows": ["mixture"]}))
    assert dataset.diffusion_methods == {}
    assert dataset.denoisers_used == []
    with pytest.raises(ValueError, match="give the section diffusion"):
        _ = dataset.denoiser_of_each_class
    assert "must name different ones of" in problems(of_slakh({"diffusion": None}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"priors": {"drums": "songs"}}, "diffusion.priors must name a denoiser for each class of"),
        ({"priors.bass": "other"}, "diffusion.priors.bass is 'other', but diffusion.denoisers has only"),
        ({"denoisers.songs.classes": ["drums"]}, "diffusion.priors.bass is 'songs', which models ['drums']"),
        (
            {"denoisers.songs.classes": ["drums", "bass", "guitar"], "denoisers.songs.checkpoint": None},
            "diffusion.denoisers.songs.classes ['drums', 'bass', 'guitar'] must be among the classes",
        ),
        ({"denoisers.songs.strides": [2]}, "channels [32, 48, 64, 96, 128] needs 4 strides, not 1"),
        ({"methods.lass": {"solver": {"kind": "langevin"}}}, "diffusion.methods.lass: the name is taken"),
        (
            {"methods.langevin": {"solver": {"kind": "langevin", "step": 0.7}}},
            "diffusion.methods.langevin.solver.step is 0.7, which does not settle for 2 sources: at most",
        ),
        (
            {"methods.diffusion_dirac.solver.constrained": 2},
            "diffusion.methods.diffusion_dirac.solver.constrained is 2, but there are 2 sources: at most 1",
        ),
        ({"methods.diffusion.solver.setps": 1}, "solver.setps: unknown key; did you mean 'steps'?"),
        ({"methods.diffusion.solver.kind": "magic"}, "datasets.slakh.diffusion.methods.diffusion.solver: "),
        ({"priorss": {}}, "datasets.slakh.diffusion.priorss: unknown key; did you mean 'priors'?"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    assert message in problems(songs(changes))


def test_a_checkpoint_may_know_more_classes() -> None:
    """A denoiser that is not trained here needs no sources of all of its classes."""
    more = {"denoisers.songs.classes": ["drums", "bass", "guitar"]}
    assert slakh(songs(more)).denoiser_of_each_class[1].classes == ["drums", "bass", "guitar"]


def test_a_row_may_not_be_called_like_a_folder() -> None:
    assert "separation.methods.seconds: the name is taken" in problems(
        of_slakh({"separation.methods.seconds": {"decoder": "beam"}})
    )
