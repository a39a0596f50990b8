"""VQ-VAE for audio and images: data to codes and back (van den Oord et al. 2017; step 1 of the method).

A data point is a row of T numbers: the samples of a waveform, or the pixels of an image channel by channel, whose
codes stand in raster order.

The encoder's receptive field is narrow on purpose: the code of a mixture frame then depends on little more
than the codes of the sources' frames, which keeps the likelihood p(m | z_1..z_N) sharp. The decoder sees a
wide context.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lass.models.quantizer import Quantizer

PIECE = 500  # tokens that are encoded at a time on a CPU


@dataclass(frozen=True)
class VqvaeShape:
    """What fixes the network: stored in its checkpoint, checked on loading."""

    codes: int  # K
    code_channels: int  # C
    strides: tuple[int, ...]  # the product is the hop: samples per token, or pixels along either side
    channels: tuple[int, ...]  # width after each stride, equally long
    encoder_blocks: int  # residual blocks after each stride
    decoder_blocks: int  # residual blocks before each upsampling
    encoder_dilation: int  # dilation grows by this factor from block to block
    decoder_dilation: int
    encoder_kernel: int = 3  # of the encoder's residual blocks; 1 leaves the receptive field to the strides
    image: tuple[int, int, int] | None = None  # colour channels, rows, columns; None for audio

    def __post_init__(self) -> None:
        """Refuse shapes that cannot be built."""
        if any(stride % 2 for stride in self.strides):
            raise ValueError(
                f"vqvae: strides {self.strides} must be even, so that frames stay aligned to the hop"
            )
        if self.encoder_kernel % 2 == 0:
            raise ValueError(f"vqvae: encoder_kernel {self.encoder_kernel} must be odd, so that length is kept")
        if self.image is not None and any(side % self.hop for side in self.image[1:]):
            raise ValueError(
                f"vqvae: images of {self.image[1]} x {self.image[2]} pixels are no multiple of the hop {self.hop}"
            )
        if len(self.strides) != len(self.channels) or not self.strides:
            raise ValueError(
                f"vqvae: strides {self.strides} and channels {self.channels} must be equally long, not empty"
            )

    @property
    def hop(self) -> int:
        """Samples per token."""
        return prod(self.strides)


class ResidualBlock(nn.Module):
    """x + Conv1(GELU(Conv3(GELU(x)))), with the inner convolution dilated; keeps shape [B, C, S]."""

    def __init__(self, channels: int, dilation: int) -> None:
        """Padding keeps the length, so frame s of the output is centred on frame s of the input."""
        super().__init__()
        self.inner = nn.Conv1d(channels, channels, 3, dilation=dilation, padding=dilation)
        self.outer = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Add the block's correction to `x` [B, C, S]."""
        correction: Tensor = self.outer(functional.gelu(self.inner(functional.gelu(x))))
        return x + correction


def residual_blocks(channels: int, number: int, growth: int) -> list[nn.Module]:
    """`number` residual blocks with dilations 1, growth, growth², ..."""
    return [ResidualBlock(channels, growth**index) for index in range(number)]


