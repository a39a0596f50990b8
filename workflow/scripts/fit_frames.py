"""Sum the moments of the training images' frames behind every code."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lass.data.images.library import open_images
from lass.data.settings import ImageLibrarySettings
from lass.data.tuples import codes_of_images
from lass.likelihood.frames import FrameMoments, cut_frames, write_frames
from lass.runtime import logged
from lass.tokens import codebook_of, read_tokens, sequences, without_copies

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

BLOCK = 5000  # images at a time

with logged(snakemake.log[0]) as logger:
    data = ImageLibrarySettings(**snakemake.params.library)
    library = open_images(Path(snakemake.input.sources), data)
    table = without_copies(read_tokens([Path(path) for path in snakemake.input.tokens]))
    codes = codes_of_images([sequences(table, source=name) for name in library.classes], library)  # [n, S]
    hop = library.image[1] // round(codes.shape[1] ** 0.5)
    codebook, size = codebook_of(table)
    moments = FrameMoments.empty(size, library.image[0] * hop**2)
    for rows in torch.arange(len(library)).split(BLOCK):
        images = torch.from_numpy(library.read_rows(rows.numpy()))
        frames = cut_frames(images, image=library.image, hop=hop)
        moments.add(frames.flatten(0, 1), torch.from_numpy(codes[rows.numpy()]).flatten())
    write_frames(Path(snakemake.output.frames), moments, codebook=codebook)
    logger.info("%d frames of %d codes", int(moments.count.sum()), int((moments.count > 0).sum()))
