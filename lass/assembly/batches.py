"""Training batches for the VQ-VAE, of music or of images."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from lass.assembly.sources import open_sources
from lass.data.audio.tracks import SourceLibrary
from lass.data.batches import AudioBatches, ImageBatches


def open_batches(
    folder: Path,
    library: Mapping[str, Any],
    *,
    weights: Sequence[float],
    batch: int,
    length: int | None,
    augmentation: Mapping[str, float] | None,
    device: torch.device,
) -> AudioBatches | ImageBatches:
    """Batches of the sources in `folder` and of their mixtures.

    Music is cut to `length` samples; some images are altered by `augmentation` (rotation, scale, shear).
    """
    sources = open_sources(folder, library, shortest=length or 1)
    if isinstance(sources, SourceLibrary):
        if length is None:
            raise ValueError(f"{folder}: batches of music need the length of a crop (vqvae.crop)")
        return AudioBatches(sources, weights=weights, length=length, batch=batch, device=device)
    return ImageBatches(sources, weights=weights, batch=batch, device=device, augmented=augmentation)
