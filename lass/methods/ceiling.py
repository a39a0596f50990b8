"""The codec's ceiling: the true sources, each encoded and decoded by itself."""

from dataclasses import dataclass

import numpy as np
import torch

from lass.data.mixtures import Batch
from lass.methods.protocol import Given, device_of, needed
from lass.methods.settings import CeilingJob
from lass.models.codec import Codec, open_codec


@dataclass(frozen=True, eq=False)
class Ceiling:
    """What a choice of codes may reach."""

    codec: Codec

    def separate(self, batch: Batch) -> np.ndarray:
        """As `lass.methods.protocol.Method`."""
        return codec_ceiling(batch.sources, codec=self.codec)


def open_method(job: CeilingJob, given: Given) -> Ceiling:
    """The ceiling of a codec; ValueError, naming the file, for one that does not fit."""
    return Ceiling(open_codec(needed(given.codec, "codec"), job.codec, device=device_of(given)))


@torch.inference_mode()
def codec_ceiling(sources: np.ndarray, *, codec: Codec) -> np.ndarray:
    """Sources x_n [B, N, T], each encoded and decoded by itself: [B, N, T]."""
    rows = torch.from_numpy(sources).flatten(0, 1).to(codec.device)
    decoded = [codec.decode(codec.encode(row[None])) for row in rows]
    return np.asarray(torch.cat(decoded).unflatten(0, sources.shape[:2]).cpu().numpy())
