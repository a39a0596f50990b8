"""Nats per token of every class's prior on unseen data, beside those of a uniform guess."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch

from lass.compute.devices import choose_device
from lass.data.batches import CodeBatches
from lass.evaluation.tables.files import write_csv
from lass.evaluation.tables.priors import of_shared_priors
from lass.models.parts import open_priors
from lass.models.settings import PriorOfClass
from lass.runtime import logged
from lass.tokens import codebook_of, read_tokens, sequences

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]), torch.inference_mode():
    params = snakemake.params
    device = choose_device(snakemake.resources.device)
    splits = [name for name in snakemake.input.keys() if name != "priors"]  # noqa: SIM118 (no mapping)
    tables: list[pd.DataFrame] = []
    for split in splits:
        rows: list[dict[str, Any]] = []
        table = read_tokens([Path(path) for path in snakemake.input[split]])
        codebook, codes = codebook_of(table)
        described_priors = [PriorOfClass(**values) for values in params.priors]
        paths = [Path(path) for path in snakemake.input.priors]
        given = list(zip(paths, described_priors, strict=True))
        opened = open_priors(given, codebook=codebook, length=params.tokens)
        for described in described_priors:
            prior = opened[described.source]
            prior.network.to(device)
            batches = CodeBatches(
                [sequences(table, source=described.source)], length=params.tokens, batch=8, device=device
            )
            windows = batches.tiled(limit=params.windows)
            total = sum(float(prior.sequence_loss(window)) * window.numel() for window, _ in windows)
            tokens = sum(window.numel() for window, _ in windows)
            row = {"dataset": snakemake.wildcards.dataset, "split": split}
            row |= {"source": described.source, "prior": described.prior}
            row |= {"nll_per_token": total / tokens, "uniform": math.log(codes), "tokens": tokens}
            rows.append(row | {"parameters": sum(part.numel() for part in prior.network.parameters())})
        tables += [pd.DataFrame(rows), of_shared_priors(pd.DataFrame(rows))]
    write_csv(pd.concat(tables), path=Path(snakemake.output.scores))
