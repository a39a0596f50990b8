"""Table 1: density of the likelihood, and how much of unseen data it covers."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lass.compute.devices import choose_device
from lass.data.settings import LIBRARY_SETTINGS, Mixing, TupleGroup
from lass.data.tuples import encoder_of, open_stream
from lass.evaluation.tables.files import write_csv
from lass.likelihood.settings import TupleOrigin
from lass.likelihood.tensor import density, held_out_log_likelihood, read_counted, read_likelihood
from lass.models.codec import open_codec
from lass.models.settings import CodecCheck
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]):
    params = snakemake.params
    origin = TupleOrigin(**params.counted_from)
    device = choose_device(snakemake.resources.device)
    codec = open_codec(Path(snakemake.input.codec), CodecCheck(**params.check), device=device)
    stream = open_stream(
        Path(snakemake.input.sources),
        [Path(path) for path in snakemake.input.tokens],
        LIBRARY_SETTINGS.validate_python(params.library),
        encoder=encoder_of(codec),
        mixing=Mixing(**params.mixing),
        group=TupleGroup(**params.group),
        seed=params.seed,
    )
    likelihood = read_likelihood(
        Path(snakemake.input.likelihood),
        codebook_size=len(codec.codebook),
        counted=origin.encoded(codec.identity),
    )
    asked, counted = origin.tuples, read_counted(Path(snakemake.input.likelihood))
    groups = [stream.group(number) for number in range(params.groups)]
    sources = np.concatenate([z.reshape(len(z), -1) for z, _ in groups], axis=1)
    mixture = np.concatenate([m.ravel() for _, m in groups])
    held_out = held_out_log_likelihood(likelihood, sources, mixture)
    row = {
        "dataset": snakemake.wildcards.dataset,
        "sources": likelihood.sources,
        "codes": likelihood.codebook_size,
        "tuples_counted": -(-asked // stream.group_size) * stream.group_size if asked else counted.tuples,
        "entries": len(likelihood.log_likelihood),
        "density": density(likelihood),
        "coverage": held_out.coverage,
        "held_out_log_likelihood": held_out.log_likelihood,
        "held_out_positions": held_out.positions,
    }
    write_csv(pd.DataFrame([row]), path=Path(snakemake.output.density))
