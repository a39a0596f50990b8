"""Networks that learn to separate from true mixtures: two as torchaudio has them, and one of latent blocks.

Conv-TasNet and Hybrid Demucs are for one channel (Luo & Mesgarani 2019, Défossez 2021); `lass.models.vae` has
the third. A network serves the one set of sources that it was trained for.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchaudio.models import ConvTasNet, HDemucs

from lass.compute.seeds import generator
from lass.models.checkpoint import check_weights
from lass.models.errors import absolute_error, error_in_nepers
from lass.models.separator_settings import ConvTasnet, Disentangled, HybridDemucs
from lass.models.vae import BlockSeparator
from lass.storage import interpreting, read_header, read_tensors, write_tensors

FORM = "lass.supervised"
VERSION = 4  # 1: masks by ReLU; 2: sizes without the training; 3: training.bfloat16
AnySeparator = ConvTasnet | HybridDemucs | Disentangled
SETTINGS: dict[str, type[AnySeparator]] = {
    "conv_tasnet": ConvTasnet,
    "hybrid_demucs": HybridDemucs,
    "disentangled": Disentangled,
}
"""Kind of a network, as files have it -> its settings."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""From errors [B, N, T] and mixtures [B, T] to a number."""


class MixtureSeparator(nn.Module):
    """A separation network: mixtures y [B, T] to the addends alpha_n x_n [B, N, T]."""

    def __init__(self, settings: AnySeparator, *, sources: int) -> None:
        """Build the network that `settings` describe for N `sources`."""
        super().__init__()
        self.settings = settings
        self.sources = sources
        self.network, self.loss = build(settings, sources)

    def forward(self, mixtures: Tensor) -> Tensor:
        """Addends [B, N, T] of mixtures [B, T]."""
        separated: Tensor = self.network(mixtures[:, None])  # [B, N, T] or [B, N, 1, T]
        return separated.reshape(len(mixtures), self.sources, -1)

    def training_loss(
        self,
        batch: tuple[Tensor, Tensor],
        rng: np.random.Generator,  # noqa: ARG002 (what the training loop hands to every network)
    ) -> dict[str, Tensor]:
        """The losses of the network for mixtures [B, T] and their addends [B, N, T]; `loss` is minimised.

        Of latent blocks they are those of `BlockSeparator.losses`, of the others that of the network's paper.
        """
        mixtures, addends = batch
        if isinstance(self.network, BlockSeparator):
            return self.network.losses(mixtures, addends)
        return {"loss": self.loss(self(mixtures).float() - addends, mixtures)}


def build(settings: AnySeparator, sources: int) -> tuple[nn.Module, Loss]:
    """The network that `settings` describe, and its loss: of torchaudio's networks that of their paper.

    Latent blocks have losses of their own; the one here is the error that they are validated by.
    """
    match settings:
        case ConvTasnet():
            tasnet: nn.Module = ConvTasNet(
                num_sources=sources,
                enc_kernel_size=settings.kernel,
                enc_num_feats=settings.filters,
                msk_num_feats=settings.bottleneck,
                msk_num_hidden_feats=settings.hidden,
                msk_num_layers=settings.layers,
                msk_num_stacks=settings.stacks,
                msk_activate="sigmoid",
            )
            return tasnet, error_in_nepers
        case HybridDemucs():
            demucs: nn.Module = HDemucs(
                sources=[str(number) for number in range(sources)],
                audio_channels=1,
                channels=settings.channels,
                depth=settings.depth,
                nfft=settings.window,
            )
            return demucs, absolute_error
        case Disentangled():
            return BlockSeparator(settings, sources=sources), error_in_nepers


def new_separator(settings: AnySeparator, *, sources: int, seed: int) -> MixtureSeparator:
    """A network whose first weights depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator(seed, "weights").integers(1 << 62)))
        return MixtureSeparator(settings, sources=sources)


def parameters_of(network: nn.Module) -> int:
    """Numbers that are learnt."""
    return sum(parameter.numel() for parameter in network.parameters())


def write_separator(
    path: Path, network: MixtureSeparator, *, classes: Sequence[str], rate: int, provenance: Mapping[str, Any]
) -> None:
    """Write the weights with what rebuilds the network, and the rate in Hz; `provenance` is kept as JSON."""
    fields = {
        "name": next(name for name, kind in SETTINGS.items() if kind is type(network.settings)),
        "settings": network.settings.model_dump(mode="json"),
        "classes": list(classes),
        "rate": rate,
        "provenance": dict(provenance),
    }
    write_tensors(path, network.state_dict(), form=FORM, version=VERSION, fields=fields)


def read_separator(path: Path, *, name: str, classes: Sequence[str], rate: int) -> MixtureSeparator:
    """The network at `path`, ready for inference; ValueError, naming the file, for another one.

    `name` is its kind, one of SETTINGS; `rate` is in Hz.
    """
    header, tensors = read_header(path, form=FORM, version=VERSION), read_tensors(path)
    held = (header.get("name"), header.get("classes"), header.get("rate"))
    if held != (name, list(classes), rate):
        raise ValueError(
            f"{path}: a {held[0]} for {held[1]} at {held[2]} Hz, not a {name} for {list(classes)} at {rate} "
            "Hz; train it"
        )
    with interpreting(path):
        settings = SETTINGS[name](**header["settings"])
        make = partial(MixtureSeparator, settings, sources=len(classes))
        check_weights(path, make, tensors, depth=layers_of(settings))
        network = make()
        network.load_state_dict(tensors)
    return network.eval().requires_grad_(False)


def layers_of(settings: ConvTasnet | HybridDemucs | Disentangled) -> int:
    """How many layers a network has at least."""
    match settings:
        case HybridDemucs():
            return settings.depth
        case ConvTasnet():
            return settings.layers * settings.stacks
        case Disentangled():
            return 2 * settings.layers
