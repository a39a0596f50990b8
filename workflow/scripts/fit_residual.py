"""Sum the squares of what the codec loses in the training items, by class and code."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lass.compute.devices import choose_device
from lass.data.audio.tracks import open_tracks
from lass.data.settings import AudioLibrarySettings
from lass.evaluation.separations import spread_items
from lass.likelihood.residual import ResidualSums, write_residual
from lass.models.codec import open_codec
from lass.models.settings import CodecCheck
from lass.runtime import logged
from lass.separation.estimation.consistency import cosines

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger, torch.inference_mode():
    params = snakemake.params
    device = choose_device(snakemake.resources.device)
    codec = open_codec(Path(snakemake.input.codec), CodecCheck(**params.check), device=device)
    data = AudioLibrarySettings(**params.library)
    library = open_tracks(Path(snakemake.input.sources), data, shortest=codec.hop)
    hop, classes = codec.hop, library.classes
    basis = cosines(hop).float()
    sums = ResidualSums.empty(sources=len(classes), codes=len(codec.codebook), frame=hop)
    for source_class in classes:
        items = [item for item in library.items if source_class in library.classes_of(item)]
        if not items:
            raise ValueError(f"no training item has the class {source_class!r}: add some or leave it out")
        # Spread over the list, so that many are heard however few are asked for.
        for item in [items[row] for row in spread_items(len(items), params.measured)]:
            length = library.length_of(item) // hop * hop
            waveform = torch.from_numpy(library.read(item, source_class, 0, length))
            codes = codec.encode(waveform[None].to(device))
            lost = waveform - codec.decode(codes)[0].cpu()
            sums.add(classes.index(source_class), lost.unflatten(0, (-1, hop)) @ basis.T, codes[0].cpu())
    write_residual(Path(snakemake.output.residual), sums, classes=classes, codebook=codec.identity)
    logger.info("frames of %s: %s", ", ".join(classes), sums.count.sum(dim=1).long().tolist())
