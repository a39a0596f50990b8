"""The VQ-VAE: shapes, how far a code looks, and losses by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.models.checkpoint import new_network
from lass.models.vqvae import Vqvae, VqvaeShape, relative_error, spectral_distance

SHAPES: list[dict[str, Any]] = [
    {"strides": (8, 8), "channels": (6, 8), "encoder_blocks": 1, "encoder_dilation": 1},
    {"strides": (2, 4), "channels": (4, 6), "encoder_blocks": 3, "encoder_dilation": 2},
    {"strides": (4,), "channels": (5,), "encoder_blocks": 0, "encoder_dilation": 1},
    {"strides": (2, 2, 2), "channels": (3, 4, 5), "encoder_blocks": 2, "encoder_dilation": 3},
    {"strides": (4, 2), "channels": (3, 4), "encoder_blocks": 2, "encoder_dilation": 1, "encoder_kernel": 5},
    {"strides": (4, 2), "channels": (3, 4), "encoder_blocks": 1, "encoder_dilation": 2, "overlap": False},
    {
        "strides": (4, 2),
        "channels": (3, 4),
        "encoder_blocks": 2,
        "encoder_dilation": 1,
        "encoder_kernel": 1,
        "overlap": False,
        "normalise": True,
    },
]


def build(**changes: Any) -> Vqvae:
    """A small network with random weights and a codebook drawn from its own latents."""
    fields: dict[str, Any] = {"codes": 32, "code_channels": 4, "decoder_blocks": 2, "decoder_dilation": 3}
    shape = VqvaeShape(**(fields | SHAPES[0] | changes))
    network: Vqvae = new_network(Vqvae, shape, seed=3)
    with torch.no_grad():
        network.quantizer.update(network.latents(noise(shape.hop * 100)), np.random.default_rng(0))
    return network.eval().requires_grad_(False)


def noise(samples: int, batch: int = 1) -> Tensor:
    """Waveforms [B, T]."""
    return torch.from_numpy(np.random.default_rng(samples).normal(size=(batch, samples))).float()


@pytest.mark.parametrize("changes", SHAPES)
def test_shapes(changes: dict[str, Any]) -> None:
    network = build(**changes)
    hop = network.shape.hop
    assert hop == int(np.prod(changes["strides"]))
    for tokens in (1, 2, 7):
        audio = noise(tokens * hop, batch=3)
        codes = network.encode(audio)
        assert network.latents(audio).shape == (3, tokens, 4)
        assert codes.shape == (3, tokens)
        assert codes.dtype == torch.int64
        assert 0 <= codes.min() <= codes.max() < 32
        assert network.decode(codes).shape == audio.shape
        assert torch.equal(network.decode(codes), network.synthesise(network.quantizer.decode(codes)))


@pytest.mark.parametrize("changes", SHAPES)
def test_margin_bounds_what_a_token_hears(changes: dict[str, Any]) -> None:
    """Other samples further than `margin` tokens away change no bit of a latent; nearer ones do."""
    network = build(**changes).double()  # far samples count for little: float32 would round them away
    hop, margin, tokens = network.shape.hop, network.margin, 40
    audio = noise(tokens * hop).double()
    other = audio.clone()
    first, last = 18, 21
    other[:, first * hop : last * hop] += noise(hop * (last - first))
    changed = (network.latents(audio) != network.latents(other)).any(dim=-1)[0]
    assert not changed[: first - margin].any()
    assert not changed[last + margin :].any()
    assert changed[first - margin]
    assert changed[last + margin - 1]


@pytest.mark.parametrize("changes", SHAPES)
def test_cutting_changes_codes_within_the_margin_only(changes: dict[str, Any]) -> None:
    network = build(**changes)
    hop, margin, tokens = network.shape.hop, network.margin, 60
    audio = noise(tokens * hop)
    latents, codes = network.latents(audio), network.encode(audio)
    for first, last in ((0, 30), (13, 40), (30, 60)):
        begin, end = first + margin * (first > 0), last - margin * (last < tokens)
        part = audio[:, first * hop : last * hop]
        assert torch.equal(network.encode(part)[:, begin - first : end - first], codes[:, begin:end])
        inner = network.latents(part)[:, begin - first : end - first]
        torch.testing.assert_close(inner, latents[:, begin:end])


@pytest.mark.parametrize("piece", [1, 2, 7, 30, 31])
def test_pieces_give_the_codes_of_the_whole(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr("lass.models.network.PIECE", piece)
    network = build(**SHAPES[1])
    audio = noise(30 * network.shape.hop, batch=2)
    assert torch.equal(network.encode(audio), network.quantizer.encode(network.latents(audio)))


def test_the_same_codes_and_sound_every_time() -> None:
    network = build()
    audio = noise(20 * network.shape.hop, batch=3)
    codes = network.encode(audio)
    assert torch.equal(codes, network.encode(audio))
    assert torch.equal(codes, torch.cat([network.encode(row[None]) for row in audio]))
    assert torch.equal(network.decode(codes), network.decode(codes))


@pytest.mark.parametrize("samples", [0, 1, 63, 65, 100])
def test_audio_that_ends_within_a_token(samples: int) -> None:
    network = build()
    message = f"audio of {samples} samples is not a positive multiple of the hop 64"
    for function in (network.encode, network.latents):
        with pytest.raises(ValueError, match=message):
            function(torch.zeros(1, samples))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strides": (8, 8, 2)}, "equally long"),
        ({"strides": (), "channels": ()}, "equally long, not empty"),
        ({"strides": (8, 3)}, r"strides \(8, 3\) must be even"),
        ({"encoder_kernel": 2}, "encoder_kernel 2 must be odd"),
        ({"image": (1, 128, 96)}, r"128 x 96 pixels: .* the hop 64, the product of strides \(8, 8\)"),
        ({"image": (1, 100, 128)}, "100 x 128 pixels"),
    ],
)
def test_shapes_that_cannot_be_built(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**changes)


# --- training ---


def test_the_loss_is_the_weighted_sum_and_reaches_every_weight() -> None:
    network = new_network(Vqvae, build().shape, seed=0, commitment=0.25, spectral=0.5).train()
    audio = noise(64 * 40, batch=2)
    losses = network.training_loss(audio, np.random.default_rng(0))
    total = losses["waveform"] + 0.5 * losses["spectral"] + 0.25 * losses["commitment"]
    torch.testing.assert_close(losses["loss"], total)
    losses["loss"].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_normalised_latents_have_no_mean_and_unit_variance() -> None:
    network = build(normalise=True)
    audio = noise(64 * 20, batch=2)
    latents = network.latents(audio)
    torch.testing.assert_close(latents.mean(dim=-1), torch.zeros(2, 20), atol=1e-5, rtol=0)
    torch.testing.assert_close(latents.square().mean(dim=-1), torch.ones(2, 20), atol=1e-2, rtol=0)
    plain = build().latents(audio)
    centred = plain - plain.mean(dim=-1, keepdim=True)
    expected = centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(latents, expected)


def test_the_codebook_moves_while_training_only() -> None:
    network = build()
    audio = noise(64 * 40)
    before = network.quantizer.codebook.clone()
    network.training_loss(audio, np.random.default_rng(0))
    assert torch.equal(network.quantizer.codebook, before)
    network.train().training_loss(audio, np.random.default_rng(0))
    assert not torch.equal(network.quantizer.codebook, before)


def test_relative_error_by_hand() -> None:
    audio = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    decoded = torch.tensor([[3.0, 2.0], [0.1, 0.1]])
    # 2 / (12.5 + 0.5) and 0.01 / 0.5
    assert relative_error(decoded, audio, floor=0.5) == pytest.approx((2 / 13 + 0.02) / 2)


def test_spectral_distance() -> None:
    """Zero for the same sound, blind to its sign, and one for silence in place of a loud sound."""
    audio = noise(4096, batch=2) * 100
    assert spectral_distance(audio, audio) == 0
    assert spectral_distance(-audio, audio) == pytest.approx(0, abs=1e-6)
    assert spectral_distance(torch.zeros_like(audio), audio) == pytest.approx(1, abs=1e-3)
    assert spectral_distance(audio * 0.5, audio) == pytest.approx(0.25, abs=1e-3)
