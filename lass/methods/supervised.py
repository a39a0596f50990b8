"""Supervised baselines for music (the paper's Table 5): networks that learn to separate from true mixtures.

Conv-TasNet (Luo & Mesgarani 2019) and Hybrid Demucs (Défossez 2021) as torchaudio builds them, for one
channel. They see mixtures and their sources while they are trained, which latent autoregressive source
separation does not need; a network serves the one set of sources that it was trained for.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchaudio.models import ConvTasNet, HDemucs

from lass.storage import read_header, read_tensors, write_tensors

FORM = "lass.supervised"
VERSION = 2  # 1: masks by ReLU
NETWORKS = ("conv_tasnet", "hybrid_demucs")
FLOOR = 1e-3  # errors 30 dB below the mixture do not count: a silent source has no decibels
QUIET = 1e-7  # mean square of a mixture that counts as silence itself


class Supervised(nn.Module):
    """A separation network: mixtures y [B, T] to the addends alpha_n x_n [B, N, T]."""

    def __init__(self, name: str, sources: int, sizes: Mapping[str, int]) -> None:
        """Build the network `name` of NETWORKS for N `sources`; `sizes` as in `build`."""
        super().__init__()
        self.name = name
        self.sources = sources
        self.sizes = dict(sizes)
        self.network = build(name, sources, sizes)

    def forward(self, mixtures: Tensor) -> Tensor:
        """Addends [B, N, T] of mixtures [B, T]."""
        separated: Tensor = self.network(mixtures[:, None])  # [B, N, T] or [B, N, 1, T]
        return separated.reshape(len(mixtures), self.sources, -1)

    def training_loss(
        self,
        batch: tuple[Tensor, Tensor],
        rng: np.random.Generator,  # noqa: ARG002 (what the training loop hands to every network)
    ) -> dict[str, Tensor]:
        """The loss of the network's paper for mixtures [B, T] and their addends [B, N, T].

        Conv-TasNet: the signal-to-noise ratio (here of the error itself, so that levels are learnt, too),
        negative and in nepers, with the soft threshold of Wisdom et al. 2020 ("Unsupervised sound separation
        using mixture invariant training"), here for every source relative to the mixture, as Wisdom et al.
        2021 ("What's all the FUSS about free universal sound separation data?") have it for silent ones:
        without it these outweigh all others. Hybrid Demucs: the mean absolute error.
        """
        mixtures, addends = batch
        error = self(mixtures).float() - addends
        if self.name == "hybrid_demucs":
            return {"loss": error.abs().mean()}
        floor = FLOOR * mixtures.square().mean(dim=-1, keepdim=True) + QUIET  # [B, 1]
        return {"loss": 0.5 * (error.square().mean(dim=-1) + floor).log().mean()}


def build(name: str, sources: int, sizes: Mapping[str, int]) -> nn.Module:
    """The network `name` as torchaudio has it.

    `sizes` of Conv-TasNet, by the letters of its paper: filters N, kernel L, bottleneck B, hidden H, layers
    X, stacks R. Of Hybrid Demucs: channels, depth, window (of its Fourier transform). ValueError for other
    names.
    """
    if name == "conv_tasnet":
        tasnet: nn.Module = ConvTasNet(
            num_sources=sources,
            enc_kernel_size=sizes["kernel"],
            enc_num_feats=sizes["filters"],
            msk_num_feats=sizes["bottleneck"],
            msk_num_hidden_feats=sizes["hidden"],
            msk_num_layers=sizes["layers"],
            msk_num_stacks=sizes["stacks"],
            msk_activate="sigmoid",
        )
        return tasnet
    if name == "hybrid_demucs":
        demucs: nn.Module = HDemucs(
            sources=[str(number) for number in range(sources)],
            audio_channels=1,
            channels=sizes["channels"],
            depth=sizes["depth"],
            nfft=sizes["window"],
        )
        return demucs
    raise ValueError(f"network {name!r}: choose one of {', '.join(NETWORKS)}")


def new_network(name: str, *, sources: int, sizes: Mapping[str, int], seed: int) -> Supervised:
    """A network whose first weights depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Supervised(name, sources, sizes)


def parameters_of(network: Supervised) -> int:
    """Numbers that are learnt."""
    return sum(parameter.numel() for parameter in network.parameters())


@torch.inference_mode()
def separate(network: Supervised, mixture: Tensor, *, weights: Tensor) -> Tensor:
    """Estimates [N, T] of the sources x_n of one mixture y [T]."""
    separated: Tensor = network(mixture[None])[0]
    return separated / weights[:, None]


def write_network(
    path: Path, network: Supervised, *, classes: Sequence[str], provenance: Mapping[str, Any]
) -> None:
    """Write the weights with what rebuilds the network; `provenance` is kept as JSON."""
    fields = {"name": network.name, "sizes": network.sizes, "classes": list(classes)}
    write_tensors(
        path, network.state_dict(), form=FORM, version=VERSION, fields=fields | {"provenance": provenance}
    )


def read_network(path: Path, *, name: str, classes: Sequence[str]) -> Supervised:
    """The network at `path`, ready for inference; ValueError, naming the file, for another one."""
    header = read_header(path, form=FORM, version=VERSION)
    if (header["name"], header["classes"]) != (name, list(classes)):
        raise ValueError(
            f"{path}: a {header['name']} for {header['classes']}, not a {name} for {list(classes)}; train it"
        )
    network = Supervised(name, len(classes), header["sizes"])
    try:
        network.load_state_dict(read_tensors(path))
    except RuntimeError as error:
        raise ValueError(f"{path}: weights do not fit its sizes ({error}); train it again") from error
    return network.eval().requires_grad_(False)
