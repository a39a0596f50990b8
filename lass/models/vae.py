"""Separation by disentangled blocks of latents: a variational autoencoder with one block per source.

Our reading of an abstract. Of "Sound source separation using latent variational block-wise disentanglement"
(Helwani et al. 2024, arXiv 2402.06683) only the abstract was at hand: one channel is mapped into a latent
space of more channels than sources, where blocks of latents, one per source, are made independent; a
differentiable permutation loss and a memory of each source's statistics help. Every equation, size and weight
here is ours.

The way of a mixture: a learned filterbank hears it as many virtual microphones U; two stacks of Conv-TasNet's
blocks mask these for every source, and a projection shared by all makes a block of B latents of each. The
blocks of the first stack are provisional: what a causal memory keeps of them steers the second stack and is
the variance of the latents' prior. One decoder without offsets turns every block into an addend.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchaudio.models.conv_tasnet import ConvBlock

from lass.models.blocks import (
    covariance_penalty,
    delayed,
    dependence,
    divergence,
    remember,
    segments,
    split_divergence,
    stacked,
    total_covariance,
)
from lass.models.errors import error_in_nepers, pairwise_errors
from lass.models.orders import best_cost, soft_minimum, soft_order, swap_price
from lass.models.separator_settings import Disentangled

LOWEST, HIGHEST = -8.0, 2.0  # logarithm of a latent's variance
FIRST = -6.0  # where it begins
FAINT = 1e-5  # RMS of a mixture below which it is not made louder
UNHEARD = 1e-6  # power of a latent that the memory takes for silence


@dataclass(frozen=True, eq=False)
class Latents:
    """What the network makes of mixtures: N blocks of B channels at L frames, all [M, N * B, L]."""

    means: Tensor
    variances: Tensor
    priors: Tensor  # variances of the prior, from the frames before
    provisional: Tensor  # the first stack's


class BlockSeparator(nn.Module):
    """A network of latent blocks: mixtures y [M, 1, T] to addends [M, N, T]."""

    step: Tensor

    def __init__(self, settings: Disentangled, *, sources: int) -> None:
        """Build the network that `settings` describe for N `sources`."""
        super().__init__()
        self.settings, self.sources = settings, sources
        filters, kernel, width = settings.filters, settings.kernel, settings.bottleneck
        self.hop = kernel // 2
        self.encoder = nn.Conv1d(1, filters, kernel, stride=self.hop, bias=False)
        self.entry = nn.Sequential(nn.GroupNorm(1, filters, eps=1e-8), nn.Conv1d(filters, width, 1))
        self.stacks = nn.ModuleList(Stack(settings) for _ in range(2))
        self.masks = nn.ModuleList(
            nn.Sequential(nn.PReLU(), nn.Conv1d(width, sources * filters, 1)) for _ in range(2)
        )
        self.projection = nn.Conv1d(filters, settings.block, 1, bias=False)
        self.spread = nn.Conv1d(width, sources * settings.block, 1)
        nn.init.zeros_(self.spread.weight)
        nn.init.constant_(self.spread.bias, FIRST)  # type: ignore[arg-type]
        self.decoder = nn.Sequential(
            nn.Conv1d(settings.block, filters, 1, bias=False),
            nn.ConvTranspose1d(filters, 1, kernel, stride=self.hop, bias=False),
        )
        if settings.memory:
            heard, last = sources * settings.block * len(settings.memory), nn.Conv1d(width, 2 * width, 1)
            self.steering = nn.Sequential(nn.Conv1d(heard, width, 1), nn.PReLU(), last)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, mixtures: Tensor) -> Tensor:
        """Addends [M, N, T] of mixtures [M, 1, T]: the decoder of the latents' means."""
        latents = self.encode(mixtures[:, 0])
        return self.decode(latents.means, mixtures[:, 0])

    def encode(self, mixtures: Tensor) -> Latents:
        """Latents of mixtures [M, T], which are brought to one level first."""
        level, rest = level_of(mixtures), -mixtures.shape[-1] % self.hop
        padded = nn.functional.pad(mixtures / level, (self.hop, self.hop + rest))
        heard = self.encoder(padded[:, None])  # [M, F, L]
        features, first = self.stacks[0](self.entry(heard))
        provisional = self.blocks(self.masks[0](first), heard)
        powers = self.remembered(provisional)
        _, second = self.stacks[1](self.steered(features, powers))
        logs = self.spread(first + second).clamp(LOWEST, HIGHEST)
        means = self.blocks(self.masks[1](first + second), heard)
        return Latents(means, logs.exp(), self.priors(powers, means), provisional)

    def blocks(self, masks: Tensor, heard: Tensor) -> Tensor:
        """Blocks [M, N * B, L] of microphones [M, F, L] by masks [M, N * F, L] before their sigmoid."""
        masked = masks.sigmoid().unflatten(1, (self.sources, -1)) * heard[:, None]
        projected: Tensor = self.projection(masked.flatten(0, 1))
        blocks: Tensor = projected.unflatten(0, masked.shape[:2]).flatten(1, 2)
        return blocks

    def remembered(self, blocks: Tensor) -> list[Tensor]:
        """Mean squares [M, N * B, L] before every frame, one for each time constant; of the first frame 0."""
        with torch.autocast(blocks.device.type, enabled=False):  # sums over all frames need every digit
            squares = blocks.float().square()
            frames = [samples / self.hop for samples in self.settings.memory]
            return [delayed(remember(squares, frames=each)) for each in frames]

    def steered(self, features: Tensor, powers: list[Tensor]) -> Tensor:
        """Features [M, H, L] scaled and shifted channel by channel, by what the memory holds."""
        if not powers:
            return features
        logs = torch.cat([(power + UNHEARD).log() for power in powers], dim=1)
        scale, shift = self.steering(logs.to(features)).chunk(2, dim=1)
        steered: Tensor = features * (1 + scale) + shift
        return steered

    def priors(self, powers: list[Tensor], means: Tensor) -> Tensor:
        """Variances [M, N * B, L] of the latents' prior: 1 without a memory, and in its first frame."""
        if not powers:
            return torch.ones_like(means)
        held = powers[len(powers) // 2].detach().clamp(min=math.exp(LOWEST))
        return torch.cat([torch.ones_like(held[..., :1]), held[..., 1:]], dim=-1)

    def decode(self, latents: Tensor, mixtures: Tensor) -> Tensor:
        """Addends [M, N, T] of blocks [M, N * B, L] of mixtures [M, T], to which they sum if consistent."""
        blocks = latents.unflatten(1, (self.sources, -1)).flatten(0, 1)
        waves: Tensor = self.decoder(blocks)[:, 0, self.hop : self.hop + mixtures.shape[-1]]
        addends: Tensor = waves.unflatten(0, (-1, self.sources)) * level_of(mixtures)[:, None]
        if self.settings.consistent:
            addends = addends + (mixtures - addends.sum(dim=1))[:, None] / self.sources
        return addends

    def losses(self, mixtures: Tensor, addends: Tensor) -> dict[str, Tensor]:
        """Losses of mixtures [M, T] and their addends [M, N, T]; `loss` is minimised.

        Validated, it is the error of the estimates alone, so that the network is kept that separates best.
        """
        latents = self.encode(mixtures)
        if not self.training:
            error = self.error(self.decode(latents.means, mixtures), addends, mixtures, temperature=0.0)
            return {"loss": error} | self.diagnosed(latents)
        done = float(self.step) / self.settings.training.steps
        self.step += 1
        temperature = self.settings.coldest ** min(1.0, done)
        noise = torch.randn_like(latents.means) if self.settings.divergence else 0.0
        sampled = latents.means + latents.variances.sqrt() * noise
        losses = {
            "error": self.error(self.decode(sampled, mixtures), addends, mixtures, temperature=temperature)
        }
        total = losses["error"]
        if self.settings.provisional:
            first = self.error(
                self.decode(latents.provisional, mixtures), addends, mixtures, temperature=temperature
            )
            total = total + self.settings.provisional * first
        with torch.autocast(mixtures.device.type, enabled=False):
            apart = self.divergences(latents)
        weights = {"divergence": self.settings.divergence * min(1.0, 3 * done)}
        weights["dependence"] = self.settings.dependence
        for name, value in apart.items():
            total = total + weights[name] * value
        return {"loss": total} | losses | apart

    def divergences(self, latents: Latents) -> dict[str, Tensor]:
        """What keeps the latents near their prior and their blocks apart, of those that have a weight.

        Latents without noise have the covariances of their means: variances of noise that is never added
        could be raised at no cost, until no dependence is left to see.
        """
        settings, apart = self.settings, {}
        means, variances = latents.means.float(), latents.variances.float()
        noise = variances if settings.divergence else torch.zeros_like(variances)
        if settings.divergence:
            apart["divergence"] = divergence(means, variances, latents.priors.float()).mean()
        if settings.dependence:
            frames = settings.segment // self.hop
            cut = [
                segments(stacked(part, settings.lags, blocks=self.sources), frames) for part in (means, noise)
            ]
            covariances = total_covariance(*cut).double()
            if settings.measure == "entropy":
                value = dependence(covariances, blocks=self.sources).mean() / covariances.shape[-1]
            else:
                value = covariance_penalty(covariances, blocks=self.sources).mean()
            apart["dependence"] = value.float()
        return apart

    def diagnosed(self, latents: Latents) -> dict[str, Tensor]:
        """The divergence of the latents from a constant prior, split, in nats per frame and channel.

        Information near 0 means that the latents collapsed to their prior. The prior's variance is the mean
        of the memory's.
        """
        means, variances, priors = (
            part.double().transpose(0, 1).flatten(1)  # [N * B, frames of all]
            for part in (latents.means, latents.variances, latents.priors)
        )
        split = split_divergence(means, variances, priors.mean(dim=1), blocks=self.sources)
        return {name: value.float() / len(means) for name, value in vars(split).items()}

    def error(self, estimates: Tensor, addends: Tensor, mixtures: Tensor, *, temperature: float) -> Tensor:
        """The error of estimates in nepers: in the given order, or in the best as the settings weigh them.

        A temperature of 0, when the network is validated, takes the best order of each whole mixture.
        """
        settings, estimates = self.settings, estimates.float()
        if settings.order == "given":
            return error_in_nepers(estimates - addends, mixtures)
        whole = settings.order == "hard" or not temperature
        length = mixtures.shape[-1] if whole else settings.ordered
        costs = pairwise_errors(estimates, addends, mixtures, length=length)  # [M, S, N, N]
        if whole:
            return best_cost(costs).mean()
        price = swap_price(soft_order(costs, temperature=temperature)).mean()
        return soft_minimum(costs, temperature=temperature).mean() + settings.swaps * price


class Stack(nn.Module):
    """Blocks of Conv-TasNet of rising dilation, as torchaudio has them."""

    def __init__(self, settings: Disentangled) -> None:
        """Build the blocks that `settings` describe, of three taps each."""
        super().__init__()
        self.layers = nn.ModuleList(
            ConvBlock(settings.bottleneck, settings.hidden, 3, padding=2**depth, dilation=2**depth)
            for depth in range(settings.layers)
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features [M, H, L] after all blocks, and the sum of what each block adds to the output."""
        added = torch.zeros_like(features)
        for layer in self.layers:
            residual, skipped = layer(features)
            features, added = features + residual, added + skipped
        return features, added


def level_of(mixtures: Tensor) -> Tensor:
    """RMS [M, 1] of mixtures [M, T], at least FAINT."""
    return mixtures.square().mean(dim=-1, keepdim=True).sqrt().clamp(min=FAINT)
