"""Refinement: torch's own optimizer as the reference, rows that share nothing, objectives that fall."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.models.checkpoint import new_network
from lass.models.vqvae import Vqvae, VqvaeShape
from lass.separation.estimation.refinement import Refined, adam_step, refine_latents
from lass.separation.settings import Refinement

WEIGHTS = torch.tensor([0.5, 0.5])
FEW = Refinement(steps=30, learning_rate=0.05, halve_every=10)


@pytest.fixture(scope="module")
def codec() -> Vqvae:
    """A small network for images of one channel, 8 x 8, with a code for every 4 x 4 patch."""
    shape = VqvaeShape(
        codes=16,
        code_channels=5,
        strides=(2, 2),
        channels=(8, 12),
        encoder_blocks=1,
        decoder_blocks=1,
        encoder_dilation=1,
        decoder_dilation=1,
        image=(1, 8, 8),
    )
    network: Vqvae = new_network(Vqvae, shape, seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():  # large weights: what is decoded differs from place to place
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return network.eval().requires_grad_(False)


def draw(rows: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Latents [R, N, S, C] of two sources and mixtures [R, T]."""
    rng = np.random.default_rng(seed)
    return (
        torch.from_numpy(rng.normal(size=(rows, 2, 4, 5))).float(),
        torch.from_numpy(rng.random((rows, 64))).float(),
    )


def refine(
    latents: Tensor, mixtures: Tensor, synthesise: Callable[[Tensor], Tensor], settings: Refinement = FEW
) -> Refined:
    return refine_latents(latents, mixtures, weights=WEIGHTS, synthesise=synthesise, settings=settings)


def objective(
    latents: Tensor, start: Tensor, mixtures: Tensor, synthesise: Callable[[Tensor], Tensor], penalty: float
) -> Tensor:
    """||y - sum_n alpha_n D(e_n)||² + penalty * ||e - e_0||² [R], row by row."""
    rows = []
    for row, mixture in enumerate(mixtures):
        remix = sum(w * synthesise(latents[row, n][None])[0] for n, w in enumerate(WEIGHTS))
        rows.append((mixture - remix).square().sum() + penalty * (latents - start)[row].square().sum())
    return torch.stack(rows)


