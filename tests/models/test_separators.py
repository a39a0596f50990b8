"""Networks that learn to separate: shapes, learning, files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchaudio.models import ConvTasNet

from lass.config.registry import SUPERVISED
from lass.methods.supervised import separate
from lass.models.separator_settings import ConvTasnet, HybridDemucs
from lass.models.separators import (
    SETTINGS,
    MixtureSeparator,
    new_separator,
    parameters_of,
    read_separator,
    write_separator,
)
from lass.models.settings import Training
from lass.training import Run, train

TRAINING = Training(
    steps=150,
    batch=4,
    learning_rate=5e-3,
    warmup=3,
    weight_decay=0.0,
    clip=5.0,
    validate_every=50,
    save_every=100,
    precision="float32",
)
TASNET = ConvTasnet(filters=32, kernel=16, bottleneck=16, hidden=32, layers=3, stacks=1, training=TRAINING)
SMALL: dict[str, ConvTasnet | HybridDemucs] = {
    "conv_tasnet": TASNET,
    "hybrid_demucs": HybridDemucs(channels=4, depth=3, window=256, training=TRAINING),
}


def small(name: str, *, sources: int = 2) -> MixtureSeparator:
    return new_separator(SMALL[name], sources=sources, seed=0)


class Known(nn.Module):
    """A network that gives the same answer to everything."""

    def __init__(self, answer: torch.Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        return self.answer


def tones(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Mixtures of a low and a high tone of random phases [4, 2000], and their addends [4, 2, 2000]."""
    phase = torch.from_numpy(rng.random((4, 2, 1))).float()
    frequency = torch.tensor([[0.01], [0.2]])
    addends = 0.5 * torch.sin(2 * torch.pi * (frequency * torch.arange(2000) + phase))
    return addends.sum(dim=1), addends


@pytest.mark.parametrize("name", SUPERVISED)
@pytest.mark.parametrize("sources", [2, 3])
def test_shapes(name: str, sources: int) -> None:
    network = small(name, sources=sources).eval()
    weights = torch.full((1, sources), 1 / sources)
    mixture = torch.randn(3000, generator=torch.Generator().manual_seed(0))
    (estimates,) = separate(network, mixture[None], weights=weights)
    assert estimates.shape == (sources, 3000)
    torch.testing.assert_close(estimates, network(mixture[None])[0] * sources)
    assert parameters_of(network) > 1000


@pytest.mark.parametrize("name", SUPERVISED)
def test_it_learns_to_tell_tones_apart(name: str, tmp_path: Path) -> None:
    network = small(name)
    run = Run(
        draw_batch=tones,
        validation=[tones(np.random.default_rng(99))],
        settings=TRAINING,
        seed=0,
        made={},
        code="",
        state_path=tmp_path / "state",
    )
    progress = train(network, run, precision="float32")
    mixtures, addends = tones(np.random.default_rng(7))
    with torch.no_grad():
        error = (network.eval()(mixtures) - addends).square().mean()
    assert float(error) < 0.3 * float(addends.square().mean())
    assert progress.best_step > 0


def test_the_loss_of_each_paper() -> None:
    mixtures, addends = tones(np.random.default_rng(0))
    floor = 1e-3 * mixtures.square().mean(dim=1) + 1e-7  # [B]
    expected = {"conv_tasnet": float(0.5 * (0.01 + floor).log().mean()), "hybrid_demucs": 0.1}
    for name in SUPERVISED:
        network = small(name)
        network.network = Known(addends + 0.1)
        loss = network.training_loss((mixtures, addends), np.random.default_rng(0))["loss"]
        assert float(loss) == pytest.approx(expected[name], rel=1e-4)


def test_a_silent_source_pulls_no_harder_than_a_loud_one() -> None:
    """What is heard of a silent source pulls as its error is loud, and 60 dB under the mixture hardly."""
    mixtures, pulls = torch.sin(torch.arange(2000.0))[None], []
    for level in (0.1, 0.001):
        network = small("conv_tasnet")
        estimates = torch.stack([0.9 * mixtures[0], level * mixtures[0]])[None].requires_grad_()
        network.network = Known(estimates)
        addends = torch.stack([mixtures[0], torch.zeros(2000)])[None]
        loss = network.training_loss((mixtures, addends), np.random.default_rng(0))["loss"]
        (gradient,) = torch.autograd.grad(loss, estimates)
        pulls.append(gradient[0].norm(dim=1))
    assert pulls[0][1] == pytest.approx(float(pulls[0][0]), rel=1e-3)  # equally far off
    assert pulls[1][1] < 0.2 * pulls[1][0]  # nearly silent: left alone


def test_masks_of_conv_tasnet_are_never_shut() -> None:
    """A mask by ReLU that is zero learns no more: the network may end in silence."""
    network = small("conv_tasnet").network
    assert isinstance(network, ConvTasNet)
    masks = network.mask_generator(torch.zeros(1, TASNET.filters, 50))
    assert ((masks > 0) & (masks < 1)).all()


@pytest.mark.parametrize("name", SUPERVISED)
def test_a_stored_network_separates_alike(name: str, tmp_path: Path) -> None:
    network, path = small(name).eval(), tmp_path / "network.safetensors"
    write_separator(path, network, classes=["drums", "bass"], rate=8000, provenance={"seed": 0})
    found = read_separator(path, name=name, classes=["drums", "bass"], rate=8000)
    assert found.settings == SMALL[name]
    mixtures = torch.randn(1, 2000, generator=torch.Generator().manual_seed(0))
    halves = torch.full((len(mixtures), 2), 0.5)
    assert torch.equal(separate(found, mixtures, weights=halves), separate(network, mixtures, weights=halves))


def test_a_network_for_something_else(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    write_separator(path, small("conv_tasnet"), classes=["drums", "bass"], rate=8000, provenance={})
    wanted: list[dict[str, Any]] = [
        {"name": "hybrid_demucs", "classes": ["drums", "bass"], "rate": 8000},
        {"name": "conv_tasnet", "classes": ["bass", "drums"], "rate": 8000},
        {"name": "conv_tasnet", "classes": ["drums", "bass"], "rate": 16000},
    ]
    for one in wanted:
        with pytest.raises(ValueError, match=r"network\.safetensors: a conv_tasnet for \['drums', 'bass'\]"):
            read_separator(path, **one)


def test_every_name_of_the_tables_has_its_settings() -> None:
    assert tuple(SETTINGS) == (*SUPERVISED, "disentangled")
