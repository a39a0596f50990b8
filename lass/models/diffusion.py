"""Denoisers: diffusion priors of sources, preconditioned as Karras et al. 2022 ("EDM") have it.

A denoiser gives the expected source, given the source plus white noise of a known deviation. It is trained
on sources alone: no mixture is seen. The weights that are used are an exponential mean of those that were
learnt. The mean is part of the network, so that the state of an unfinished training has it, and is validated.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lass.models.checkpoint import new_network
from lass.models.diffusion_settings import DenoiserSettings
from lass.models.unet import Unet, UnetShape, sizes_that_fit
from lass.storage import damaged, read_header, read_tensors, write_tensors

FORM = "lass.denoiser"
VERSION = 1
QUANTILES = 8  # of the training levels, at which it is validated
WINDOW = 512  # samples of the frames by which mean powers are measured


class DenoiserNetwork(nn.Module):
    """The expected sources, given noisy ones, of data with a known deviation and mean power."""

    deviation: Tensor
    powers: Tensor
    seen: Tensor

    def __init__(self, shape: UnetShape, *, deviation: float, powers: Tensor) -> None:
        """Build a network for sources of `deviation` and mean `powers` [F] (`mean_powers`)."""
        super().__init__()
        if not deviation > 0:
            raise ValueError(f"deviation of the sources is {deviation}: train on sources that are not silent")
        self.shape = shape
        self.level_mean, self.level_deviation, self.decay = -1.2, 1.5, 0.0
        self.learnt = Unet(shape)
        self.averaged = copy.deepcopy(self.learnt).requires_grad_(False)
        self.register_buffer("deviation", torch.tensor(float(deviation)))
        self.register_buffer("powers", powers.float())
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        """Expected sources [B, T] of `noisy` ones [B, T] with noise of `sigma` [B]; by the mean weights."""
        return self.denoise(self.learnt if self.training else self.averaged, noisy, sigma)

    def denoise(self, network: Unet, noisy: Tensor, sigma: Tensor) -> Tensor:
        """The noisy source and what `network` says, each by what the level of noise makes it worth."""
        level = (sigma / self.deviation)[:, None]  # [B, 1]
        whole = (1 + level**2).sqrt()
        said = network(noisy / (self.deviation * whole), level[:, 0].log() / 4)
        clean: Tensor = noisy / whole**2 + self.deviation * level / whole * said
        return clean

    def training_loss(self, batch: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Squared error of the denoised sources [B, T], which is 1 at every level for a network that says 0.

        While it is trained, levels are drawn, and the mean of the weights follows. In validation, levels are
        quantiles of the same distribution.
        """
        if self.training:
            self.follow()
            chances = rng.random(len(batch))
        else:
            chances = (np.arange(len(batch)) % QUANTILES + 0.5) / QUANTILES
        normal = NormalDist(self.level_mean, self.level_deviation)
        logs = [normal.inv_cdf(min(max(chance, 1e-12), 1 - 1e-12)) for chance in chances]
        sigma = self.deviation * torch.tensor(logs).to(batch).exp()
        noise = torch.from_numpy(rng.standard_normal(batch.shape)).to(batch)
        error = self(batch + sigma[:, None] * noise, sigma).float() - batch
        weights = 1 / sigma**2 + 1 / self.deviation**2
        return {"loss": (weights[:, None] * error.square()).mean()}

    @torch.no_grad()
    def follow(self) -> None:
        """Take the mean weights a step towards the learnt ones; the first steps are longer."""
        seen = int(self.seen)
        decay = min(self.decay, (1 + seen) / (10 + seen))
        pairs = zip(self.averaged.parameters(), self.learnt.parameters(), strict=True)
        for mean, learnt in pairs:
            mean.lerp_(learnt, 1 - decay)
        self.seen += 1


def shape_of(settings: DenoiserSettings, *, image: tuple[int, int, int] | None) -> UnetShape:
    """The shape of the network that `settings` describe; `image` is colours, height, width, or None."""
    return UnetShape(
        image,
        settings.patch,
        tuple(settings.channels),
        tuple(settings.strides),
        settings.blocks,
        settings.attention,
        settings.heads,
        settings.embedding,
    )