@pytest.mark.parametrize("penalty", [0.0, 0.3])
@pytest.mark.parametrize("rate", [0.1, 1e-3])
def test_the_steps_are_those_of_torchs_adam(codec: Vqvae, penalty: float, rate: float) -> None:
    """Also where the rate is halved, and step by step: a row's own optimizer for every row."""
    latents, mixtures = draw(3)
    for steps in (1, 2, 25):
        settings = Refinement(steps=steps, learning_rate=rate, halve_every=10, penalty=penalty)
        found = refine(latents, mixtures, codec.synthesise, settings)
        for row in range(3):
            start = latents[row : row + 1]
            moved = start.clone().requires_grad_(True)
            optimizer = torch.optim.Adam([moved], lr=rate)
            schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5)
            for _ in range(steps):
                optimizer.zero_grad()
                loss = objective(moved, start, mixtures[row : row + 1], codec.synthesise, penalty)
                loss.sum().backward()
                optimizer.step()
                schedule.step()
            torch.testing.assert_close(found.latents[row], moved.detach()[0], atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(found.objective[row], loss.detach()[0], atol=1e-5, rtol=1e-3)


def test_a_step_by_hand() -> None:
    """The first step moves every number by the rate, against the sign of its gradient; the second by hand."""
    settings = Refinement(steps=2, learning_rate=0.1, halve_every=1)
    moments = [torch.zeros(3), torch.zeros(3)]
    position = adam_step(torch.zeros(3), torch.tensor([2.0, -0.5, 0.0]), moments, step=0, settings=settings)
    np.testing.assert_allclose(position, [-0.1, 0.1, 0.0], atol=1e-6)
    position = adam_step(position, torch.tensor([0.0, -0.5, 1.0]), moments, step=1, settings=settings)
    # m = 0.9 * 0.2, v = 0.999 * 0.004 of the first number; rate 0.05
    first = -0.1 - 0.05 * (0.18 / 0.19) / np.sqrt(0.003996 / 0.001999)
    third = -0.05 * (0.1 / 0.19) / np.sqrt(0.001 / 0.001999)
    np.testing.assert_allclose(position, [first, 0.15, third], atol=1e-5)


def test_the_objective_falls(codec: Vqvae) -> None:
    latents, _ = draw(6)
    mixtures = sum(w * codec.synthesise(draw(6, seed=1)[0][:, n]) for n, w in enumerate(WEIGHTS))
    assert isinstance(mixtures, Tensor)
    settings = Refinement(steps=100, learning_rate=0.1, halve_every=40, penalty=1e-5)
    found = refine(latents, mixtures, codec.synthesise, settings)
    before = objective(latents, latents, mixtures, codec.synthesise, 1e-5)
    after = objective(found.latents, latents, mixtures, codec.synthesise, 1e-5)
    assert (after < 0.1 * before).all()
    assert found.latents.shape == latents.shape
    assert found.objective.shape == (6,)
    torch.testing.assert_close(found.objective, after, rtol=0.05, atol=0.05)
    once = refine(latents, mixtures, codec.synthesise, settings.model_copy(update={"steps": 1}))
    torch.testing.assert_close(once.objective, before, rtol=1e-5, atol=1e-5)  # before the last step


def test_a_penalty_keeps_the_latents_near(codec: Vqvae) -> None:
    latents, mixtures = draw(4)
    distances = []
    for penalty in (0.0, 0.1, 10.0):
        settings = Refinement(steps=150, learning_rate=0.05, halve_every=50, penalty=penalty)
        found = refine(latents, mixtures, codec.synthesise, settings)
        distances.append((found.latents - latents).square().flatten(1).sum(dim=1))
    free, light, heavy = distances
    assert (light < free).all()
    assert (heavy < 0.1 * free).all()


@pytest.mark.parametrize("steps", [1, 20])
def test_a_row_is_refined_alike_in_any_batch(codec: Vqvae, steps: int) -> None:
    """To the last bit, on one thread."""
    latents, mixtures = draw(20)
    settings = FEW.model_copy(update={"steps": steps})
    together = refine(latents, mixtures, codec.synthesise, settings)
    for rows in ([0], [19], [7, 2], list(range(3, 16))):
        part = refine(latents[rows], mixtures[rows], codec.synthesise, settings)
        assert torch.equal(part.latents, together.latents[rows])
        assert torch.equal(part.objective, together.objective[rows])


def test_what_was_handed_in_stays_as_it_was(codec: Vqvae) -> None:
    latents, mixtures = draw(2)
    kept = latents.clone(), mixtures.clone()
    refine(latents, mixtures, codec.synthesise)
    assert torch.equal(latents, kept[0])
    assert torch.equal(mixtures, kept[1])
    assert latents.grad is None


def test_inside_inference_mode(codec: Vqvae) -> None:
    """Where decoding runs; its tensors, which no gradient may pass, give the same result."""
    latents, mixtures = draw(3)
    expected = refine(latents, mixtures, codec.synthesise)
    with torch.inference_mode():
        inner = latents.clone(), mixtures.clone()
        weights = WEIGHTS.clone()
        found = refine_latents(*inner, weights=weights, synthesise=codec.synthesise, settings=FEW)
    assert torch.equal(found.latents, expected.latents)
    assert torch.equal(found.objective, expected.objective)
    with torch.no_grad():
        again = refine(*inner, codec.synthesise)
    assert torch.equal(again.latents, expected.latents)
    assert not again.latents.requires_grad
    assert not again.objective.requires_grad


def test_a_decoder_in_half_the_bits(codec: Vqvae) -> None:
    """Steps stay float32 and follow those of full precision."""
    latents, mixtures = draw(4)

    def synthesise(vectors: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return codec.synthesise(vectors)

    assert synthesise(latents[:, 0]).dtype == torch.bfloat16
    settings = Refinement(steps=60, learning_rate=0.05, halve_every=30)
    low = refine(latents, mixtures, synthesise, settings)
    full = refine(latents, mixtures, codec.synthesise, settings)
    assert low.latents.dtype == low.objective.dtype == torch.float32
    torch.testing.assert_close(low.objective, full.objective, rtol=0.1, atol=0.1)
