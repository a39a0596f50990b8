"""Mixtures of any length: cut into windows that overlap, separated, and put together where they overlap.

A window is as long as the mixtures that the priors know. Two neighbours fade into one another over `overlap`
samples, so that estimates that add up to the mixture still do. The last window of a mixture ends where it
ends, and overlaps the one before by more; a mixture that is shorter than one window is followed by silence.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

Separate = Callable[[np.ndarray, list[int]], np.ndarray]
"""Estimates [B, N, T] float32 of windows [B, T], which are numbered from the beginning of the mixture."""


@dataclass(frozen=True)
class Windows:
    """How a mixture is cut."""

    length: int  # T
    overlap: int  # samples that neighbours share
    together: int  # windows that are separated at once; changes speed, not the result

    def __post_init__(self) -> None:
        """Refuse windows that share more than half of their samples, or none at once."""
        if not 0 <= 2 * self.overlap <= self.length or self.together < 1:
            raise ValueError(
                f"windows of {self.length} samples, {self.overlap} of them shared, {self.together} at once: "
                "share between none and half of them, and separate at least one"
            )

    @property
    def step(self) -> int:
        """Samples from one window to the next."""
        return self.length - self.overlap

    def starts(self, samples: int, *, first: int = 0) -> list[int]:
        """First sample of every window, from the `first` on, of a mixture of so many samples."""
        regular = max(0, -(-(samples - self.length) // self.step))  # windows before the last
        return [*(index * self.step for index in range(first, regular)), max(0, samples - self.length)]


def separate_chunks(
    blocks: Iterable[np.ndarray], separate: Separate, windows: Windows
) -> Iterator[np.ndarray]:
    """Estimates [N, n] of a mixture that comes in `blocks` [n], as soon as they are final.

    All of them together are as long as the blocks together; no more than some windows are held at once.
    """
    joint = _Joint(windows)
    for block in blocks:
        joint.hear(block)
        while joint.full:
            yield from joint.separate(joint.next_windows(), separate)
    yield from joint.end(separate)


@dataclass
class _Joint:
    """What is held between two windows."""

    windows: Windows
    heard: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    first: int = 0  # sample at which `heard` begins
    number: int = 0  # of the next window
    tail: np.ndarray | None = None  # [N, n]: estimates of the last window that are not final
    done: int = 0  # samples that are final

    def hear(self, block: np.ndarray) -> None:
        """Take samples in; those before the last window that may be asked for go."""
        keep = max(0, self.number * self.windows.step - self.windows.length - self.first)
        self.heard = np.concatenate([self.heard[keep:], block])
        self.first += keep

    @property
    def end_heard(self) -> int:
        """Samples that have come so far."""
        return self.first + len(self.heard)

    @property
    def full(self) -> bool:
        """Whether as many windows have come as are separated at once, and something after them."""
        last = (self.number + self.windows.together - 1) * self.windows.step
        return self.end_heard > last + self.windows.length

    def next_windows(self) -> list[int]:
        """Starts of the windows that are separated next."""
        return [(self.number + index) * self.windows.step for index in range(self.windows.together)]

    def separate(self, starts: list[int], separate: Separate) -> Iterator[np.ndarray]:
        """Separate the windows at `starts`; yield what is final."""
        length = self.windows.length
        cut = [self.heard[start - self.first : start - self.first + length] for start in starts]
        numbers = [self.number + index for index in range(len(starts))]
        for start, estimates in zip(starts, separate(np.stack(cut), numbers), strict=True):
            yield self.join(start, estimates)
        self.number += len(starts)

    def join(self, start: int, estimates: np.ndarray) -> np.ndarray:
        """Estimates that are final once those [N, T] of the window at `start` are there."""
        if self.tail is None:
            self.tail = estimates
            return estimates[:, :0]
        shared = self.tail.shape[1] - (start - self.done)  # samples that both windows have
        fade = np.zeros(shared, dtype=np.float32)
        width = min(shared, self.windows.overlap)
        middle = (shared - width) // 2
        fade[middle : middle + width] = np.sin(np.pi / 2 * (np.arange(width) + 0.5) / max(width, 1)) ** 2
        fade[middle + width :] = 1.0
        before, old = np.split(self.tail, [start - self.done], axis=1)
        mixed = (1 - fade) * old + fade * estimates[:, :shared]
        self.tail = np.concatenate([mixed, estimates[:, shared:]], axis=1)
        self.done = start
        return before

    def end(self, separate: Separate) -> Iterator[np.ndarray]:
        """The windows that are left."""
        samples, length = self.end_heard, self.windows.length
        if samples == 0:
            return
        if samples < length:
            self.heard = np.pad(self.heard, (0, length - samples))
        starts = self.windows.starts(samples, first=self.number)
        for begin in range(0, len(starts), self.windows.together):
            yield from self.separate(starts[begin : begin + self.windows.together], separate)
        assert self.tail is not None, "there was a window"
        yield self.tail[:, : samples - self.done]
