"""VQ-VAE for audio and images: data to codes and back (van den Oord et al. 2017; step 1 of the method).

A data point is a row of T numbers: the samples of a waveform, or the pixels of an image channel by channel,
whose codes stand in raster order.

The encoder's receptive field is narrow on purpose: the code of a mixture frame then depends on little more
than the codes of the sources' frames, which keeps the likelihood p(m | z_1..z_N) sharp. The decoder sees a
wide context.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import prod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lass.models.network import check_audio, encode_pieces
from lass.models.quantizer import Quantizer
from lass.models.settings import CodecSettings


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
    overlap: bool = True  # whether a frame's encoder sees half of its neighbours, or its own samples alone
    normalise: bool = False  # latents to zero mean and unit variance over the channels: they cannot collapse
    image: tuple[int, int, int] | None = None  # colour channels, rows, columns; None for audio

    def __post_init__(self) -> None:
        """Refuse shapes that cannot be built."""
        if any(stride % 2 for stride in self.strides):
            raise ValueError(
                f"vqvae: strides {self.strides} must be even, so that frames stay aligned to the hop"
            )
        if self.encoder_kernel % 2 == 0:
            raise ValueError(f"vqvae: encoder_kernel {self.encoder_kernel} must be odd: it keeps the length")
        if self.image is not None and any(side % self.hop for side in self.image[1:]):
            raise ValueError(
                f"vqvae: images of {self.image[1]} x {self.image[2]} pixels: both must be multiples of the "
                f"hop {self.hop}, the product of strides {self.strides}"
            )
        if len(self.strides) != len(self.channels) or not self.strides:
            raise ValueError(
                f"vqvae: strides {self.strides} and channels {self.channels} must be equally long, not empty"
            )

    @property
    def hop(self) -> int:
        """Samples per token, or pixels of a token's side."""
        return prod(self.strides)

    @property
    def inputs(self) -> int:
        """Channels of the data."""
        return 1 if self.image is None else self.image[0]

    @property
    def grid(self) -> tuple[int, ...]:
        """Rows and columns of an image's codes; (-1,) for audio, whose length is free."""
        return (-1,) if self.image is None else tuple(side // self.hop for side in self.image[1:])


def shape_of(settings: CodecSettings, *, image: tuple[int, int, int] | None) -> VqvaeShape:
    """The network that `settings` ask for; `image` (colours, rows, columns) is None for audio."""
    names = [field.name for field in fields(VqvaeShape) if field.name != "image"]
    sizes = {name: getattr(settings, name) for name in names}
    sizes |= {name: tuple(sizes[name]) for name in ("strides", "channels")}
    return VqvaeShape(**sizes, image=image)


def convolution(shape: VqvaeShape, *sizes: int, **settings: int) -> nn.Module:
    """A convolution over time, or over rows and columns."""
    kind: Callable[..., nn.Module] = nn.Conv1d if shape.image is None else nn.Conv2d
    return kind(*sizes, **settings)


class ResidualBlock(nn.Module):
    """x + Conv1(GELU(Conv(GELU(x)))), with the inner convolution dilated; keeps shape [B, C, ...]."""

    def __init__(self, shape: VqvaeShape, channels: int, *, kernel: int, dilation: int) -> None:
        """Padding keeps the length, so frame s of the output is centred on frame s of the input."""
        super().__init__()
        padding = kernel // 2 * dilation
        self.inner = convolution(shape, channels, channels, kernel, dilation=dilation, padding=padding)
        self.outer = convolution(shape, channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Add the block's correction to `x` [B, C, ...]."""
        correction: Tensor = self.outer(functional.gelu(self.inner(functional.gelu(x))))
        return x + correction


def build_encoder(shape: VqvaeShape) -> nn.Sequential:
    """[B, 1 or colours, T or rows, columns] -> [B, C, S or rows, columns]."""
    layers: list[nn.Module] = []
    previous = shape.inputs
    for stride, channels in zip(shape.strides, shape.channels, strict=True):
        kernel, padding = (2 * stride, stride // 2) if shape.overlap else (stride, 0)
        layers.append(convolution(shape, previous, channels, kernel, stride=stride, padding=padding))
        layers += [
            ResidualBlock(
                shape, channels, kernel=shape.encoder_kernel, dilation=shape.encoder_dilation**index
            )
            for index in range(shape.encoder_blocks)
        ]
        previous = channels
    return nn.Sequential(*layers, convolution(shape, previous, shape.code_channels, 1))


def build_decoder(shape: VqvaeShape) -> nn.Sequential:
    """[B, C, S or rows, columns] -> [B, 1 or colours, T or rows, columns]."""
    transposed = nn.ConvTranspose1d if shape.image is None else nn.ConvTranspose2d
    layers: list[nn.Module] = [convolution(shape, shape.code_channels, shape.channels[-1], 3, padding=1)]
    outputs = (shape.inputs, *shape.channels[:-1])
    for stride, channels, after in reversed(list(zip(shape.strides, shape.channels, outputs, strict=True))):
        layers += [
            ResidualBlock(shape, channels, kernel=3, dilation=shape.decoder_dilation**index)
            for index in range(shape.decoder_blocks)
        ]
        layers.append(nn.GELU())
        layers.append(transposed(channels, after, 2 * stride, stride=stride, padding=stride // 2))
    if shape.image is not None:
        layers.append(nn.Sigmoid())
    return nn.Sequential(*layers)


class Vqvae(nn.Module):
    """Encoder E, codebook and decoder D: `encode` gives the codes z, `decode` the data point D(z)."""

    def __init__(self, shape: VqvaeShape, *, commitment: float = 0.1, spectral: float = 0.1) -> None:
        """`commitment` and `spectral` (audio only) weigh the losses beside the data's own."""
        super().__init__()
        self.shape = shape
        self.commitment = commitment
        self.spectral = spectral
        self.encoder = build_encoder(shape)
        # Most of an image is background: codes that nothing chooses have to be given away sooner.
        restart_below = 0.1 if shape.image is None else 0.5
        self.quantizer = Quantizer(shape.codes, shape.code_channels, restart_below=restart_below)
        self.decoder = build_decoder(shape)

    @property
    def margin(self) -> int:
        """Tokens at either end of an encoded chunk that differ from those of a longer recording around it."""
        shape, reach, rate = self.shape, 0.0, 1
        for stride in shape.strides:
            reach += rate * stride / 2 if shape.overlap else 0
            rate *= stride
            steps = sum(shape.encoder_dilation**index for index in range(shape.encoder_blocks))
            reach += rate * (shape.encoder_kernel // 2) * steps
        return int(np.ceil(reach / rate))

    def check_length(self, data: Tensor) -> None:
        """ValueError where `data` [B, T] is empty, ends within a token, or is no image of the right size."""
        if self.shape.image is None:
            check_audio(data, hop=self.shape.hop)
        elif data.shape[-1] != prod(self.shape.image):
            raise ValueError(
                f"images of {data.shape[-1]} numbers do not fit {self.shape.image} (colours, rows, columns): "
                "resize them first"
            )

    def latents(self, data: Tensor) -> Tensor:
        """Dense latents [B, S, C] of `data` [B, T]: whole tokens of audio, or images of the shape's size."""
        self.check_length(data)
        latents: Tensor = self.encoder(data.unflatten(1, self.shape.image or (1, -1)))  # [B, C, ...]
        latents = latents.flatten(2).transpose(1, 2)
        return functional.layer_norm(latents, latents.shape[-1:]) if self.shape.normalise else latents

    def encode(self, data: Tensor) -> Tensor:
        """Codes [B, S] of `data` [B, T]."""
        self.check_length(data)
        if data.is_cuda or self.shape.image is not None:
            return self.quantizer.encode(self.latents(data))
        return encode_pieces(self, data)

    def decode(self, codes: Tensor) -> Tensor:
        """Data points [B, T] of `codes` [B, S]."""
        return self.synthesise(self.embed(codes))

    def embed(self, codes: Tensor) -> Tensor:
        """Codebook vectors [B, S, C] of `codes` [B, S]."""
        return self.quantizer.decode(codes)

    def synthesise(self, latents: Tensor) -> Tensor:
        """Data points [B, T] of dense latents [B, S, C]."""
        decoded: Tensor = self.decoder(latents.transpose(1, 2).unflatten(2, self.shape.grid))
        return decoded.flatten(1)

    def training_loss(self, batch: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Losses of `batch` [B, T], `loss` their weighted sum; in training mode the codebook follows."""
        latents = self.latents(batch)
        if self.training:
            self.quantizer.update(latents, rng)
        quantized = self.quantizer(latents)
        decoded = self.synthesise(quantized.vectors).float()
        if self.shape.image is not None:
            parts = {"pixels": log_error(decoded, batch)}
        else:
            parts = {
                "waveform": relative_error(decoded, batch),
                "spectral": spectral_distance(decoded, batch),
            }
        parts["commitment"] = quantized.commitment
        factors = {"spectral": self.spectral, "commitment": self.commitment}
        loss = torch.stack([factors.get(name, 1.0) * part for name, part in parts.items()]).sum()
        return {"loss": loss, **parts}


def relative_error(decoded: Tensor, audio: Tensor, floor: float = 1e-4) -> Tensor:
    """Mean over the batch of `||audio - decoded||² / (||audio||² + floor)`: quiet items count as much."""
    error = (decoded - audio).square().mean(dim=-1)
    return (error / (audio.square().mean(dim=-1) + floor)).mean()


def log_error(decoded: Tensor, images: Tensor, floor: float = 1e-4) -> Tensor:
    """Mean over the batch of `log(||images - decoded||² / T + floor)`: PSNR, negative, bounded, in nepers."""
    return ((decoded - images).square().mean(dim=-1) + floor).log().mean()


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
