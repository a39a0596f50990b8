"""The learned likelihood: a network that hears the mixture, and says which codes each source may have there.

The network gives `q_n(z_n | y)` of every source and position. What decoding needs is a likelihood of the
source's code; by Bayes' rule it is `q_n(z_n | y) / p_n(z_n)` up to a constant of the position, where p_n is
how frequent a code is in what the network was trained on. It takes neither codec nor priors out of shape, and
it factorises over the sources: no table of tuples is needed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lass.models.checkpoint import check_weights
from lass.models.settings import NetworkSettings
from lass.storage import damaged, interpreting, read_header, read_tensors, write_tensors

FORM = "lass.network"
VERSION = 1
_WIDEST = 2**16  # tokens from one tap of a block to the next
KEPT = {"log_prior", "temperature"}  # in full precision
TEMPERATURES = torch.linspace(0.5, 3.0, 51)  # that are tried on validation data

Batch = tuple[Tensor, Tensor, Tensor]
"""Mixtures y [B, T], their dense latents [B, S, C], and the codes of their sources [B, N, S]."""


@dataclass(frozen=True)
class NetworkShape:
    """What rebuilds a network."""

    codes: int  # K
    code_channels: int  # C
    hop: int  # samples per token
    sources: int  # N
    width: int  # channels
    window: int  # samples of the mixture that a position hears at first
    dilations: tuple[int, ...]  # of the blocks, in tokens


class Block(nn.Module):
    """A residual block over time: a dilated convolution of three taps between two norms of the channels."""

    def __init__(self, width: int, dilation: int) -> None:
        """Build a block that starts as the identity."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Conv1d(width, width, 3, dilation=dilation, padding=dilation)
        self.outer = nn.Linear(width, width)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[B, S, D] -> [B, S, D]."""
        inner = self.inner(self.norm(x).transpose(1, 2)).transpose(1, 2)
        outer: Tensor = self.outer(functional.gelu(inner))
        return x + outer


class LikelihoodNetwork(nn.Module):
    """From mixtures and their latents to `log q_n(z_n | y)`, and to the likelihood that follows from it."""

    log_prior: Tensor
    temperature: Tensor

    def __init__(self, shape: NetworkShape) -> None:
        """Build the network; `log_prior` and `temperature` are set once it is trained (`calibrate`)."""
        super().__init__()
        self.shape = shape
        side = (shape.window - shape.hop) // 2
        self.wave = nn.Conv1d(1, shape.width, shape.window, stride=shape.hop, padding=side)
        self.latents = nn.Linear(shape.code_channels, shape.width)
        self.blocks = nn.Sequential(*(Block(shape.width, dilation) for dilation in shape.dilations))
        self.norm = nn.LayerNorm(shape.width)
        self.heads = nn.Linear(shape.width, shape.sources * shape.codes)
        self.register_buffer("log_prior", torch.zeros(shape.sources, shape.codes))
        self.register_buffer("temperature", torch.ones(shape.sources))

    def forward(self, mixtures: Tensor, latents: Tensor) -> Tensor:
        """Logits of the codes [B, N, S, K] of mixtures [B, T] with their latents [B, S, C]."""
        heard = self.wave(mixtures[:, None]).transpose(1, 2)
        hidden = self.norm(self.blocks(functional.gelu(heard) + self.latents(latents)))
        logits: Tensor = self.heads(hidden)
        parted: Tensor = logits.unflatten(2, (self.shape.sources, self.shape.codes))
        return parted.transpose(1, 2)

    def training_loss(self, batch: Batch, rng: np.random.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """Cross entropy in nats per position: that of each source, and their mean."""
        mixtures, latents, codes = batch
        logits = self(mixtures, latents).float()
        each = torch.stack(
            [
                functional.cross_entropy(logits[:, source].flatten(0, 1), codes[:, source].flatten())
                for source in range(self.shape.sources)
            ]
        )
        return {"loss": each.mean()} | {f"source_{number}": loss for number, loss in enumerate(each)}

    def log_posterior(self, mixtures: Tensor, latents: Tensor) -> Tensor:
        """Calibrated `log q_n(z_n | y)` [B, N, S, K], float32."""
        logits: Tensor = self(mixtures, latents).float() / self.temperature[:, None, None]
        return logits.log_softmax(dim=-1)

    @torch.inference_mode()
    def log_likelihood(self, mixtures: Tensor, latents: Tensor) -> Tensor:
        """`log q_n(z_n | y) - log p_n(z_n)` [B, N, S, K]: log p(y | z_n) up to a constant."""
        return self.log_posterior(mixtures, latents) - self.log_prior[:, None]

    @torch.no_grad()
    def calibrate(self, seen: Iterable[Batch], unseen: Sequence[Batch]) -> None:
        """Set p_n to the frequencies of the codes in `seen`, and the temperatures by the `unseen` batches.

        A temperature divides the logits of a source, so that the cross entropy of unseen mixtures is least.
        """
        counts = torch.ones(self.log_prior.shape, dtype=torch.float64)  # no code is impossible
        for _, _, codes in seen:
            for source in range(self.shape.sources):
                counts[source] += torch.bincount(codes[:, source].flatten().cpu(), minlength=self.shape.codes)
        self.log_prior.copy_((counts / counts.sum(dim=1, keepdim=True)).log())
        self.eval()
        losses = torch.zeros(self.shape.sources, len(TEMPERATURES))
        for mixtures, latents, codes in unseen:
            logits = self(mixtures, latents).float()
            for source in range(self.shape.sources):
                flat, right = logits[:, source].flatten(0, 1), codes[:, source].flatten()
                for row, temperature in enumerate(TEMPERATURES.tolist()):
                    losses[source, row] += functional.cross_entropy(flat / temperature, right).cpu()
        self.temperature.copy_(TEMPERATURES[losses.argmin(dim=1)])


def shape_of(settings: NetworkSettings, *, codec: Any, sources: int) -> NetworkShape:
    """The shape of the network that `settings` describe, for N sources of a codec."""
    codes, channels = codec.codebook.shape
    dilations = tuple(2 ** (number % settings.cycle) for number in range(settings.blocks))
    return NetworkShape(
        codes, channels, codec.hop, sources, settings.width, settings.window * codec.hop, dilations
    )


def write_network(
    path: Path,
    network: LikelihoodNetwork,
    *,
    sources: Sequence[str],
    weights: Sequence[float],
    codebook: str,
    provenance: Mapping[str, Any],
) -> None:
    """Write the network, its weights in half precision.

    It is for mixtures of `sources` (the class of each) with `weights` alpha, and for codes of `codebook`.
    """
    tensors = {
        name: tensor if name in KEPT else tensor.half() for name, tensor in network.state_dict().items()
    }
    fields = {
        "shape": asdict(network.shape),
        "sources": list(sources),
        "weights": list(weights),
        "codebook": codebook,
        "provenance": dict(provenance),
    }
    write_tensors(path, tensors, form=FORM, version=VERSION, fields=fields)


def read_network(
    path: Path, *, sources: Sequence[str], weights: Sequence[float], codebook: str
) -> LikelihoodNetwork:
    """The network at `path`, ready for inference.

    ValueError, naming the file, where it is for mixtures of other `sources` or `weights`, for codes of
    another codebook, or damaged.
    """
    header, tensors = read_header(path, form=FORM, version=VERSION), read_tensors(path)
    expected = {"sources": list(sources), "weights": list(weights), "codebook": codebook}
    stored = {name: header.get(name) for name in expected}
    if stored != expected:
        raise ValueError(f"{path}: trained for {stored}, not for {expected}; train it again")
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise damaged(path, "it holds NaN or infinity")
    with interpreting(path):
        shape = NetworkShape(**header["shape"] | {"dilations": tuple(header["shape"]["dilations"])})
        if not all(1 <= dilation <= _WIDEST for dilation in shape.dilations):
            raise damaged(
                path, f"dilations {shape.dilations}, of which one is not from 1 to {_WIDEST} tokens"
            )
        make = partial(LikelihoodNetwork, shape)
        check_weights(path, make, tensors, depth=len(shape.dilations))
        network = make()
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return network.eval().requires_grad_(False)