def new_denoiser(
    settings: DenoiserSettings, sources: Tensor, *, image: tuple[int, int, int] | None, seed: int
) -> DenoiserNetwork:
    """A network whose first weights depend on `seed` alone; `sources` [B, T] are examples of its data."""
    network: DenoiserNetwork = new_network(
        DenoiserNetwork,
        shape_of(settings, image=image),
        deviation=float(sources.square().mean().sqrt()),
        powers=mean_powers(sources, points=image is not None),
        seed=seed,
    )
    network.level_mean, network.level_deviation = settings.level_mean, settings.level_deviation
    network.decay = settings.decay
    return network


def mean_powers(sources: Tensor, *, points: bool) -> Tensor:
    """Mean power of `sources` [B, T]: by point [T], or by frequency in frames of sounds [F].

    White noise of variance v has the power v everywhere.
    """
    if points:
        return sources.square().mean(dim=0)
    size = min(WINDOW, sources.shape[1])
    window = torch.hann_window(size).to(sources)
    frames = sources.unfold(1, size, max(1, size // 2)) * window
    powers: Tensor = torch.fft.rfft(frames).abs().square().mean(dim=(0, 1)) / window.square().sum()
    return powers


def filter_error(powers: Tensor, sigma: float, *, points: bool) -> float:
    """Mean squared error of the best linear filter at a level of noise: mean of `sigma² P / (sigma² + P)`."""
    errors = sigma**2 * powers / (sigma**2 + powers)
    if points:
        return float(errors.mean())
    inner = torch.ones_like(errors)
    inner[1:-1] = 2  # frequencies that stand for two
    return float((inner * errors).sum() / inner.sum())


@torch.no_grad()
def errors_by_level(
    network: DenoiserNetwork, sources: Tensor, levels: Sequence[float], rng: np.random.Generator
) -> list[dict[str, float]]:
    """Mean squared errors of `network` and of the best linear filter, at `levels` relative to the data.

    A network whose error is not below that of the filter has learnt less than the mean power of its class.
    """
    network.eval()
    rows = []
    for level in levels:
        sigma = level * float(network.deviation)
        noise = torch.from_numpy(rng.standard_normal(sources.shape)).to(sources)
        found = network(sources + sigma * noise, sources.new_full((len(sources),), sigma))
        linear = filter_error(network.powers, sigma, points=network.shape.image is not None)
        error = float((found - sources).square().mean())
        rows.append({"level": level, "network": error, "filter": linear})
    return rows


def write_denoiser(
    path: Path, network: DenoiserNetwork, *, classes: Sequence[str], provenance: Mapping[str, Any]
) -> None:
    """Write the mean weights, in half precision, with what rebuilds the network."""
    tensors = {f"network/{name}": tensor.half() for name, tensor in network.averaged.state_dict().items()}
    tensors |= {"deviation": network.deviation, "powers": network.powers}
    fields = {"shape": asdict(network.shape), "classes": list(classes), "provenance": dict(provenance)}
    write_tensors(path, tensors, form=FORM, version=VERSION, fields=fields)


def read_denoiser(path: Path, *, classes: Sequence[str]) -> DenoiserNetwork:
    """The network at `path`, ready for inference.

    ValueError, naming the file, where it is for other `classes`, or damaged.
    """
    header, tensors = read_header(path, form=FORM, version=VERSION), read_tensors(path)
    if header.get("classes") != list(classes):
        raise ValueError(f"{path}: a denoiser of {header.get('classes')}, not of {list(classes)}; train it")
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise damaged(path, "it holds NaN or infinity")
    try:
        shape = dict(header["shape"]) | {"image": sizes_that_fit(header["shape"]["image"])}
        shape |= {name: tuple(shape[name]) for name in ("channels", "strides")}
        deviation, powers = float(tensors.pop("deviation")), tensors.pop("powers")
        network = DenoiserNetwork(UnetShape(**shape), deviation=deviation, powers=powers)
        weights = {name.removeprefix("network/"): tensor.float() for name, tensor in tensors.items()}
        network.averaged.load_state_dict(weights)
        network.learnt.load_state_dict(weights)
    except (KeyError, TypeError, RuntimeError) as error:
        raise damaged(path, f"its weights do not fit its sizes ({error})") from error
    return network.eval().requires_grad_(False)