def build_encoder(shape: VqvaeShape) -> nn.Sequential:
    """[B, 1, T] -> [B, C, S]."""
    layers: list[nn.Module] = []
    previous = 1
    for stride, channels in zip(shape.strides, shape.channels, strict=True):
        layers.append(nn.Conv1d(previous, channels, 2 * stride, stride=stride, padding=stride // 2))
        layers += residual_blocks(channels, shape.encoder_blocks, shape.encoder_dilation)
        previous = channels
    return nn.Sequential(*layers, nn.Conv1d(previous, shape.code_channels, 1))


def build_decoder(shape: VqvaeShape) -> nn.Sequential:
    """[B, C, S] -> [B, 1, T]."""
    layers: list[nn.Module] = [nn.Conv1d(shape.code_channels, shape.channels[-1], 3, padding=1)]
    outputs = (1, *shape.channels[:-1])
    for stride, channels, after in reversed(list(zip(shape.strides, shape.channels, outputs, strict=True))):
        layers += residual_blocks(channels, shape.decoder_blocks, shape.decoder_dilation)
        layers.append(nn.GELU())
        layers.append(nn.ConvTranspose1d(channels, after, 2 * stride, stride=stride, padding=stride // 2))
    return nn.Sequential(*layers)


class Vqvae(nn.Module):
    """Encoder E, codebook and decoder D: `encode` gives the codes z, `decode` the waveform D(z)."""

    def __init__(self, shape: VqvaeShape, *, commitment: float = 0.1, spectral: float = 0.1) -> None:
        """`commitment` and `spectral` weigh the two losses beside the waveform's."""
        super().__init__()
        if any(stride % 2 for stride in shape.strides):
            raise ValueError(
                f"vqvae: strides {shape.strides} must be even, so that frames stay aligned to the hop"
            )
        self.shape = shape
        self.commitment = commitment
        self.spectral = spectral
        self.encoder = build_encoder(shape)
        self.quantizer = Quantizer(shape.codes, shape.code_channels)
        self.decoder = build_decoder(shape)

    @property
    def margin(self) -> int:
        """Tokens at either end of an encoded chunk that differ from those of a longer recording around it."""
        reach, rate = 0.0, 1
        growth = self.shape.encoder_dilation
        for stride in self.shape.strides:
            reach += rate * stride / 2
            rate *= stride
            reach += rate * sum(growth**index for index in range(self.shape.encoder_blocks))
        return int(np.ceil(reach / rate))

    def check_length(self, audio: Tensor) -> None:
        """ValueError where `audio` [..., T] is empty or ends within a token."""
        if audio.shape[-1] % self.shape.hop or audio.shape[-1] == 0:
            raise ValueError(
                f"audio of {audio.shape[-1]} samples is not a positive multiple of the hop "
                f"{self.shape.hop}: cut it first"
            )

    def latents(self, audio: Tensor) -> Tensor:
        """Dense latents [B, S, C] of `audio` [B, T], T a multiple of the hop."""
        self.check_length(audio)
        latents: Tensor = self.encoder(audio[:, None, :]).transpose(1, 2)  # [B, S, C]
        return latents

    def encode(self, audio: Tensor) -> Tensor:
        """Codes [B, S] of `audio` [B, T], T a multiple of the hop."""
        self.check_length(audio)
        if audio.is_cuda:
            return self.quantizer.encode(self.latents(audio))
        return torch.stack([self.encode_pieces(row) for row in audio])

    def encode_pieces(self, audio: Tensor) -> Tensor:
        """Codes [S] of `audio` [T], in overlapping pieces whose activations fit a processor's cache."""
        hop, length, codes = self.shape.hop, len(audio) // self.shape.hop, []
        for start in range(0, length, PIECE):
            first, last = max(0, start - self.margin), min(length, start + PIECE + self.margin)
            piece = self.quantizer.encode(self.latents(audio[None, first * hop : last * hop]))[0]
            codes.append(piece[start - first : start - first + PIECE])
        return torch.cat(codes)

    def decode(self, codes: Tensor) -> Tensor:
        """Waveform [B, T] of `codes` [B, S]."""
        return self.synthesise(self.quantizer.decode(codes))

    def synthesise(self, latents: Tensor) -> Tensor:
        """Waveform [B, T] of dense latents [B, S, C]."""
        audio: Tensor = self.decoder(latents.transpose(1, 2))[:, 0]
        return audio

    def training_loss(self, batch: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Losses of `batch` [B, T], `loss` their weighted sum; in training mode the codebook follows."""
        latents = self.latents(batch)
        if self.training:
            self.quantizer.update(latents, rng)
        quantized = self.quantizer(latents)
        decoded = self.synthesise(quantized.vectors).float()
        waveform = relative_error(decoded, batch)
        spectral = spectral_distance(decoded, batch)
        loss = waveform + self.spectral * spectral + self.commitment * quantized.commitment
        return {"loss": loss, "waveform": waveform, "spectral": spectral, "commitment": quantized.commitment}


def relative_error(decoded: Tensor, audio: Tensor, floor: float = 1e-4) -> Tensor:
    """Mean over the batch of `||audio - decoded||² / (||audio||² + floor)`: quiet items count as much."""
    error = (decoded - audio).square().mean(dim=-1)
    return (error / (audio.square().mean(dim=-1) + floor)).mean()


def spectral_distance(decoded: Tensor, audio: Tensor, windows: tuple[int, ...] = (128, 512, 2048)) -> Tensor:
    """Multi-resolution distance of magnitude spectra, relative to the audio's (Dhariwal et al. 2020, 3.1)."""
    distances = []
    for size in windows:
        window = torch.hann_window(size, device=audio.device)
        magnitudes = [
            torch.stft(x, size, size // 4, window=window, return_complex=True).abs().flatten(1)
            for x in (decoded, audio)
        ]
        error = (magnitudes[0] - magnitudes[1]).square().mean(dim=-1)
        distances.append((error / (magnitudes[1].square().mean(dim=-1) + 1e-2 * size * 1e-2)).mean())
    return torch.stack(distances).mean()
