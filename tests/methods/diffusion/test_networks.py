"""Trained denoisers as priors: each source by its own, at its own level of noise."""

from typing import Any

import torch
from torch import Tensor

from lass.methods.diffusion.networks import Networks, Told, priors_of
from lass.models.diffusion import new_denoiser
from lass.models.diffusion_settings import DenoiserSettings
from lass.models.settings import Training
from tests.methods.diffusion.runs import estimate

SETTINGS = DenoiserSettings(
    classes=["any"],
    patch=4,
    channels=[8, 16],
    strides=[2],
    blocks=1,
    attention=1,
    heads=2,
    embedding=16,
    training=Training(steps=1, batch=1, learning_rate=1e-3),
)


def network(level: float) -> Told:
    """A network for white data; it says nothing yet, which is right for them."""
    white = level * torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    examples = (white, torch.zeros(64, dtype=torch.int64))
    return Told(new_denoiser(SETTINGS, examples, image=None, seed=0).eval().requires_grad_(False))


def test_each_source_has_its_denoiser_and_its_level() -> None:
    loud, quiet = network(1.0), network(0.1)
    noisy, sigma = torch.ones(2, 2, 64), torch.tensor([[1.0, 0.1], [2.0, 1e6]])
    found = Networks([loud, quiet])(noisy, sigma)
    for row in range(2):
        for source, power in ((0, 1.0), (1, 0.01)):
            expected = power / (power + float(sigma[row, source]) ** 2)
            torch.testing.assert_close(found[row, source], torch.full((64,), expected), rtol=0.05, atol=0)


def test_mixtures_of_white_sources_are_shared_by_power() -> None:
    """10 : 1 in amplitude is 100 : 1 in power; by gradients through the networks and without."""
    priors = priors_of([network(1.0), network(0.1)])
    assert not priors.alike
    mixture: Tensor = torch.ones(1, 64)
    solvers: list[dict[str, Any]] = [
        {"kind": "ode", "guidance": "exact", "steps": 60, "highest": 100.0, "integrator": "heun"},
        {"kind": "proximal", "steps": 30},
    ]
    for solver in solvers:
        found = estimate(priors, mixture, **solver)
        assert 0.005 < float(found[0, 1].mean()) < 0.015
        torch.testing.assert_close(found.sum(dim=1), mixture, atol=1e-3, rtol=0)


def test_classes_that_share_a_network_are_alike() -> None:
    shared = network(1.0)
    assert priors_of([shared, shared]).alike


def test_one_network_that_is_told_the_classes() -> None:
    """Classes at 1.0 and 0.1: two sources of one class are alike, of two classes they are not."""
    settings = SETTINGS.model_copy(update={"classes": ["loud", "quiet"], "conditional": True})
    white = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    classes = torch.arange(64) % 2
    examples = (white * torch.tensor([1.0, 0.1])[classes, None], classes)
    shared = new_denoiser(settings, examples, image=None, seed=0).eval().requires_grad_(False)
    loud, quiet = Told(shared, 0), Told(shared, 1)
    priors = priors_of([loud, quiet])
    assert not priors.alike
    assert priors_of([quiet, quiet]).alike
    torch.testing.assert_close(priors.deviations, torch.tensor([1.0, 0.1]), rtol=0.05, atol=0)
    found = priors.denoiser(torch.ones(1, 2, 64), torch.tensor([[1.0, 0.1]]))
    torch.testing.assert_close(found, torch.full((1, 2, 64), 0.5), rtol=0.05, atol=0)
    shares = estimate(priors, torch.ones(1, 64), kind="proximal", steps=30)
    assert 0.005 < float(shares[0, 1].mean()) < 0.015
