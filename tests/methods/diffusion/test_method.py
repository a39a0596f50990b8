"""The method: mixtures of several classes in one batch, each by its denoisers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lass.data.mixtures import Batch
from lass.methods.diffusion import open_method
from lass.methods.protocol import Given, given_files
from lass.methods.settings import DiffusionJob, read_job
from lass.models.diffusion import new_denoiser, write_denoiser
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


def files(folder: Path) -> dict[str, Path]:
    """Denoisers of two classes of white sources, which a network that says nothing yet serves."""
    for name, level in LEVELS.items():
        settings = DenoiserSettings(
            classes=[name], **SIZES, training=Training(steps=1, batch=1, learning_rate=1e-3)
        )
        white = level * torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
        examples = (white, torch.zeros(64, dtype=torch.int64))
        network = new_denoiser(settings, examples, image=None, seed=0)
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
    """Mixtures of ones, whose first source is loud or quiet in turn."""
    rng = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)
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


def test_a_mixture_does_not_depend_on_its_batch(tmp_path: Path) -> None:
    job = job_of(kind="ode", steps=10, noise="independent", churn=5)
    method = open_method(job, Given(CPU, denoisers=files(tmp_path)))
    together = method.separate(batch_of([0, 1, 2, 3]))
    np.testing.assert_allclose(method.separate(batch_of([2]))[0], together[2], atol=1e-4)


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
    given = given_files({"denoiser_both": path, "sources": tmp_path}, device=CPU, precision="float32")
    assert given.denoisers == {"both": path}
    batch = batch_of([0, 1])
    found = open_method(job, given).separate(batch)
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
