"""Denoisers: diffusion priors of sources, preconditioned as Karras et al. 2022 ("EDM") have it.

A denoiser gives the expected source, given the source plus white noise of a known deviation. It is trained
on sources alone: no mixture is seen. The weights that are used are an exponential mean of those that were
learnt. The mean is part of the network, so that the state of an unfinished training has it, and is validated.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lass.compute.devices import send
from lass.models.checkpoint import check_weights, new_network
from lass.models.diffusion_headers import FORM, VERSION, describe_denoiser, refuse_unfit, sizes_of
from lass.models.diffusion_settings import DenoiserCheck, DenoiserSettings
from lass.models.unet import Unet, UnetShape
from lass.storage import damaged, interpreting, read_tensors, write_tensors

WINDOW = 512  # samples of the frames by which mean powers are measured


class DenoiserNetwork(nn.Module):
    """The expected sources, given noisy ones, of data with a known deviation and mean power."""

    deviations: Tensor
    powers: Tensor
    seen: Tensor

    def __init__(self, shape: UnetShape, *, deviations: Tensor, powers: Tensor) -> None:
        """Build a network for sources of `deviations` [C] and mean `powers` [C, F] (`mean_powers`).

        C is the number of classes that it is told apart, or 1.
        """
        super().__init__()
        if not (deviations > 0).all():
            raise ValueError(
                f"deviations of the sources are {deviations.tolist()}: train on sources that are not silent"
            )
        self.shape = shape
        self.level_mean, self.level_deviation, self.decay = -1.2, 1.5, 0.0
        self.learnt = Unet(shape)
        self.averaged = copy.deepcopy(self.learnt).requires_grad_(False)
        self.register_buffer("deviations", deviations.float())
        self.register_buffer("powers", powers.float())
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, noisy: Tensor, sigma: Tensor, classes: Tensor | None = None) -> Tensor:
        """Expected sources [B, T] of `noisy` ones [B, T] with noise of `sigma` [B]; by the mean weights.

        `classes` [B] are indices, which a network that is not told classes ignores.
        """
        network = self.learnt if self.training else self.averaged
        deviation = self.deviation_of(classes)[:, None]  # [B or 1, 1]
        level = sigma[:, None] / deviation  # [B, 1]
        whole = (1 + level**2).sqrt()
        said = network(noisy / (deviation * whole), level[:, 0].log() / 4, classes)
        clean: Tensor = noisy / whole**2 + deviation * level / whole * said
        return clean

    def deviation_of(self, classes: Tensor | None) -> Tensor:
        """Of the data of `classes` [B]; of all [1] for a network that is not told classes."""
        if not self.shape.classes:
            return self.deviations
        if classes is None:
            raise ValueError("this network is told the class of what it denoises: give it")
        return self.deviations[classes]

    def training_loss(self, batch: tuple[Tensor, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
        """Squared error of denoised sources [B, T], which is 1 at every level for a network that says 0.

        `batch` are sources, and the indices of their classes [B].

        While it is trained, levels are drawn, and the mean of the weights follows. In validation, levels are
        quantiles of the same distribution.
        """
        device = self.deviations.device
        sources, classes = (send(part, device) for part in batch)
        if self.training:
            self.follow()
            chances = rng.random(len(sources))
        else:
            chances = (np.arange(len(sources)) + 0.5) / len(sources)
        normal = NormalDist(self.level_mean, self.level_deviation)
        logs = [normal.inv_cdf(min(max(chance, 1e-12), 1 - 1e-12)) for chance in chances]
        deviation = self.deviation_of(classes)
        sigma = deviation * send(torch.tensor(logs, dtype=torch.float32), device).exp()
        noise = send(torch.from_numpy(rng.standard_normal(sources.shape, dtype=np.float32)), device)
        error = self(sources + sigma[:, None] * noise, sigma, classes).float() - sources
        weights = 1 / sigma**2 + 1 / deviation**2
        return {"loss": (weights[:, None] * error.square()).mean()}

    @torch.no_grad()
    def follow(self) -> None:
        """Take the mean weights a step towards the learnt ones; the first steps are longer.

        Nothing is read from the device and all weights move at once, so that a GPU does not wait.
        """
        early = (1 + self.seen).double() / (10 + self.seen)
        share = (1 - early.clamp(max=self.decay)).float()
        means: list[Tensor] = list(self.averaged.parameters())
        ways = list(torch._foreach_sub(list[Tensor](self.learnt.parameters()), means))
        torch._foreach_mul_(ways, share)
        torch._foreach_add_(means, ways)
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
        len(settings.classes) if settings.told else 0,
    )


def new_denoiser(
    settings: DenoiserSettings,
    examples: tuple[Tensor, Tensor],
    *,
    image: tuple[int, int, int] | None,
    seed: int,
) -> DenoiserNetwork:
    """A network whose first weights depend on `seed` alone.

    `examples` of its data are sources [n, T] and the indices of their classes [n]: of each class that it is
    told, deviation and mean power are measured in them. ValueError for silent examples, or none.
    """
    parts = by_class(examples, told=len(settings.classes) if settings.told else 0)
    network: DenoiserNetwork = new_network(
        DenoiserNetwork,
        shape_of(settings, image=image),
        deviations=torch.stack([part.square().mean().sqrt() for part in parts]),
        powers=torch.stack([mean_powers(part, points=image is not None) for part in parts]),
        seed=seed,
    )
    network.level_mean, network.level_deviation = settings.level_mean, settings.level_deviation
    network.decay = settings.decay
    return network


def by_class(examples: tuple[Tensor, Tensor], *, told: int) -> list[Tensor]:
    """The sources of each of the `told` classes, or of all in one where none is told.

    ValueError where there is none of a class that is told.
    """
    sources, classes = examples
    for index in range(told):
        if not (classes == index).any():
            raise ValueError(
                f"none of {len(sources)} examples is of class number {index}: raise examples and unseen"
            )
    return [sources[classes == index] for index in range(told)] if told else [sources]


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


def write_denoiser(
    path: Path,
    network: DenoiserNetwork,
    *,
    classes: Sequence[str],
    provenance: Mapping[str, Any],
    rate: int | None = None,
) -> None:
    """Write the mean weights, in half precision, with what rebuilds the network; `rate` of sounds, in Hz."""
    tensors = {f"network/{name}": tensor.half() for name, tensor in network.averaged.state_dict().items()}
    tensors |= {"deviations": network.deviations, "powers": network.powers}
    fields = {"shape": asdict(network.shape), "classes": list(classes), "rate": rate}
    fields["provenance"] = dict(provenance)
    write_tensors(path, tensors, form=FORM, version=VERSION, fields=fields)


def read_denoiser(
    path: Path, *, classes: Sequence[str], conditional: bool, data: DenoiserCheck | None = None
) -> DenoiserNetwork:
    """The network at `path`, ready for inference.

    ValueError, naming the file, where it is for other `classes`, is told them or not, denoises other `data`
    (where these are given), or is damaged.
    """
    header, tensors = describe_denoiser(path), read_tensors(path)
    refuse_unfit(path, header, classes=classes, conditional=conditional, data=data)
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise damaged(path, "it holds NaN or infinity")
    with interpreting(path):
        shape = dict(header["shape"]) | {"image": sizes_of(header["shape"]["image"])}
        shape |= {name: tuple(shape[name]) for name in ("channels", "strides")}
        measured = {name: tensors.pop(name) for name in ("deviations", "powers")}
        weights = {name.removeprefix("network/"): tensor.float() for name, tensor in tensors.items()}
        built = UnetShape(**shape)
        check_weights(path, partial(Unet, built), weights, depth=built.blocks * len(built.channels))
        network = DenoiserNetwork(built, **measured)
        network.averaged.load_state_dict(weights)
        network.learnt.load_state_dict(weights)
    return network.eval().requires_grad_(False)
