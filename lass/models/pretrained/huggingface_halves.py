"""Encoders and decoders of `transformers` without their quantisers: DAC, EnCodec and Mimi.

Models come from the package as they are. Which of their parts run, and in which order, is said here, in terms
that its versions 4 and 5 have in common.
"""

from math import ceil, prod
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

LSTM_TOKENS = 32  # after which the LSTM of EnCodec is taken to have forgotten an edge; it has no bound


class Halves(Protocol):
    """An architecture without its quantiser: audio to latents, and latents to audio."""

    wanted: ClassVar[dict[str, Any]]  # what its configuration must say
    cosine: ClassVar[bool]  # whether the nearest row is that of the smallest angle
    local: ClassVar[bool]  # whether a latent depends on the convolutions' reach alone

    @property
    def strided(self) -> list[tuple[nn.Conv1d, int]]:
        """The encoder's convolutions over time, in their order, and the zeros before what each sees."""

    @property
    def memory(self) -> int:
        """Tokens that count beyond the convolutions' reach."""

    def analyse(self, audio: Tensor) -> Tensor:
        """Latents [B, C, S] of audio [B, 1, T]."""

    def render(self, latents: Tensor) -> Tensor:
        """Audio [B, 1, about T] of latents [B, C, S]."""


class Dac(nn.Module):
    """The Descript audio codec (Kumar et al. 2023): codes are compared by angle, behind a projection."""

    wanted: ClassVar[dict[str, Any]] = {}
    cosine: ClassVar[bool] = True
    local: ClassVar[bool] = True
    memory = 0

    def __init__(self, model: Any) -> None:
        super().__init__()
        first = model.quantizer.quantizers[0]
        self.encoder, self.decoder = model.encoder, model.decoder
        self.inward, self.outward = first.in_proj, first.out_proj

    @staticmethod
    def codebook_of(model: Any) -> Tensor:
        """Vectors [K, C] of the first codebook."""
        codebook: Tensor = model.quantizer.quantizers[0].codebook.weight
        return codebook

    @property
    def strided(self) -> list[tuple[nn.Conv1d, int]]:
        """Its convolutions, all of which pad by themselves."""
        return [(each, int(each.padding[0])) for each in convolutions(self.encoder)]

    def analyse(self, audio: Tensor) -> Tensor:
        """Latents [B, C, S] of audio [B, 1, T]: projected, of any length."""
        latents: Tensor = self.inward(self.encoder(audio))
        return latents

    def render(self, latents: Tensor) -> Tensor:
        """Audio [B, 1, T] within [-1, 1]; odd strides leave out a few samples at its end."""
        audio: Tensor = self.decoder(self.outward(latents))
        return audio


class Encodec(nn.Module):
    """EnCodec (Défossez et al. 2022) of one channel, in one piece and without scales: 24 and 32 kHz."""

    wanted: ClassVar[dict[str, Any]] = {"audio_channels": 1, "normalize": False, "chunk_length_s": None}
    cosine: ClassVar[bool] = False
    local: ClassVar[bool] = False
    memory = LSTM_TOKENS

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder, self.decoder = model.encoder, model.decoder
        self.causal = bool(model.config.use_causal_conv)

    @staticmethod
    def codebook_of(model: Any) -> Tensor:
        """Vectors [K, C] of the first codebook."""
        codebook: Tensor = model.quantizer.layers[0].codebook.embed
        return codebook

    @property
    def strided(self) -> list[tuple[nn.Conv1d, int]]:
        """Its convolutions, which are padded before they are called."""
        return [(each, padding_before(each, causal=self.causal)) for each in convolutions(self.encoder)]

    def analyse(self, audio: Tensor) -> Tensor:
        """Latents [B, C, S] of audio [B, 1, T]: what the encoder gives."""
        latents: Tensor = self.encoder(audio)
        return latents

    def render(self, latents: Tensor) -> Tensor:
        """Audio [B, 1, T]; nothing keeps it within [-1, 1]."""
        # cuDNN has no gradients of an LSTM that is not in training.
        fast = torch.backends.cudnn.enabled and not latents.requires_grad
        with torch.backends.cudnn.flags(enabled=fast):
            audio: Tensor = self.decoder(latents)
        return audio


class Mimi(nn.Module):
    """Mimi (Défossez et al. 2024): its first codebook follows words of speech rather than the waveform."""

    wanted: ClassVar[dict[str, Any]] = {"audio_channels": 1, "num_semantic_quantizers": 1}
    cosine: ClassVar[bool] = False
    local: ClassVar[bool] = False

    def __init__(self, model: Any) -> None:
        super().__init__()
        # Present versions of transformers hold all of this a level deeper than older ones.
        deep = hasattr(model.encoder, "encoder_seanet")
        into, out_of = (model.encoder, model.decoder) if deep else (model, model)
        self.encoder, self.decoder = (
            (into.encoder_seanet, out_of.decoder_seanet) if deep else (model.encoder, model.decoder)
        )
        self.before, self.after = into.encoder_transformer, out_of.decoder_transformer
        self.downsample, self.upsample = into.downsample, out_of.upsample
        first = model.quantizer.semantic_residual_vector_quantizer
        self.inward, self.outward = first.input_proj or nn.Identity(), first.output_proj or nn.Identity()
        self.causal = bool(model.config.use_causal_conv)
        self.window = int(model.config.sliding_window)

    @staticmethod
    def codebook_of(model: Any) -> Tensor:
        """Vectors [K, C] of the first codebook."""
        first = model.quantizer.semantic_residual_vector_quantizer
        codebook: Tensor = first.layers[0].codebook.embed
        return codebook

    @property
    def strided(self) -> list[tuple[nn.Conv1d, int]]:
        """Its convolutions, which are padded before they are called."""
        layers = [*convolutions(self.encoder), *convolutions(self.downsample)]
        return [(each, padding_before(each, causal=self.causal)) for each in layers]

    @property
    def memory(self) -> int:
        """The window of its attention: several layers see further, with little weight."""
        return ceil(self.window / prod(each.stride[0] for each in convolutions(self.downsample)))

    def analyse(self, audio: Tensor) -> Tensor:
        """Latents [B, C, S] of audio [B, 1, T]: projected."""
        seen = self.before(self.encoder(audio).transpose(1, 2), return_dict=True)[0]
        latents: Tensor = self.inward(self.downsample(seen.transpose(1, 2)))
        return latents

    def render(self, latents: Tensor) -> Tensor:
        """Audio [B, 1, T]; nothing keeps it within [-1, 1]."""
        seen = self.after(self.upsample(self.outward(latents)).transpose(1, 2), return_dict=True)[0]
        audio: Tensor = self.decoder(seen.transpose(1, 2))
        return audio


ARCHITECTURES: dict[str, tuple[str, Any]] = {
    "dac": ("Dac", Dac),
    "encodec": ("Encodec", Encodec),
    "mimi": ("Mimi", Mimi),
}
"""Kind, which is `model_type` in config.json, to the prefix of its classes in transformers and its halves."""


def convolutions(module: nn.Module) -> list[nn.Conv1d]:
    """The convolutions of a module, in the order in which they run."""
    return [each for each in module.modules() if isinstance(each, nn.Conv1d)]


def padding_before(layer: nn.Conv1d, *, causal: bool) -> int:
    """Numbers that EnCodec and Mimi put before what a convolution sees: all, or the larger half."""
    total = (layer.kernel_size[0] - 1) * layer.dilation[0] + 1 - layer.stride[0]
    return total if causal else ceil(total / 2)
