"""The method: mixtures of several classes in one batch, each by its denoisers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lass.data.mixtures import Batch
from lass.methods.diffusion import open_method
from lass.methods.diffusion.denoising import Priors
from lass.methods.diffusion.solving import separate
from lass.methods.protocol import Given, given_files
from lass.methods.settings import DiffusionJob, read_job
from lass.models.diffusion import new_denoiser, read_denoiser, write_denoiser
from lass.models.diffusion_settings import DenoiserSettings
from lass.models.settings import Training

SIZES: dict[str, Any] = {
    "patch": 4,
    "channels": [8, 16],
    "strides": [2],
    "blocks": 1,
    "heads": 2,
    "embedding": 16,
}
LEVELS = {"loud": 1.0, "quiet": 0.1}
CPU = torch.device("cpu")


def files(folder: Path, *, moved: float = 0.0) -> dict[str, Path]:
    """Denoisers of two classes of white sources, which a network that says nothing yet serves.

    With `moved` its weights are not what they were: it says something.
    """
    for name, level in LEVELS.items():
        settings = DenoiserSettings(
            classes=[name], **SIZES, training=Training(steps=1, batch=1, learning_rate=1e-3)
        )
        white = level * torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
        examples = (white, torch.zeros(64, dtype=torch.int64))
        network = new_denoiser(settings, examples, image=None, seed=0)
        rng = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for weight in network.averaged.parameters() if moved else ():
                weight.add_(moved * torch.randn(weight.shape, generator=rng))
        write_denoiser(folder / f"{name}.safetensors", network, classes=[name], provenance={})
    return {name: folder / f"{name}.safetensors" for name in LEVELS}


def job_of(**solver: Any) -> DiffusionJob:
    priors = [
        {"source": name, "prior": name, "classes": [name], "conditional": False} for name in ("loud", "quiet")
    ]
    job = read_job({"family": "diffusion", "priors": priors, "method": {"solver": solver}, "seed": 3})
    assert isinstance(job, DiffusionJob)
    return job


def batch_of(rows: list[int]) -> Batch:
    """Mixtures of white noise, whose first source is loud or quiet in turn."""
    rng = np.random.default_rng(0).standard_normal((20, 64)).astype(np.float32)
    classes = [["loud", "quiet"] if row % 2 == 0 else ["quiet", "loud"] for row in rows]
    size = len(rows)
    return Batch(
        rows, classes, np.zeros((size, 2, 64), np.float32), np.full((size, 2), 0.5, np.float32), rng[rows]
    )


def test_each_mixture_is_parted_by_its_own_classes(tmp_path: Path) -> None:
    method = open_method(job_of(kind="proximal", steps=30), Given(CPU, denoisers=files(tmp_path)))
    batch = batch_of([0, 1, 2, 3])
    found = method.separate(batch)
    assert found.dtype == np.float32
    for row, classes in enumerate(batch.classes):
        quiet = found[row, classes.index("quiet")]
        np.testing.assert_allclose(0.5 * quiet, 0.01 / 1.01 * batch.mixtures[row], atol=0.02)
    np.testing.assert_allclose(found.mean(axis=1), batch.mixtures, atol=1e-5)


@pytest.mark.parametrize(
    "solver",
    [
        {"kind": "ode", "steps": 2, "guidance": "exact", "products": 1},
        {"kind": "proximal", "steps": 3},
    ],
    ids=str,
)
def test_a_mixture_does_not_depend_on_its_neighbours(solver: dict[str, Any], tmp_path: Path) -> None:
    """Not in a single bit: alone, in another order, beyond a block."""
    given = Given(CPU, denoisers=files(tmp_path, moved=0.1))
    method = open_method(job_of(**solver), given)
    rows = [*range(20)]  # of either order of classes ten: more than a block
    together = method.separate(batch_of(rows))
    assert len(np.unique(together)) > 1000  # the networks say something
    np.testing.assert_array_equal(method.separate(batch_of(rows[::-1]))[::-1], together)
    for row in (3, 18):
        np.testing.assert_array_equal(method.separate(batch_of([row]))[0], together[row])


def test_mixtures_of_one_prior_are_separated_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A denoiser that is told no classes serves all of them alike: one block, whatever the classes."""
    path = files(tmp_path)["loud"]
    network = read_denoiser(path, classes=["loud"], conditional=False)
    write_denoiser(path, network, classes=list(LEVELS), provenance={})
    job = job_of(kind="proximal", steps=3)
    priors = [
        prior.model_copy(update={"prior": "shared", "classes": list(LEVELS), "conditional": False})
        for prior in job.priors
    ]
    method = open_method(job.model_copy(update={"priors": priors}), Given(CPU, denoisers={"shared": path}))
    blocks: list[int] = []

    def seen(priors: Priors, mixtures: torch.Tensor, **told: Any) -> torch.Tensor:
        blocks.append(len(mixtures))
        return separate(priors, mixtures, **told)

    monkeypatch.setattr("lass.methods.diffusion.separate", seen)
    method.separate(batch_of([*range(10)]))
    assert blocks == [8, 8]


