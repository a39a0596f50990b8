"""Codecs of Hugging Face against transformers' own encoding and decoding."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from typer.testing import CliRunner

from lass.cli import app
from lass.models.codec import CodecAt, open_codec
from lass.models.headers import describe_checkpoint
from lass.models.pretrained.huggingface_codecs import HuggingFaceCodec
from lass.models.pretrained.registry import convert_files
from lass.models.settings import CodecCheck
from tests.models.pretrained.huggingface_folders import SIZES, tiny_folder

CPU = torch.device("cpu")
CHECK = CodecCheck(hop=64, rate=8000)
KINDS = pytest.mark.parametrize("kind", SIZES)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def imported(folder: Path, kind: str, *, check: CodecCheck = CHECK) -> tuple[CodecAt, HuggingFaceCodec]:
    part = convert_files(kind, [folder], folder.parent / "model", options={}, force=True)
    codec = open_codec(part, check, device=CPU)
    assert isinstance(codec.vqvae, HuggingFaceCodec)
    return codec, codec.vqvae


def encoded_there(model: Any, kind: str, data: Tensor) -> Tensor:
    """Codes [B, S] of the first codebook by transformers."""
    audio = data[:, None]
    if kind == "dac":
        return torch.as_tensor(model.encode(audio, n_quantizers=1).audio_codes[:, 0])
    if kind == "encodec":  # its lowest bandwidth has two codebooks
        return torch.as_tensor(model.encode(audio, bandwidth=1.25).audio_codes[0, :, 0])
    return torch.as_tensor(model.encode(audio, num_quantizers=1).audio_codes[:, 0])


def decoded_there(model: Any, kind: str, codes: Tensor) -> Tensor:
    """Audio [B, T] of codes [B, S] of the first codebook by transformers."""
    if kind == "dac":
        return torch.as_tensor(model.decode(audio_codes=codes[:, None]).audio_values)
    if kind == "encodec":
        return torch.as_tensor(model.decode(codes[None, :, None], [None]).audio_values[:, 0])
    return torch.as_tensor(model.decode(codes[:, None]).audio_values[:, 0])


def rows_of(folder: Path, kind: str) -> Tensor:
    """Vectors [K, C] of the first codebook, from the public file alone."""
    tensors = load_file(folder / "model.safetensors")
    if kind == "dac":
        return tensors["quantizer.quantizers.0.codebook.weight"]
    if kind == "encodec":
        return tensors["quantizer.layers.0.codebook.embed"]
    first = "quantizer.semantic_residual_vector_quantizer.layers.0.codebook"
    return tensors[f"{first}.embed_sum"] / tensors[f"{first}.cluster_usage"][:, None]


@KINDS
def test_codes_and_sound_are_those_of_transformers(tmp_path: Path, kind: str) -> None:
    model = tiny_folder(tmp_path / "public", kind)
    codec, network = imported(tmp_path / "public", kind)
    data = noise(3, 64 * 40)
    codes = codec.encode(data)
    assert codes.shape == (3, 40)
    assert torch.equal(codes, encoded_there(model, kind, data))
    assert len(codes.unique()) > 8
    sound = codec.decode(codes)
    torch.testing.assert_close(sound, decoded_there(model, kind, codes), atol=1e-4, rtol=0)
    assert sound.shape == data.shape
    assert float(sound.abs().mean()) > 0.1
    assert (codec.hop, codec.image, network.shape.codes) == (64, None, 32)


@KINDS
def test_the_codebook_is_that_of_the_file_and_names_the_codec(tmp_path: Path, kind: str) -> None:
    tiny_folder(tmp_path / "public", kind)
    codec, _ = imported(tmp_path / "public", kind)
    rows = rows_of(tmp_path / "public", kind)
    assert torch.equal(codec.codebook, rows)
    assert codec.codebook.dtype == torch.float32
    named = hashlib.sha256(rows.numpy().tobytes()).hexdigest()[:16]
    told = describe_checkpoint(tmp_path / "model" / "codec.safetensors", kind)["provenance"]
    assert codec.identity == told["codebook"] == named
    assert told["file"] == "model.safetensors"
    assert told["sample_rate"] == 8000
    assert len(told["sha256"]) == 64
    assert told["licence"]


@KINDS
def test_codes_are_the_nearest_rows_of_the_latents(tmp_path: Path, kind: str) -> None:
    tiny_folder(tmp_path / "public", kind)
    codec, _ = imported(tmp_path / "public", kind)
    data = noise(1, 64 * 30, seed=1)
    rows = codec.codebook.double().numpy()
    wanted = []
    for vector in codec.latents(data)[0].double().numpy():
        if kind == "dac":
            angles = [row @ vector / np.linalg.norm(row) for row in rows]
            wanted.append(int(np.argmax(angles)))
        else:
            wanted.append(int(np.argmin([np.linalg.norm(row - vector) for row in rows])))
    assert codec.encode(data)[0].tolist() == wanted
    by_distance = [int(np.argmin([np.linalg.norm(row - each) for row in rows]))
                   for each in codec.latents(data)[0].double().numpy()]  # fmt: skip
    assert (by_distance == wanted) == (kind != "dac")  # by angle is another answer


def test_the_latents_of_dac_are_the_projected_ones(tmp_path: Path) -> None:
    model = tiny_folder(tmp_path / "public", "dac")
    codec, _ = imported(tmp_path / "public", "dac")
    data = noise(2, 64 * 5)
    there = model.encode(data[:, None], n_quantizers=1).projected_latents.transpose(1, 2)
    torch.testing.assert_close(codec.latents(data), there, atol=1e-5, rtol=0)
    assert codec.embed(torch.tensor([[3, 5]])).tolist() == codec.codebook[[3, 5]][None].tolist()


@KINDS
@pytest.mark.parametrize("samples", [0, 1, 64 * 3 - 1])
def test_sound_that_ends_within_a_token_is_refused(tmp_path: Path, kind: str, samples: int) -> None:
    tiny_folder(tmp_path / "public", kind)
    codec, _ = imported(tmp_path / "public", kind)
    for length in (1, 2, 7):
        data = noise(2, 64 * length)
        assert codec.encode(data).shape == (2, length)
        assert codec.decode(codec.encode(data)).shape == data.shape
    with pytest.raises(ValueError, match=f"audio of {samples} samples is not a positive multiple of the hop"):
        codec.encode(torch.zeros(1, samples))


def test_what_odd_strides_leave_out_is_silent(tmp_path: Path) -> None:
    model = tiny_folder(tmp_path / "public", "dac", downsampling_ratios=[2, 4, 5])
    codec, _ = imported(tmp_path / "public", "dac", check=CodecCheck(hop=40, rate=8000))
    data = noise(2, 40 * 20)
    codes = codec.encode(data)
    assert torch.equal(codes, encoded_there(model, "dac", data))
    there, here = decoded_there(model, "dac", codes), codec.decode(codes)
    assert there.shape == (2, 40 * 20 - 8)
    torch.testing.assert_close(here[:, :-8], there, atol=1e-4, rtol=0)
    assert here[:, -8:].tolist() == [[0.0] * 8] * 2


@pytest.mark.parametrize("ratios", [[2, 4, 8], [2, 4, 5], [8, 2]])
def test_the_margin_of_dac_is_the_reach_of_its_encoder(tmp_path: Path, ratios: list[int]) -> None:
    hop, token, tokens = int(np.prod(ratios)), 30, 60
    tiny_folder(tmp_path / "public", "dac", downsampling_ratios=ratios)
    _, network = imported(tmp_path / "public", "dac", check=CodecCheck(hop=hop, rate=8000))
    audio = noise(4, tokens * hop).requires_grad_()
    network.latents(audio)[:, token].square().sum().backward()
    assert audio.grad is not None
    touched = audio.grad.abs().sum(dim=0).nonzero()[:, 0]
    first, last, margin = int(touched[0]), int(touched[-1]), network.margin
    assert first >= (token - margin) * hop
    assert last < (token + margin + 1) * hop
    assert first < (token - margin + 1) * hop or last >= (token + margin) * hop


def test_long_sound_is_encoded_in_pieces_as_it_is_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_folder(tmp_path / "public", "dac")
    codec, network = imported(tmp_path / "public", "dac")
    data = noise(2, 64 * 60)
    whole = codec.encode(data)
    for place in ("lass.models.network.PIECE", "lass.models.pretrained.huggingface_codecs.PIECE"):
        monkeypatch.setattr(place, 7)
    assert torch.equal(codec.encode(data), whole)
    monkeypatch.setattr(HuggingFaceCodec, "margin", 0)  # without a margin the seams are heard
    assert not torch.equal(network.encode(data), whole)


@pytest.mark.parametrize(("kind", "margin"), [("encodec", 40), ("mimi", 6)])
def test_codes_of_causal_codecs_do_not_depend_on_what_follows(tmp_path: Path, kind: str, margin: int) -> None:
    tiny_folder(tmp_path / "public", kind)
    codec, network = imported(tmp_path / "public", kind)
    data = noise(2, 64 * 40)
    assert torch.equal(codec.encode(data)[:, :25], codec.encode(data[:, : 64 * 25]))
    # Convolutions see of the past: 6+2+2+2*2+4*2+2*8+8*8+6*64 = 486 samples, so 8 tokens, and 32 of memory;
    # of Mimi 6+2+4+2*4+8*4+2*32+2*32 = 180 samples are 3 tokens, and half of the 6 frames that it attends to.
    assert network.margin == margin


@KINDS
def test_sound_can_be_refined_and_decoded_at_half_precision(tmp_path: Path, kind: str) -> None:
    tiny_folder(tmp_path / "public", kind)
    codec, network = imported(tmp_path / "public", kind)
    codes = codec.encode(noise(1, 64 * 6))
    latents = codec.embed(codes).clone().requires_grad_()
    codec.synthesise(latents).square().sum().backward()
    assert latents.grad is not None
    assert bool((latents.grad.abs().sum(dim=-1) > 0).all())
    low = CodecAt(network, "bfloat16")
    assert torch.equal(low.encode(noise(1, 64 * 6)), codes)
    exact, rough = codec.decode(codes), low.decode(codes)
    assert rough.dtype == torch.float32
    assert not torch.equal(rough, exact)
    assert float((rough - exact).norm() / exact.norm()) < 0.2


@KINDS
def test_equal_folders_give_equal_bytes_and_chance_is_left_alone(tmp_path: Path, kind: str) -> None:
    tiny_folder(tmp_path / "public", kind)
    torch.manual_seed(5)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    imported(tmp_path / "public", kind)
    assert torch.equal(torch.rand(1), drawn)
    part = tmp_path / "model" / "codec.safetensors"
    before = part.read_bytes()
    imported(tmp_path / "public", kind)
    assert part.read_bytes() == before


@KINDS
def test_weights_that_are_stored_in_half_are_used_in_float32(tmp_path: Path, kind: str) -> None:
    model = tiny_folder(tmp_path / "public", kind)
    model.half().save_pretrained(tmp_path / "half")
    codec, _ = imported(tmp_path / "half", kind)
    assert codec.codebook.dtype == torch.float32
    data = noise(1, 64 * 30)
    assert torch.equal(codec.encode(data), encoded_there(model.float(), kind, data))


def test_the_names_of_encodecs_public_file(tmp_path: Path) -> None:
    """It was written before torch renamed the parts of its normalised weights."""
    model = tiny_folder(tmp_path / "public", "encodec")
    path = tmp_path / "public" / "model.safetensors"
    renamed = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in load_file(path).items()
    }
    assert "encoder.layers.0.conv.weight_g" in renamed
    save_file(renamed, path, metadata={"format": "pt"})
    codec, _ = imported(tmp_path / "public", "encodec")
    data = noise(1, 64 * 30)
    assert torch.equal(codec.encode(data), encoded_there(model, "encodec", data))


# --- what is refused ---


def described(folder: Path, **values: Any) -> Path:
    """A folder of which config.json says this, and whose weights are no weights."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"\0" * 16)
    return folder


