"""Sum the squares of what the codec loses in the training songs, by class and code."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from lass.data.audio.tracks import open_library
from lass.likelihood.residual import ResidualSums, write_residual
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged
from lass.separation.estimation.consistency import cosines

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger, torch.inference_mode():
    params = snakemake.params
    device = choose_device(snakemake.resources.device)
    vqvae = read_vqvae(Path(snakemake.input.vqvae), **params.codec).to(device)
    library = open_library(Path(snakemake.input.sources), **params.library)
    hop, classes = vqvae.shape.hop, len(library.classes)
    basis = cosines(hop).float()
    sums = ResidualSums.empty(sources=classes, codes=vqvae.shape.codes, frame=hop)
    # Spread over the list, so that many songs are heard however few are asked for.
    chosen = np.linspace(0, len(library.tracks) - 1, min(params.tracks, len(library.tracks))).round()
    for track in (library.tracks[int(index)] for index in chosen):
        audio = library.read(track, frames=library.frames[track] // hop * hop)
        for source, waveform in enumerate(torch.from_numpy(audio)):
            codes = vqvae.encode(waveform[None].to(device))
            lost = waveform - vqvae.decode(codes)[0].cpu()
            sums.add(source, lost.unflatten(0, (-1, hop)) @ basis.T, codes[0].cpu())
    write_residual(
        Path(snakemake.output.residual),
        sums,
        classes=library.classes,
        codebook=vqvae.quantizer.identity,
    )
    logger.info("%d frames of %d songs", int(sums.count.sum()), len(chosen))
