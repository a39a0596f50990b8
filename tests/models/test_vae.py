"""The network of latent blocks: what its estimates obey, what its losses are made of, training, files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from lass.methods.supervised import separate
from lass.models.errors import error_in_nepers
from lass.models.separator_settings import Disentangled
from lass.models.separators import MixtureSeparator, new_separator, read_separator, write_separator
from lass.models.settings import Training
from lass.models.vae import BlockSeparator
from lass.training import Run, train

TRAINING = Training(
    steps=60,
    batch=4,
    learning_rate=1e-2,
    warmup=3,
    weight_decay=0.0,
    clip=5.0,
    validate_every=30,
    save_every=30,
    precision="float32",
)
SMALL = Disentangled(
    filters=24,
    kernel=16,
    bottleneck=12,
    hidden=16,
    layers=2,
    block=4,
    segment=400,
    ordered=500,
    memory=[80, 400, 1600],
    training=TRAINING,
)
PLAIN = SMALL.model_copy(update={"divergence": 0.0, "dependence": 0.0, "memory": [], "provisional": 0.0})


def small(settings: Disentangled = SMALL, *, sources: int = 2) -> MixtureSeparator:
    return new_separator(settings, sources=sources, seed=0)


def blocks_of(network: MixtureSeparator) -> BlockSeparator:
    assert isinstance(network.network, BlockSeparator)
    return network.network


def noise(*shape: int, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def losses_of(network: MixtureSeparator, addends: Tensor) -> dict[str, float]:
    """Losses of addends [M, N, T] and their mixtures, the noise always the same."""
    torch.manual_seed(1)
    losses = network.training_loss((addends.sum(dim=1), addends), np.random.default_rng(0))
    return {name: float(value.detach()) for name, value in losses.items()}


def tones(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Mixtures of a low and a high tone of random phases [4, 1000], and their addends [4, 2, 1000]."""
    phase = torch.from_numpy(rng.random((4, 2, 1))).float()
    frequency = torch.tensor([[0.01], [0.2]])
    addends = 0.5 * torch.sin(2 * torch.pi * (frequency * torch.arange(1000) + phase))
    return addends.sum(dim=1), addends


def run_of(path: Path, training: Training = TRAINING) -> Run:
    return Run(
        draw_batch=tones,
        validation=[tones(np.random.default_rng(99))],
        settings=training,
        seed=0,
        made={},
        code="",
        state_path=path,
    )


@pytest.mark.parametrize("sources", [2, 3, 4])
@pytest.mark.parametrize("length", [999, 1600])
def test_estimates_add_up_to_the_mixture(sources: int, length: int) -> None:
    network, mixtures = small(sources=sources).eval(), noise(2, length)
    addends = network(mixtures).detach()
    assert addends.shape == (2, sources, length)
    torch.testing.assert_close(addends.sum(dim=1), mixtures)
    assert float(addends[:, 0].std()) > 0


def test_estimates_that_need_not_add_up() -> None:
    network = small(SMALL.model_copy(update={"consistent": False})).eval()
    mixtures = noise(1, 1000)
    assert float((network(mixtures).detach().sum(dim=1) - mixtures).abs().max()) > 1e-3


def test_louder_mixtures_have_louder_estimates() -> None:
    network, mixtures = small().eval(), noise(1, 1000)
    torch.testing.assert_close(network(20 * mixtures), 20 * network(mixtures))


def test_silence_has_no_sources_and_a_loss() -> None:
    network = small().train()
    losses = network.training_loss((torch.zeros(2, 1000), torch.zeros(2, 2, 1000)), np.random.default_rng(0))
    losses["loss"].backward()
    assert all(torch.isfinite(value) for value in losses.values())
    assert all(torch.isfinite(part.grad).all() for part in network.parameters() if part.grad is not None)
    assert not network.eval()(torch.zeros(1, 1000)).any()


def test_latents_are_more_channels_than_sources() -> None:
    latents = blocks_of(small(sources=3)).encode(noise(2, 800))
    frames = 800 // 8 + 1
    for part in vars(latents).values():
        assert part.shape == (2, 3 * 4, frames)
    assert float(latents.variances.detach().min()) >= np.exp(-8.0) * 0.999