def complaint(kind: str, folder: Path, out: Path) -> str:
    result = CliRunner().invoke(app, ["import", kind, str(folder), "--out", str(out)])
    assert result.exit_code == 1, result.output
    assert not out.exists()
    return " ".join(result.stderr.split())


@KINDS
def test_folders_of_other_things_are_refused(tmp_path: Path, kind: str) -> None:
    out, folder = tmp_path / "out", tmp_path / "public"
    assert "config.json: no such file; give the folder of a model" in complaint(kind, tmp_path / "none", out)
    assert "describes a gpt2, but" in complaint(kind, described(folder, model_type="gpt2"), out)
    assert "lacks sampling_rate" in complaint(kind, described(folder, model_type=kind), out)
    (folder / "config.json").write_text("[]", encoding="utf-8")
    assert "is no description of a model" in complaint(kind, folder, out)
    (folder / "config.json").write_text("{", encoding="utf-8")
    assert "is no description of a model" in complaint(kind, folder, out)
    (folder / "model.safetensors").unlink()
    assert "model.safetensors: no such file" in complaint(kind, folder, out)


def test_the_extra_is_named_where_it_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    folder = described(tmp_path / "public", model_type="dac", sampling_rate=8000)
    told = complaint("dac", folder, tmp_path / "out")
    assert "need the package transformers, which is not installed" in told
    assert "pip install '.[huggingface]'" in told


