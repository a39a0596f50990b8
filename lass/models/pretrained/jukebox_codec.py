"""The VQ-VAE of Jukebox: one of its levels, as the codec of a model (Dhariwal et al. 2020, section 3).

The levels of a public file are autoencoders that share nothing; the paper of the method takes the top one, of
128 samples per token. Data of half its rate, or of another fraction, is interpolated linearly before it is
encoded, and what is decoded is brought back to that rate.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchaudio.functional import resample

from lass.models.network import check_audio, encode_pieces
from lass.models.pretrained.checking import Place
from lass.models.pretrained.stored import describe_part, load_part, without_memory
from lass.models.quantizer import Quantizer

KIND = "jukebox-vqvae"
RATE = 44_100  # Hz
GROWTH = 3  # of the dilation from one residual block to the next

_LAYERS = {"inner": "1", "outer": "3", "": ""}  # name in a residual block here -> number in a public one


@dataclass(frozen=True)
class JukeboxShape:
    """What fixes the network: stored in its file, checked on loading."""

    codes: int  # K
    code_channels: int  # C
    halvings: tuple[int, ...]  # of the length, in each level block
    width: int
    hidden: int  # channels within a residual block
    depth: int  # residual blocks after each halving
    upsampling: int = 1  # by which data is brought to the network's rate

    @property
    def network_hop(self) -> int:
        """Samples per token at the network's own rate."""
        return int(2 ** sum(self.halvings))

    @property
    def hop(self) -> int:
        """Samples of the data per token."""
        return self.network_hop // self.upsampling

    @property
    def image(self) -> None:
        """It is a codec of audio."""
        return


