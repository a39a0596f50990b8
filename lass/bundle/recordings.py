"""Recordings of any length, rate and number of channels, by windows of a model that knows one channel.

The mean of the channels, at the model's rate and at a level that it knows, is separated window by window;
what the windows give goes back to the recording's rate, and is shared out to its channels.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from lass.bundle.presets import OpenPreset
from lass.bundle.settings import Level
from lass.data.audio.files import loudest_where_cancelled
from lass.data.audio.streams import Resampler, Survey
from lass.methods.chunks import Windows, separate_chunks
from lass.separation.estimation.sharing import Sharing

OVERLAP = 0.5  # seconds that neighbouring windows share
SILENT = 1e-4  # root mean square, -80 dB: a window that is quieter has no sources


@dataclass
class Kept:
    """What the windows of a mixture leave beside the estimates."""

    codes: list[np.ndarray] = field(default_factory=list)  # of [B, N, S] int64; -1 in silent windows
    log_posterior: list[np.ndarray] = field(default_factory=list)  # of [B]; NaN in silent windows


@dataclass
class _Held:
    """Blocks [C, n] of a recording that wait for their sources."""

    blocks: deque[np.ndarray] = field(default_factory=deque)
    frames: int = 0

    def put(self, block: np.ndarray) -> None:
        """Append."""
        self.blocks.append(block)
        self.frames += block.shape[1]

    def take(self, frames: int) -> torch.Tensor:
        """The next frames [C, n]."""
        taken, missing = [], frames
        while missing > 0:
            block = self.blocks.popleft()
            taken.append(block[:, :missing])
            if block.shape[1] > missing:
                self.blocks.appendleft(block[:, missing:])
            missing -= taken[-1].shape[1]
        self.frames -= frames
        return torch.from_numpy(np.concatenate(taken, axis=1))


def separate_recording(
    blocks: Iterable[np.ndarray], surveyed: Survey, *, opened: OpenPreset, kept: Kept | None
) -> Iterator[np.ndarray]:
    """Sources [N, channels, n] of audio that comes in `blocks` [channels, n], as soon as they are final.

    They are as loud as in the mixture and add up to it. What else the windows leave goes to `kept`, where
    it is given.
    """
    described = opened.description
    own = described.rate
    assert own is not None, "of a model of audio"
    gain = gain_of(surveyed, described.level)
    loud = np.asarray(described.weights, dtype=np.float32)[:, None] / gain
    up, sharing = (
        Resampler(own, surveyed.rate, len(loud)),
        Sharing(surveyed.rate, min(own, surveyed.rate) / 2),
    )
    held = _Held()

    def separate(windows: np.ndarray, numbers: list[int]) -> np.ndarray:
        return separate_heard(windows, numbers, opened=opened, kept=kept)

    cut = Windows(described.length, overlap=round(OVERLAP * own), together=opened.batch)
    for estimates in separate_chunks(_mono(blocks, surveyed, held, gain, own), separate, cut):
        ready = up.hear(loud * estimates)[:, : held.frames]
        if ready.shape[1]:
            for part in sharing.hear(
                held.take(ready.shape[1]), torch.from_numpy(np.ascontiguousarray(ready))
            ):
                yield part.numpy()
    rest = up.hear(np.empty((len(loud), 0), dtype=np.float32), last=True)[:, : held.frames]
    rest = np.pad(rest, ((0, 0), (0, held.frames - rest.shape[1])))
    if held.frames:
        for part in sharing.hear(held.take(held.frames), torch.from_numpy(rest)):
            yield part.numpy()
    for part in sharing.end():
        yield part.numpy()


def _mono(
    blocks: Iterable[np.ndarray], surveyed: Survey, held: _Held, gain: np.float32, rate: int
) -> Iterator[np.ndarray]:
    """What the model hears [n] at its `rate`, of blocks that are kept in `held`."""
    down, channel = Resampler(surveyed.rate, rate, 1), loudest_of(surveyed)
    for block in blocks:
        held.put(block)
        one = block.mean(axis=0, keepdims=True) if channel is None else block[channel : channel + 1]
        yield down.hear(gain * one)[0]
    yield down.hear(np.empty((1, 0), dtype=np.float32), last=True)[0]


def separate_heard(
    windows: np.ndarray, numbers: list[int], *, opened: OpenPreset, kept: Kept | None
) -> np.ndarray:
    """Estimates x_n [B, N, T] of windows [B, T]; those of silent ones are silent, and nothing is decoded."""
    described, batch = opened.description, len(windows)
    heard = np.flatnonzero(np.sqrt(np.square(windows, dtype=np.float64).mean(axis=1)) >= SILENT)
    sources = len(described.sources)
    estimates = np.zeros((batch, sources, windows.shape[1]), dtype=np.float32)
    codes = np.full((batch, sources, opened.positions), -1, dtype=np.int64)
    log_posterior = np.full(batch, np.nan)
    if len(heard):
        made = opened.separate(windows[heard], [numbers[row] for row in heard])
        estimates[heard], codes[heard], log_posterior[heard] = made.estimates, made.codes, made.log_posterior
    if kept is not None:
        kept.codes.append(codes)
        kept.log_posterior.append(log_posterior)
    return estimates


def gain_of(surveyed: Survey, level: Level | None) -> np.float32:
    """What brings a recording to the nearest level that the model knows; 1 where it is known, or silent."""
    channel = loudest_of(surveyed)
    energy = surveyed.energies[-1 if channel is None else channel]
    if level is None or energy < SILENT**2:
        return np.float32(1)
    heard = 10 * np.log10(energy)
    return np.float32(10 ** ((np.clip(heard, level.quietest, level.loudest) - heard) / 20))


def loudest_of(surveyed: Survey) -> int | None:
    """The loudest channel, where the channels cancel in their mean; None elsewhere: take the mean."""
    return loudest_where_cancelled(surveyed.energies[:-1], surveyed.energies[-1])