def test_the_prior_is_what_the_memory_kept() -> None:
    """Of every frame: the mean square of the provisional blocks before it, the late ones counting most."""
    latents = blocks_of(small()).encode(noise(1, 800))
    squares = latents.provisional.detach().square()[0]  # [C, L]
    keep = np.exp(-8 / 400)  # hop over the middle time constant
    for frame in (1, 2, 60):
        ages = torch.arange(frame - 1, -1, -1)
        weights = keep**ages
        expected = (squares[:, :frame] * weights).sum(dim=1) / weights.sum()
        expected = expected.clamp(min=float(np.exp(-8.0)))
        torch.testing.assert_close(latents.priors[0, :, frame], expected, rtol=1e-4, atol=1e-6)
    assert torch.equal(latents.priors[..., 0], torch.ones(1, 8))
    assert not latents.priors.requires_grad


def test_without_a_memory_nothing_is_steered() -> None:
    network = blocks_of(small(PLAIN))
    assert not hasattr(network, "steering")
    assert torch.equal(network.encode(noise(1, 400)).priors, torch.ones(1, 8, 51))
    features = noise(1, 12, 5)
    assert network.steered(features, []) is features


def test_the_memory_steers() -> None:
    network, features = blocks_of(small()), noise(1, 12, 5)
    powers = [torch.full((1, 8, 5), 0.3)] * 3
    torch.testing.assert_close(network.steered(features, powers), features)  # at first not at all
    torch.nn.init.constant_(network.steering[2].bias, 0.5)  # type: ignore[arg-type]
    torch.testing.assert_close(network.steered(features, powers), 1.5 * features + 0.5)


def test_the_control_has_the_loss_of_conv_tasnet() -> None:
    network, addends = small(PLAIN).train(), noise(2, 2, 1000)
    losses = losses_of(network, addends)
    mixtures = addends.sum(dim=1)
    expected = float(error_in_nepers(network(mixtures).detach() - addends, mixtures))
    assert losses == {"loss": pytest.approx(expected), "error": pytest.approx(expected)}


def test_the_loss_is_the_weighted_sum_of_its_parts() -> None:
    """The divergence counts fully after a third of the steps, not at all at the first."""
    weights = {"divergence": 0.01, "dependence": 0.2, "provisional": 0.0}
    network, addends = small(SMALL.model_copy(update=weights)).train(), noise(2, 2, 1000)
    for step, share in ((0, 0.0), (10, 0.5), (20, 1.0), (50, 1.0)):
        blocks_of(network).step.fill_(step)
        losses = losses_of(network, addends)
        expected = losses["error"] + 0.01 * share * losses["divergence"] + 0.2 * losses["dependence"]
        assert losses["loss"] == pytest.approx(expected, rel=1e-5)
        assert int(blocks_of(network).step) == step + 1
    assert losses["divergence"] > 0
    assert losses["dependence"] > 0


@pytest.mark.parametrize("measure", ["entropy", "covariance"])
def test_dependence_is_counted_in_either_measure(measure: str) -> None:
    weights = {"measure": measure, "lags": 2, "divergence": 0.0, "provisional": 0.0}
    network = small(SMALL.model_copy(update=weights)).train()
    losses = losses_of(network, noise(2, 2, 1000))
    assert losses["loss"] == pytest.approx(losses["error"] + 0.1 * losses["dependence"], rel=1e-5)


@pytest.mark.parametrize("measure", ["entropy", "covariance"])
def test_latents_without_noise_have_no_variances_to_hide_behind(measure: str) -> None:
    """The dependence is that of the means: it neither depends on the variances nor changes them."""
    settings = SMALL.model_copy(update={"divergence": 0.0, "measure": measure, "provisional": 0.0})
    network, addends = small(settings).train(), noise(2, 2, 1000)
    losses = network.training_loss((addends.sum(dim=1), addends), np.random.default_rng(0))
    losses["loss"].backward()
    spread = blocks_of(network).spread
    assert isinstance(spread.bias, Tensor)
    assert spread.bias.grad is None or not spread.bias.grad.any()
    torch.nn.init.constant_(spread.bias, 2.0)
    assert losses_of(network, addends)["dependence"] == pytest.approx(float(losses["dependence"].detach()))


