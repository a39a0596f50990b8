"""Jukebox's VQ-VAE against a second computation, written down from the description, in numpy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.models.pretrained.jukebox_codec import JukeboxVqvae, downsample, read_jukebox_vqvae, upsample
from lass.models.pretrained.jukebox_import import import_jukebox_vqvae
from lass.storage import read_header, read_tensors
from tests.models.pretrained.public_jukebox import HALVINGS, level_sizes, random_vqvae

Array = np.ndarray[Any, Any]


def imported(folder: Path, weights: dict[str, Tensor], **given: Any) -> JukeboxVqvae:
    folder.mkdir(exist_ok=True)
    torch.save({"model": weights, "step": 1}, folder / "vqvae.pth.tar")
    return read_jukebox_vqvae(import_jukebox_vqvae([folder / "vqvae.pth.tar"], folder / "model"), **given)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# --- the second computation: one recording [C, T] in float64, tap by tap ---


def convolve(x: Array, weights: dict[str, Array], name: str, *, stride: int = 1, dilation: int = 1) -> Array:
    kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    taps = kernel.shape[2]
    pad = 1 if taps == 4 else dilation * (taps - 1) // 2
    padded = np.pad(x, ((0, 0), (pad, pad)))
    length = (padded.shape[1] - dilation * (taps - 1) - 1) // stride + 1
    out = np.repeat(bias[:, None], length, axis=1)
    for tap in range(taps):
        begin = tap * dilation
        out = out + kernel[:, :, tap] @ padded[:, begin : begin + stride * (length - 1) + 1 : stride]
    return out


def widen(x: Array, weights: dict[str, Array], name: str) -> Array:
    """Transposed convolution of 4 taps, stride 2, one number cut off at either end."""
    kernel = weights[f"{name}.weight"]
    out = np.zeros((kernel.shape[1], 2 * x.shape[1] + 2))
    for place in range(x.shape[1]):
        for tap in range(4):
            out[:, 2 * place + tap] += kernel[:, :, tap].T @ x[:, place]
    widened: Array = out[:, 1:-1] + weights[f"{name}.bias"][:, None]
    return widened


def correct(x: Array, weights: dict[str, Array], name: str, dilations: list[int]) -> Array:
    for index, dilation in enumerate(dilations):
        inner = convolve(np.maximum(x, 0), weights, f"{name}.model.{index}.model.1", dilation=dilation)
        x = x + convolve(np.maximum(inner, 0), weights, f"{name}.model.{index}.model.3")
    return x


def encode(audio: Array, weights: dict[str, Array], *, depth: int) -> tuple[Array, Array]:
    x = audio[None]
    for block, stages in enumerate(HALVINGS):
        name = f"encoders.2.level_blocks.{block}.model"
        for stage in range(stages):
            x = convolve(x, weights, f"{name}.{stage}.0", stride=2)
            x = correct(x, weights, f"{name}.{stage}.1", [3**each for each in range(depth)])
        x = convolve(x, weights, f"{name}.{stages}")
    distances = np.square(x.T[:, None] - weights["bottleneck.level_blocks.2.k"][None]).sum(axis=2)
    return x.T, distances.argmin(axis=1)


def decode(codes: Array, weights: dict[str, Array], *, depth: int) -> Array:
    x: Array = weights["bottleneck.level_blocks.2.k"][codes].T
    for block in (2, 1, 0):
        name = f"decoders.2.level_blocks.{block}.model"
        x = convolve(x, weights, f"{name}.0")
        for stage in range(1, HALVINGS[block] + 1):
            x = correct(x, weights, f"{name}.{stage}.0", [3**each for each in reversed(range(depth))])
            x = widen(x, weights, f"{name}.{stage}.1")
    decoded: Array = convolve(x, weights, "decoders.2.out")[0]
    return decoded


@pytest.mark.parametrize("depth", [2, 3])
def test_codes_and_sound_are_those_of_the_description(tmp_path: Path, depth: int) -> None:
    weights = random_vqvae(depth=depth)
    exact = {name: each.double().numpy() for name, each in weights.items()}
    network = imported(tmp_path, weights)
    assert (network.shape.depth, network.shape.hop, len(network.quantizer.codebook)) == (depth, 128, 16)
    audio = noise(2, 128 * 7)
    for row, latents, codes, decoded in zip(
        audio.double().numpy(),
        network.latents(audio).numpy(),
        network.encode(audio).numpy(),
        network.decode(network.encode(audio)).numpy(),
        strict=True,
    ):
        wanted, wanted_codes = encode(row, exact, depth=depth)
        np.testing.assert_allclose(latents, wanted, atol=1e-4)
        assert codes.tolist() == wanted_codes.tolist()
        assert len(set(codes.tolist())) > 2
        np.testing.assert_allclose(decoded, decode(wanted_codes, exact, depth=depth), atol=1e-4)


def test_the_public_file_has_267_tensors_at_the_top() -> None:
    sizes = dict(level_sizes(2, codes=2048, emb=64, width=32, depth=4))
    assert len(sizes) == 267
    assert sum(int(np.prod(shape)) for shape in sizes.values()) == 475_777


def test_a_whole_public_layout_is_imported_and_sees_82_tokens(tmp_path: Path) -> None:
    network = imported(tmp_path, random_vqvae(codes=2048, emb=64, width=32, depth=4))
    assert network.margin == 82
    assert sum(each.numel() for each in network.parameters()) + 2048 * 64 == 475_777


def seen(network: JukeboxVqvae, token: int, tokens: int) -> tuple[int, int]:
    """First and last sample that a token's latents depend on, by gradients."""
    audio = noise(16, tokens * network.shape.hop, seed=1).requires_grad_()
    network.latents(audio)[:, token].sum().backward()
    assert audio.grad is not None
    touched = (
        audio.grad.abs().sum(dim=0).nonzero()[:, 0]
    )  # where one recording's is blocked, another's is not
    return int(touched[0]), int(touched[-1])