def test_what_a_method_needs(tmp_path: Path) -> None:
    job, given = job_of(kind="proximal", steps=5), files(tmp_path)
    with pytest.raises(ValueError, match="needs the denoiser quiet"):
        open_method(job, Given(CPU, denoisers={"loud": given["loud"]}))
    with pytest.raises(ValueError, match=r"a denoiser of \['loud'\], not of \['quiet'\]"):
        open_method(job, Given(CPU, denoisers={"loud": given["loud"], "quiet": given["loud"]}))
    shared = {"classes": ["loud", "other"], "conditional": True}
    told = job.priors[0].model_copy(update=shared)
    with pytest.raises(ValueError, match=r"a denoiser of \['loud'\], not of \['loud', 'other'\]"):
        open_method(job.model_copy(update={"priors": [told]}), Given(CPU, denoisers=given))


def test_one_denoiser_that_is_told_the_classes(tmp_path: Path) -> None:
    settings = DenoiserSettings(
        classes=list(LEVELS),
        conditional=True,
        **SIZES,
        training=Training(steps=1, batch=1, learning_rate=1e-3),
    )
    white, classes = torch.randn(64, 64, generator=torch.Generator().manual_seed(0)), torch.arange(64) % 2
    examples = (white * torch.tensor([1.0, 0.1])[classes, None], classes)
    path = tmp_path / "both.safetensors"
    network = new_denoiser(settings, examples, image=None, seed=0)
    write_denoiser(path, network, classes=list(LEVELS), provenance={})
    priors = [
        {"source": name, "prior": "both", "classes": list(LEVELS), "conditional": True} for name in LEVELS
    ]
    job = read_job(
        {
            "family": "diffusion",
            "priors": priors,
            "method": {"solver": {"kind": "proximal", "steps": 30}},
            "seed": 3,
        }
    )
    assert isinstance(job, DiffusionJob)
    given = given_files({"denoiser_both": path, "sources": tmp_path})
    assert given.denoisers == {"both": path}
    batch = batch_of([0, 1])
    found = open_method(job, replace(given, device=CPU)).separate(batch)
    for row, names in enumerate(batch.classes):
        quiet = found[row, names.index("quiet")]
        np.testing.assert_allclose(0.5 * quiet, 0.01 / 1.01 * batch.mixtures[row], atol=0.02)


def test_estimates_of_images_stay_within_bounds(tmp_path: Path) -> None:
    job = job_of(kind="proximal", steps=5).model_copy(update={"bounds": (0.0, 1.0)})
    batch = batch_of([0, 1])
    grey = np.clip(batch.mixtures, 0, 1)
    found = open_method(job, Given(CPU, denoisers=files(tmp_path))).separate(replace(batch, mixtures=grey))
    assert found.min() >= 0
    assert found.max() <= 1
    np.testing.assert_allclose(found.mean(axis=1), grey, atol=1e-5)