@KINDS
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, kind: str) -> None:
    tiny_folder(tmp_path / "public", kind)
    path, out = tmp_path / "public" / "model.safetensors", tmp_path / "out"
    whole = load_file(path)
    lost = next(name for name in whole if name.startswith("decoder") and name.endswith("bias"))
    fewer = {name: tensor for name, tensor in whole.items() if name != lost}
    save_file(fewer, path, metadata={"format": "pt"})
    assert "model.safetensors: lacks" in complaint(kind, path.parent, out)
    save_file(fewer | {lost: whole[lost][:-1].clone()}, path, metadata={"format": "pt"})
    assert "model.safetensors: its weights do not fit config.json" in complaint(kind, path.parent, out)
    save_file(whole | {lost: whole[lost] / 0}, path, metadata={"format": "pt"})
    assert "holds NaN or infinity" in complaint(kind, path.parent, out)
    path.write_bytes(path.read_bytes()[:-100])
    assert "model.safetensors: damaged or truncated" in complaint(kind, path.parent, out)


@pytest.mark.parametrize(
    ("kind", "sizes", "told"),
    [
        ("encodec", {"audio_channels": 2}, "audio_channels is 2, but"),
        ("encodec", {"normalize": True}, "normalize is True, but"),
        ("encodec", {"chunk_length_s": 1.0, "overlap": 0.01}, "chunk_length_s is 1.0, but"),
        ("mimi", {"num_semantic_quantizers": 2}, "num_semantic_quantizers is 2, but"),
    ],
)
def test_codecs_of_more_than_one_code_per_position_are_refused(
    tmp_path: Path, kind: str, sizes: dict[str, Any], told: str
) -> None:
    tiny_folder(tmp_path / "public", kind, **sizes)
    assert f"config.json: {told}" in complaint(kind, tmp_path / "public", tmp_path / "out")


def test_the_configuration_must_have_its_rate_and_hop(tmp_path: Path) -> None:
    tiny_folder(tmp_path / "public", "dac")
    imported(tmp_path / "public", "dac")
    part = tmp_path / "model" / "codec.safetensors"
    with pytest.raises(ValueError, match=r"works at 8000 Hz, but sample_rate is 16000; make them equal"):
        open_codec(part, CodecCheck(hop=64, rate=16000), device=CPU)
    with pytest.raises(ValueError, match=r"64 samples per token, but codec\.strides give 128"):
        open_codec(part, CodecCheck(hop=128, rate=8000), device=CPU)


def test_the_command_says_the_licence(tmp_path: Path) -> None:
    tiny_folder(tmp_path / "dac_44khz", "dac")
    out = tmp_path / "model"
    result = CliRunner().invoke(app, ["import", "dac", str(tmp_path / "dac_44khz"), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out / 'codec.safetensors'}: imported from dac_44khz\n"
    assert "licence: DAC's code and weights (Descript): MIT" in result.stderr