def test_silence_without_noise_has_finite_gradients() -> None:
    network = small(SMALL.model_copy(update={"divergence": 0.0})).train()
    losses = network.training_loss((torch.zeros(2, 1000), torch.zeros(2, 2, 1000)), np.random.default_rng(0))
    losses["loss"].backward()
    assert all(torch.isfinite(part.grad).all() for part in network.parameters() if part.grad is not None)


def test_the_memory_counts_with_every_digit() -> None:
    """Half of the digits would do for a network's products, not for sums over a whole mixture."""
    network, blocks = blocks_of(small()), noise(1, 8, 300)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = network.remembered(blocks)
    for half, whole in zip(found, network.remembered(blocks), strict=True):
        torch.testing.assert_close(half, whole, rtol=1e-6, atol=0.0)


def test_validation_is_about_the_estimates_alone() -> None:
    network, addends = small().eval(), noise(2, 2, 1000)
    losses, mixtures = losses_of(network, addends), addends.sum(dim=1)
    expected = float(error_in_nepers(network(mixtures).detach() - addends, mixtures))
    assert losses["loss"] == pytest.approx(expected)
    assert losses_of(network, addends) == losses
    assert int(blocks_of(network).step) == 0
    assert set(losses) == {"loss", "information", "dependence", "statistics"}


@pytest.mark.parametrize("order", ["soft", "hard"])
def test_sources_without_an_order(order: str) -> None:
    """Sources that change places change the loss only where an order is given."""
    network, addends = small(SMALL.model_copy(update={"order": order})).train(), noise(2, 2, 1000)
    given = small().train()
    for place in (network, given):
        torch.nn.init.normal_(blocks_of(place).decoder[0].weight, generator=torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    for step in (0, 50):
        blocks_of(network).step.fill_(step)
        here = losses_of(network, addends)["loss"]
        blocks_of(network).step.fill_(step)
        assert losses_of(network, addends.flip(1))["loss"] == pytest.approx(here, abs=1e-5)
    assert losses_of(given, addends)["loss"] != pytest.approx(
        losses_of(given, addends.flip(1))["loss"], abs=1e-5
    )


def test_it_learns_to_tell_tones_apart(tmp_path: Path) -> None:
    network = small()
    train(network, run_of(tmp_path / "state"), precision="float32")
    mixtures, addends = tones(np.random.default_rng(7))
    with torch.no_grad():
        error = (network.eval()(mixtures) - addends).square().mean()
    assert float(error) < 0.1 * float(addends.square().mean())


def test_an_interrupted_training_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """Weights of losses and temperatures depend on the step, which is part of the state."""
    training = TRAINING.model_copy(update={"steps": 6, "save_every": 3, "validate_every": 3})
    settings = SMALL.model_copy(update={"training": training})
    whole = small(settings)
    train(whole, run_of(tmp_path / "whole", training), precision="float32")

    run, draws = run_of(tmp_path / "state", training), iter(range(4))

    def die(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        if next(draws, None) is None:
            raise KeyboardInterrupt
        return tones(rng)

    with pytest.raises(KeyboardInterrupt):
        train(small(settings), Run(**(vars(run) | {"draw_batch": die})), precision="float32")
    again = small(settings)
    train(again, run, precision="float32")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_a_stored_network_separates_alike(tmp_path: Path) -> None:
    network, path = small().eval(), tmp_path / "network.safetensors"
    write_separator(path, network, classes=["drums", "bass"], rate=8000, provenance={"seed": 0})
    found = read_separator(path, name="disentangled", classes=["drums", "bass"], rate=8000)
    assert found.settings == SMALL
    mixtures, halves = noise(1, 1000), torch.full((1, 2), 0.5)
    assert torch.equal(separate(found, mixtures, weights=halves), separate(network, mixtures, weights=halves))
    with pytest.raises(ValueError, match=r"a disentangled for .*, not a conv_tasnet"):
        read_separator(path, name="conv_tasnet", classes=["drums", "bass"], rate=8000)


def test_segments_that_are_too_short() -> None:
    with pytest.raises(ValidationError, match="segment 60 must be at least 64 samples, four frames of 16"):
        Disentangled(segment=60, training=TRAINING)
