"""From sources of one channel at the model's rate to every channel of a recording at its own.

What the model says of a source goes into every channel as it is. What is left of a channel (how it differs
from the mean of the channels, and what lies above the model's band) is shared out by masks that the sources'
own spectra make: Wiener's, |s_n|² / sum_k |s_k|². So the sources add up to every channel.
This step is not in the paper.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

FRAME = 0.064  # seconds of a frame of the masks, at least
BAND = (0.5, 0.95)  # of the model's highest frequency: the band that speaks for what lies above
FAINT = 1e-12  # power of every source everywhere: silence is shared alike


@dataclass
class Sharing:
    """Shares out a recording that comes in blocks."""

    rate: int  # Hz, of the recording
    highest: float  # Hz, up to which the model hears
    frame: int = field(init=False)  # samples of a frame, a power of two
    block: int = field(init=False)  # samples that are shared out at once
    channels: Tensor = field(init=False)  # [C, n]: samples not shared out yet, and a frame before them
    sources: Tensor = field(init=False)  # [N, n]: of the same moments
    begun: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Choose the length of the frames."""
        self.frame = max(16, 1 << int(self.rate * FRAME).bit_length())
        self.block = 32 * self.frame

    def hear(self, channels: Tensor, sources: Tensor) -> Iterator[Tensor]:
        """Take in samples [C, n] and their sources [N, n], as heard in their mean; yield what is final.

        The sources are as loud as they are in the mixture; what is final is [N, C, n'].
        """
        if not self.begun:
            self.channels = channels.new_zeros(len(channels), self.frame)
            self.sources = sources.new_zeros(len(sources), self.frame)
            self.begun = True
        self.channels = torch.cat([self.channels, channels], dim=1)
        self.sources = torch.cat([self.sources, sources], dim=1)
        while self.channels.shape[1] >= self.block + 2 * self.frame:
            yield self.share(self.block)

    def end(self) -> Iterator[Tensor]:
        """What is left."""
        if not self.begun:
            return
        left = self.channels.shape[1] - self.frame
        if left > 0:
            self.channels = torch.nn.functional.pad(self.channels, (0, self.frame))
            self.sources = torch.nn.functional.pad(self.sources, (0, self.frame))
            yield self.share(left)

    def share(self, samples: int) -> Tensor:
        """The next `samples` of every source in every channel [N, C, samples]."""
        end = samples + 2 * self.frame
        sources = self.sources[:, :end]
        rest = self.channels[:, :end] - sources.sum(dim=0)  # [C, n]
        hann = torch.hann_window(self.frame, device=rest.device)
        hop = self.frame // 4
        spectra, heard = (  # [N, F, L] and [C, F, L]
            torch.stft(one, self.frame, hop, window=hann, pad_mode="constant", return_complex=True)
            for one in (sources, rest)
        )
        parts = self.masks(spectra)[:, None] * heard[None]  # [N, C, F, L]
        shared = torch.istft(parts.flatten(0, 1), self.frame, hop, window=hann, length=rest.shape[1])
        whole: Tensor = shared.unflatten(0, parts.shape[:2]) + sources[:, None]
        self.channels, self.sources = self.channels[:, samples:], self.sources[:, samples:]
        return whole[..., self.frame : self.frame + samples]

    def masks(self, spectra: Tensor) -> Tensor:
        """Shares [N, F, L] by the sources' spectra [N, F, L]; above the model's band by its upper part."""
        power = spectra.abs().square() + FAINT
        frequencies = torch.linspace(0, self.rate / 2, power.shape[1], device=power.device)
        low, high = (share * self.highest for share in BAND)
        beyond = frequencies > high
        if beyond.any():
            upper = power[:, (frequencies >= low) & ~beyond].mean(dim=1, keepdim=True)  # [N, 1, L]
            power = torch.where(beyond[None, :, None], upper, power)
        shares: Tensor = power / power.sum(dim=0)
        return shares
