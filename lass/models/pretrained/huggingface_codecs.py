"""Codecs in Hugging Face's layout by their first codebook: DAC, EnCodec and Mimi.

Their encoders and decoders are those of the package `transformers`, which is an extra of this one. All three
quantise a latent by several codebooks, each of which takes what the one before has left. The method needs one
code per position, so the first codebook alone is kept: a codec of the same codes and of coarser sound.

What `latents` are: the vectors that are compared with the rows of the codebook. Of DAC these are few numbers
behind a projection (8 of 1024), of Mimi as well (256 of 512); of EnCodec they are what the encoder gives.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from math import ceil, prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from lass.models.headers import kind_of
from lass.models.network import PIECE, check_audio, encode_pieces
from lass.models.pretrained.huggingface_halves import ARCHITECTURES, Halves
from lass.models.pretrained.stored import describe_part, load_part
from lass.models.quantizer import Quantizer


@dataclass(frozen=True)
class HuggingFaceShape:
    """What fixes the network: stored in its file, checked on loading."""

    architecture: str  # one of ARCHITECTURES
    config: dict[str, Any]  # config.json of the public folder
    codes: int  # K
    code_channels: int  # C
    hop: int  # samples per token

    @property
    def image(self) -> None:
        """It is a codec of audio."""
        return


def transformers() -> Any:
    """The package transformers; RuntimeError, with what to install, where there is none."""
    try:
        return import_module("transformers")
    except ModuleNotFoundError as error:
        if error.name != "transformers":
            raise
        raise RuntimeError(
            "codecs of Hugging Face need the package transformers, which is not installed: install lass with "
            "its extra, pip install '.[huggingface]'"
        ) from error


def plain(model: Any) -> Any:
    """`model` in float32, weights of its convolutions as they are used, not as length and direction."""
    for module in model.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    return model.float().eval()


class AngularQuantizer(Quantizer):
    """Codebook whose rows are compared with vectors by their angle, whatever the lengths of both."""

    def encode(self, vectors: Tensor) -> Tensor:
        """Index of the code at the smallest angle (ties to the lowest) to each of `vectors` [..., C]."""
        with torch.autocast(vectors.device.type, enabled=False):
            rows = functional.normalize(self.codebook, dim=1)
            return (functional.normalize(vectors.float(), dim=-1) @ rows.T).argmax(dim=-1)


class HuggingFaceCodec(nn.Module):
    """Encoder and decoder of `transformers` about one codebook."""

    def __init__(self, shape: HuggingFaceShape, model: Any = None) -> None:
        """Take the parts of `model`; without one, build them for `shape`, for weights from a file."""
        super().__init__()
        self.shape = shape
        prefix, halves = ARCHITECTURES[shape.architecture]
        self.halves: Halves = halves(plain(new_model(prefix, shape.config) if model is None else model))
        quantizer = AngularQuantizer if halves.cosine else Quantizer
        self.quantizer = quantizer(shape.codes, shape.code_channels)
        if model is not None:
            self.quantizer.codebook = halves.codebook_of(model).detach().float().clone()

    @property
    def margin(self) -> int:
        """Tokens at either end of an encoded chunk that differ from those of a longer recording around it.

        Of EnCodec and Mimi, those that differ by more than what lies beyond their memory.
        """
        before, after, rate = 0, 0, 1  # samples that a token sees
        for layer, padding in self.halves.strided:
            before += padding * rate
            after += ((layer.kernel_size[0] - 1) * layer.dilation[0] - padding) * rate
            rate *= layer.stride[0]
        return ceil(max(before, after - (rate - 1)) / rate) + self.halves.memory

    def latents(self, data: Tensor) -> Tensor:
        """Dense latents [B, S, C] of `data` [B, T] in [-1, 1], S = T / hop, before they are quantised."""
        check_audio(data, hop=self.shape.hop)
        return self.halves.analyse(data[:, None]).transpose(1, 2)

    def encode(self, data: Tensor) -> Tensor:
        """Codes [B, S] of `data` [B, T]: in overlapping pieces where that gives the same, else as a whole."""
        check_audio(data, hop=self.shape.hop)
        if self.halves.local and data.shape[-1] > PIECE * self.shape.hop:
            return encode_pieces(self, data)
        return self.quantizer.encode(self.latents(data))

    def embed(self, codes: Tensor) -> Tensor:
        """Codebook vectors [B, S, C] of `codes` [B, S]: as they are stored, of any length."""
        return self.quantizer.decode(codes)

    def decode(self, codes: Tensor) -> Tensor:
        """Audio [B, T] of `codes` [B, S]."""
        return self.synthesise(self.embed(codes))

    def synthesise(self, latents: Tensor) -> Tensor:
        """Audio [B, T] of dense latents [B, S, C], T = S * hop.

        Samples that the decoder leaves out at the end are 0: 8 of a DAC of strides 2, 4, 5 and 8.
        """
        audio = self.halves.render(latents.transpose(1, 2))[:, 0]
        return functional.pad(audio, (0, latents.shape[1] * self.shape.hop - audio.shape[1]))


def new_model(prefix: str, config: dict[str, Any]) -> Any:
    """A model of transformers with arbitrary weights, leaving torch's global generator as it was."""
    package = transformers()
    described = getattr(package, f"{prefix}Config").from_dict(deepcopy(config))
    make: Callable[[Any], Any] = getattr(package, f"{prefix}Model")
    with torch.random.fork_rng(devices=[]):
        return make(described)


def hop_of(halves: Halves) -> int:
    """Samples per token: the product of the strides."""
    return prod(layer.stride[0] for layer, _ in halves.strided)


def read_huggingface(path: Path, *, rate: int | None = None, hop: int | None = None) -> HuggingFaceCodec:
    """The codec stored at `path`, ready for inference.

    ValueError where it does not work at `rate` Hz, or has another `hop` (samples per token).
    """
    shape, provenance = describe_part(path, kind_of(path), HuggingFaceShape)
    own = provenance["sample_rate"]
    if rate not in (None, own):
        raise ValueError(f"{path}: works at {own} Hz, but sample_rate is {rate}; make them equal")
    if hop not in (None, shape.hop):
        raise ValueError(
            f"{path}: {shape.hop} samples per token, but codec.strides give {hop}; make their product equal"
        )
    return load_part(path, HuggingFaceCodec(shape))  # in memory: some of its buffers stand in no file
