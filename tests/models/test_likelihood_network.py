"""The learned likelihood's network: what it learns, how it is calibrated, and its file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.likelihood.residual import read_residual
from lass.models.checkpoint import new_network
from lass.models.codec import open_codec
from lass.models.likelihood_network import (
    FORM,
    VERSION,
    Batch,
    LikelihoodNetwork,
    NetworkShape,
    read_network,
    write_network,
)
from lass.models.settings import CodecCheck
from lass.storage import write_tensors

SHIPPED = Path(__file__).parents[2] / "lass" / "shipped" / "slakh-mini"
SHAPE = NetworkShape(codes=3, code_channels=2, hop=4, sources=2, width=16, window=8, dilations=(1, 2))
HELD: dict[str, Any] = {"sources": ["a", "b"], "weights": [0.5, 0.5], "codebook": "ours"}


def draw_batch(seed: int, *, noise: float = 0.3) -> Batch:
    """Mixtures whose latents say, but for noise, which codes their sources have."""
    rng = np.random.default_rng(seed)
    codes = torch.from_numpy(rng.integers(3, size=(8, 2, 10)))
    latents = codes.transpose(1, 2).float() + noise * torch.from_numpy(rng.normal(size=(8, 10, 2))).float()
    return torch.from_numpy(rng.normal(size=(8, 40))).float(), latents, codes


def trained(steps: int) -> LikelihoodNetwork:
    network: LikelihoodNetwork = new_network(LikelihoodNetwork, SHAPE, seed=0)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for step in range(steps):
        loss = network.training_loss(draw_batch(step), np.random.default_rng(0))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


def test_it_learns_the_codes_of_every_source() -> None:
    network, batch = trained(60), draw_batch(1000)
    losses = {
        name: loss.item() for name, loss in network.training_loss(batch, np.random.default_rng(0)).items()
    }
    assert losses["loss"] == pytest.approx((losses["source_0"] + losses["source_1"]) / 2, abs=1e-5)
    assert losses["loss"] < 0.6 < np.log(3), "chance is log 3"
    right = network(*batch[:2]).argmax(dim=-1) == batch[2]
    assert right.float().mean() > 0.8


def test_the_likelihood_is_the_posterior_over_the_frequencies() -> None:
    network = trained(20)
    skewed = [(*draw_batch(seed)[:2], torch.zeros(8, 2, 10, dtype=torch.int64)) for seed in range(4)]
    network.calibrate(skewed, [draw_batch(1000)])
    assert network.log_prior.exp().sum(dim=1).tolist() == pytest.approx([1.0, 1.0])
    assert network.log_prior.exp()[0].tolist() == pytest.approx([321 / 323, 1 / 323, 1 / 323]), "one of each"
    likelihood = network.log_likelihood(*draw_batch(5)[:2])
    assert likelihood.shape == (8, 2, 10, 3)
    total = (likelihood + network.log_prior[:, None]).logsumexp(dim=-1)
    torch.testing.assert_close(total, torch.zeros(8, 2, 10), atol=1e-5, rtol=0)


def cross_entropy(network: LikelihoodNetwork, batch: Batch) -> Tensor:
    return -network.log_posterior(*batch[:2]).gather(3, batch[2][..., None]).mean()


def test_calibration_lowers_the_cross_entropy_of_what_it_is_too_sure_of() -> None:
    network, unseen = trained(60), draw_batch(1000, noise=1.5)  # harder than what it has learnt from
    with torch.no_grad():
        before = cross_entropy(network, unseen)
        network.calibrate([draw_batch(1)], [unseen])
        assert network.temperature.min() > 1
        assert cross_entropy(network, unseen) < before


def test_the_file_gives_the_same_network(tmp_path: Path) -> None:
    network = trained(5)
    network.calibrate([draw_batch(1)], [draw_batch(2)])
    write_network(tmp_path / "network.safetensors", network, provenance={"seed": 0}, **HELD)
    found = read_network(tmp_path / "network.safetensors", **HELD)
    assert found.shape == SHAPE
    mixtures, latents, _ = draw_batch(3)
    torch.testing.assert_close(
        found.log_likelihood(mixtures, latents), network.log_likelihood(mixtures, latents), atol=2e-2, rtol=0
    )
    write_network(tmp_path / "again.safetensors", network, provenance={"seed": 0}, **HELD)
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "network.safetensors").read_bytes()


@pytest.mark.parametrize(
    "other",
    [{"sources": ["b", "a"]}, {"weights": [0.3, 0.7]}, {"codebook": "another"}],
    ids=["sources", "weights", "codebook"],
)
def test_another_ones_file_is_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    path = tmp_path / "network.safetensors"
    write_network(path, new_network(LikelihoodNetwork, SHAPE, seed=0), provenance={}, **HELD)
    with pytest.raises(ValueError, match=r"network.safetensors: trained for {'sources': \['a', 'b'\]"):
        read_network(path, **HELD | other)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path, network = tmp_path / "network.safetensors", new_network(LikelihoodNetwork, SHAPE, seed=0)
    network.heads.bias.data[0] = torch.nan
    write_network(path, network, provenance={}, **HELD)
    with pytest.raises(ValueError, match=r"network.safetensors.*NaN or infinity"):
        read_network(path, **HELD)
    write_tensors(path, {}, form=FORM, version=VERSION, fields=HELD)
    with pytest.raises(ValueError, match=r"network\.safetensors: .*(damaged|do not fit)"):
        read_network(path, **HELD)


def test_first_weights_depend_on_the_seed_alone() -> None:
    one, same, other = (new_network(LikelihoodNetwork, SHAPE, seed=seed).heads.weight for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("folder", "classes"),
    [
        ("", ["drums", "bass"]),
        ("synthetic", ["drums", "bass"]),
        ("three_sources", ["drums", "bass", "guitar"]),
    ],
)
def test_the_shipped_networks_hear_mixtures_of_the_shipped_codec(folder: str, classes: list[str]) -> None:
    """And their residuals are of the same classes and codes."""
    check = CodecCheck(hop=64, rate=16000)
    codec = open_codec(SHIPPED / "codec.safetensors", check, device=torch.device("cpu"))
    held: dict[str, Any] = {"weights": [1 / len(classes)] * len(classes), "codebook": codec.identity}
    network = read_network(SHIPPED / folder / "network.safetensors", sources=classes, **held)
    mixture = 0.1 * torch.randn(1, 6400, generator=torch.Generator().manual_seed(0))
    heard = network.log_posterior(mixture, codec.latents(mixture))
    assert heard.shape == (1, len(classes), 100, len(codec.codebook))
    torch.testing.assert_close(heard.exp().sum(dim=-1), torch.ones(1, len(classes), 100))
    residual = SHIPPED / folder / "residual.safetensors"
    assert read_residual(residual, classes=classes, codebook=codec.identity).count.shape[0] == len(classes)