@pytest.mark.parametrize(("rate", "depth"), [(44_100, 1), (44_100, 2), (22_050, 2)])
def test_the_margin_is_the_reach_of_the_encoder(tmp_path: Path, rate: int, depth: int) -> None:
    network = imported(tmp_path, random_vqvae(depth=depth), rate=rate)
    hop, margin, token = network.shape.hop, network.margin, 30
    first, last = seen(network, token, 60)
    # A piece from `margin` tokens before it to `margin` tokens after it holds all that it sees...
    assert first >= (token - margin) * hop
    assert last < (token + margin + 1) * hop
    # ... and one that is a token smaller on both sides does not.
    assert first < (token - margin + 1) * hop or last >= (token + margin) * hop


def test_long_sound_is_encoded_in_pieces_as_it_is_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = imported(tmp_path, random_vqvae())
    audio = noise(1, 128 * 60)
    whole = network.quantizer.encode(network.latents(audio))
    monkeypatch.setattr("lass.models.network.PIECE", 7)
    assert torch.equal(network.encode(audio), whole)
    monkeypatch.setattr(JukeboxVqvae, "margin", 0)  # without a margin the seams are heard
    assert not torch.equal(network.encode(audio), whole)


def test_data_of_half_the_rate(tmp_path: Path) -> None:
    weights = random_vqvae()
    full, half = imported(tmp_path, weights), imported(tmp_path, weights, rate=22_050, hop=64)
    assert (half.shape.hop, half.quantizer.identity) == (64, full.quantizer.identity)
    audio = noise(2, 64 * 9)
    doubled = torch.zeros(2, 128 * 9)  # by the definition of a straight line, sample by sample
    for place in range(128 * 9):
        left, right = audio[:, place // 2], audio[:, min(-(-place // 2), 64 * 9 - 1)]
        doubled[:, place] = (left + right) / 2
    assert torch.equal(half.encode(audio), full.encode(doubled))
    codes = half.encode(audio)
    assert half.decode(codes).shape == audio.shape
    with pytest.raises(ValueError, match="works at 44100 Hz, and sample_rate is 16000: give 44100 Hz or"):
        imported(tmp_path, weights, rate=16_000)
    with pytest.raises(ValueError, match="64 samples per token at 22050 Hz, but 128 are configured"):
        imported(tmp_path, weights, rate=22_050, hop=128)


def test_rates_change_without_moving_or_colouring_sound() -> None:
    time = torch.arange(4096) / 22_050
    low = (2 * torch.pi * 440 * time).sin()[None]
    there = upsample(low, 2)
    assert torch.equal(there[:, ::2], low)
    back = downsample(there, 2)
    torch.testing.assert_close(back[:, 64:-64], low[:, 64:-64], atol=3e-3, rtol=0)
    high = (2 * torch.pi * 15_000 * torch.arange(8192) / 44_100).sin()[None]
    assert float(downsample(high, 2)[:, 64:-64].abs().max()) < 0.02  # not folded to 7,050 Hz


def test_a_synthesis_can_be_differentiated(tmp_path: Path) -> None:
    network = imported(tmp_path, random_vqvae(), rate=22_050)
    latents = network.embed(torch.arange(8)[None]).requires_grad_()
    network.synthesise(latents).square().sum().backward()
    assert latents.grad is not None
    assert float(latents.grad.abs().min(dim=-1).values.max()) > 0


def test_the_part_tells_where_it_is_from_and_is_not_rounded(tmp_path: Path) -> None:
    weights = random_vqvae()
    network = imported(tmp_path, weights)
    path = tmp_path / "model" / "codec.safetensors"
    header = read_header(path, form="lass.checkpoint", version=1)
    assert header["kind"] == "jukebox-vqvae"
    provenance = header["provenance"]
    assert provenance["file"] == "vqvae.pth.tar"
    assert len(provenance["sha256"]) == 64
    assert "non-commercial" in provenance["licence"]
    assert provenance["codebook"] == network.quantizer.identity
    held = read_tensors(path)
    assert len(held) == sum(name.split(".")[1] == "2" or name.endswith(".2.k") for name in weights)
    assert all(each.dtype == torch.float32 for each in held.values())
    assert torch.equal(held["encoder.0.weight"], weights["encoders.2.level_blocks.0.model.0.0.weight"])


def test_tensors_that_do_not_fit(tmp_path: Path) -> None:
    weights = random_vqvae()
    name = "decoders.2.level_blocks.1.model.2.0.model.1.model.3.bias"
    with pytest.raises(
        ValueError, match=rf"vqvae\.pth\.tar: lacks {name}; this is a network of another kind"
    ):
        imported(tmp_path, {key: each for key, each in weights.items() if key != name})
    with pytest.raises(ValueError, match=r"has tensors that are not known: prior\.start_token"):
        imported(tmp_path, weights | {"prior.start_token": torch.zeros(1)})
    with pytest.raises(ValueError, match=rf"{name} is of shape \(5,\) instead of \(4,\)"):
        imported(tmp_path, weights | {name: torch.zeros(5)})
    with pytest.raises(ValueError, match=rf"{name} holds NaN or infinity"):
        imported(tmp_path, weights | {name: torch.full((4,), torch.nan)})
    with pytest.raises(ValueError, match=r"has no encoders\.0 of Jukebox's VQ-VAE, but a, b"):
        imported(tmp_path, {"a": torch.zeros(1), "b": torch.zeros(1)})
    with pytest.raises(ValueError, match="made of one file, but 2 are given"):
        import_jukebox_vqvae([Path("a"), Path("b")], tmp_path)
    with pytest.raises(
        ValueError, match=r"bottleneck\.level_blocks\.2\.k \(missing\) should be a tensor of 2"
    ):
        imported(tmp_path, {key: each for key, each in weights.items() if not key.endswith("2.k")})


def test_sound_that_ends_within_a_token(tmp_path: Path) -> None:
    network = imported(tmp_path, random_vqvae())
    for samples in (0, 130):
        with pytest.raises(ValueError, match=f"audio of {samples} samples is not a positive multiple of"):
            network.encode(torch.zeros(1, samples))


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    imported(tmp_path, random_vqvae())
    from lass.models.checkpoint import read_vqvae  # noqa: PLC0415

    with pytest.raises(ValueError, match="holds a jukebox-vqvae, but a vqvae is needed"):
        read_vqvae(tmp_path / "model" / "codec.safetensors")