class ResidualBlock(nn.Module):
    """x + Conv1(ReLU(Conv3(ReLU(x)))), the inner convolution dilated; keeps the shape [B, C, T]."""

    def __init__(self, shape: JukeboxShape, *, dilation: int) -> None:
        super().__init__()
        self.inner = nn.Conv1d(shape.width, shape.hidden, 3, dilation=dilation, padding=dilation)
        self.outer = nn.Conv1d(shape.hidden, shape.width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Add the block's correction to `x` [B, C, T]."""
        correction: Tensor = self.outer(functional.relu(self.inner(functional.relu(x))))
        return x + correction


def encoder_layers(shape: JukeboxShape) -> Iterator[tuple[str, nn.Module]]:
    """Layers in the order in which they run, [B, 1, T] -> [B, C, S], each with its place in a public file."""
    for number, halvings in enumerate(shape.halvings):
        block, previous = f"level_blocks.{number}.model", shape.code_channels if number else 1
        for stage in range(halvings):
            yield f"{block}.{stage}.0", nn.Conv1d(previous, shape.width, 4, stride=2, padding=1)
            for index in range(shape.depth):
                residual = ResidualBlock(shape, dilation=GROWTH**index)
                yield f"{block}.{stage}.1.model.{index}.model", residual
            previous = shape.width
        yield f"{block}.{halvings}", nn.Conv1d(shape.width, shape.code_channels, 3, padding=1)


def decoder_layers(shape: JukeboxShape) -> Iterator[tuple[str, nn.Module]]:
    """The same of the decoder, [B, C, S] -> [B, 1, T]; the widest dilation comes first."""
    for number, halvings in reversed(list(enumerate(shape.halvings))):
        block = f"level_blocks.{number}.model"
        yield f"{block}.0", nn.Conv1d(shape.code_channels, shape.width, 3, padding=1)
        for stage in range(1, halvings + 1):
            for index in range(shape.depth):
                residual = ResidualBlock(shape, dilation=GROWTH ** (shape.depth - 1 - index))
                yield f"{block}.{stage}.0.model.{index}.model", residual
            after = shape.width if stage < halvings else shape.code_channels
            yield f"{block}.{stage}.1", nn.ConvTranspose1d(shape.width, after, 4, stride=2, padding=1)
    yield "out", nn.Conv1d(shape.code_channels, 1, 3, padding=1)


def public_places(shape: JukeboxShape, *, level: int) -> dict[str, Place]:
    """Name of every tensor of a level in a public file -> its place in `JukeboxVqvae`."""
    places = {f"bottleneck.level_blocks.{level}.k": Place("quantizer.codebook")}
    with torch.device("meta"):
        parts = {"encoder": list(encoder_layers(shape)), "decoder": list(decoder_layers(shape))}
    for part, layers in parts.items():
        for index, (place, layer) in enumerate(layers):
            for name, _ in layer.named_parameters():
                inner, _, kind = name.rpartition(".")
                public = ".".join(filter(None, (f"{part}s.{level}.{place}", _LAYERS[inner], kind)))
                places[public] = Place(f"{part}.{index}.{name}")
    return places


class JukeboxVqvae(nn.Module):
    """Encoder E, codebook and decoder D of one level: `encode` gives the codes z, `decode` the sound D(z)."""

    def __init__(self, shape: JukeboxShape) -> None:
        """Build the layers for `shape`; weights come from a file."""
        super().__init__()
        if shape.network_hop % shape.upsampling:
            raise ValueError(
                f"upsampling by {shape.upsampling} must divide the {shape.network_hop} samples of a token"
            )
        self.shape = shape
        self.encoder = nn.Sequential(*(layer for _, layer in encoder_layers(shape)))
        self.quantizer = Quantizer(shape.codes, shape.code_channels)
        self.decoder = nn.Sequential(*(layer for _, layer in decoder_layers(shape)))

    @property
    def margin(self) -> int:
        """Tokens at either end of an encoded chunk that differ from those of a longer recording around it."""
        before, after, rate = 0, int(self.shape.upsampling > 1), 1  # samples that a token sees
        steps = sum(GROWTH**index for index in range(self.shape.depth))
        for halvings in self.shape.halvings:
            for _ in range(halvings):
                before, after = before + rate, after + 2 * rate
                rate *= 2
                before, after = before + rate * steps, after + rate * steps
            before, after = before + rate, after + rate
        return ceil(max(before, after - (rate - 1)) / rate)

    def latents(self, data: Tensor) -> Tensor:
        """Dense latents [B, S, C] of `data` [B, T] in [-1, 1]: whole tokens of audio."""
        check_audio(data, hop=self.shape.hop)
        latents: Tensor = self.encoder(upsample(data, self.shape.upsampling)[:, None])  # [B, C, S]
        return latents.transpose(1, 2)

    def encode(self, data: Tensor) -> Tensor:
        """Codes [B, S] of `data` [B, T]."""
        check_audio(data, hop=self.shape.hop)
        if data.is_cuda:
            return self.quantizer.encode(self.latents(data))
        return encode_pieces(self, data)

    def embed(self, codes: Tensor) -> Tensor:
        """Codebook vectors [B, S, C] of `codes` [B, S]."""
        return self.quantizer.decode(codes)

    def decode(self, codes: Tensor) -> Tensor:
        """Audio [B, T] of `codes` [B, S]."""
        return self.synthesise(self.embed(codes))

    def synthesise(self, latents: Tensor) -> Tensor:
        """Audio [B, T] of dense latents [B, S, C]; as in the original, nothing keeps it within [-1, 1]."""
        decoded: Tensor = self.decoder(latents.transpose(1, 2))[:, 0]
        return downsample(decoded.float(), self.shape.upsampling)


def upsample(data: Tensor, factor: int) -> Tensor:
    """Audio [B, T * factor]: `data` [B, T] with points of straight lines between its samples.

    Sample t of the data is sample t * factor of the result; the last one is held.
    """
    if factor == 1:
        return data
    following = torch.cat([data[:, 1:], data[:, -1:]], dim=1)
    shares = torch.arange(factor, device=data.device, dtype=data.dtype) / factor
    return (data[..., None] + (following - data)[..., None] * shares).flatten(1)


def downsample(audio: Tensor, factor: int) -> Tensor:
    """Audio [B, T] of `audio` [B, T * factor], without what the lower rate cannot hold."""
    if factor == 1:
        return audio
    lower: Tensor = resample(audio, factor, 1)
    return lower


def read_jukebox_vqvae(path: Path, *, rate: int | None = None, hop: int | None = None) -> JukeboxVqvae:
    """The VQ-VAE stored at `path`, ready for inference, for data of `rate` Hz (its own, or a fraction of it).

    ValueError where data of this rate cannot be brought to the network's, or tokens have another `hop`.
    """
    shape, provenance = describe_part(path, KIND, JukeboxShape)
    own = provenance["sample_rate"]
    if rate is not None:
        if own % rate:
            raise ValueError(
                f"{path}: works at {own} Hz, and sample_rate is {rate}: give {own} Hz or an integer fraction "
                f"of it, such as {own // 2}"
            )
        shape = replace(shape, upsampling=own // rate)
    if hop is not None and shape.hop != hop:
        raise ValueError(
            f"{path}: {shape.hop} samples per token at {rate or own} Hz, but {hop} are configured; make them "
            "equal"
        )
    return load_part(path, without_memory(JukeboxVqvae, shape))
