"""A codec at the precision of a run: it encodes as it was counted, and decodes as it is told."""

from pathlib import Path

import pytest
import torch

from lass.models.checkpoint import write_checkpoint
from lass.models.codec import CodecAt, open_codec
from lass.models.settings import CodecCheck
from tests.models.toy import network_of, new_codec, small_codec

CPU = torch.device("cpu")
DATA = torch.randn(2, 32, generator=torch.Generator().manual_seed(0))


def test_a_codec_is_its_network() -> None:
    codec = new_codec(small_codec(stride=4))
    codes = codec.encode(DATA)
    assert codes.shape == (2, 8)
    assert torch.equal(codec.embed(codes), codec.codebook[codes])
    assert torch.equal(codec.decode(codes), codec.vqvae.decode(codes))
    assert (codec.hop, codec.device) == (4, CPU)
    assert codec.identity == codec.vqvae.quantizer.identity


def test_low_precision_rounds_what_is_decoded_and_no_code() -> None:
    exact = new_codec(small_codec(stride=4))
    low = CodecAt(exact.vqvae, "bfloat16")
    codes = exact.encode(DATA)
    assert torch.equal(low.encode(DATA), codes)
    assert low.decode(codes).dtype == torch.float32
    assert not torch.equal(low.decode(codes), exact.decode(codes))
    torch.testing.assert_close(low.decode(codes), exact.decode(codes), rtol=0.05, atol=0.05)


def test_a_synthesis_can_be_differentiated() -> None:
    codec = new_codec(small_codec(stride=4))
    latents = codec.embed(codec.encode(DATA)).requires_grad_()
    codec.synthesise(latents).square().sum().backward()
    assert latents.grad is not None
    assert latents.grad.abs().sum() > 0


def test_a_precision_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="precision 'float16': choose one of float32, bfloat16"):
        CodecAt(new_codec(small_codec(stride=4)).vqvae, "float16")


def test_a_codec_of_another_hop_or_rate(tmp_path: Path) -> None:
    path, network = tmp_path / "codec.safetensors", network_of(new_codec(small_codec(stride=4)))
    write_checkpoint(path, network, provenance={"sample_rate": 8000})
    codec = open_codec(path, CodecCheck(hop=4, rate=8000), device=CPU)
    assert (codec.hop, codec.precision) == (4, "float32")
    with pytest.raises(
        ValueError, match=r"codec\.safetensors: 4 samples per token, but codec.strides give 8"
    ):
        open_codec(path, CodecCheck(hop=8), device=CPU)
    with pytest.raises(ValueError, match=r"codec\.safetensors: trained at 8000 Hz, but sample_rate is 16000"):
        open_codec(path, CodecCheck(hop=4, rate=16_000), device=CPU)
