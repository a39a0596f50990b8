"""A few test mixtures, their sources, and the nearest of the candidates that a decoder left (Figure 1)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from lass.compute.devices import choose_device
from lass.data.mixtures import open_mixtures
from lass.data.settings import LIBRARY_SETTINGS
from lass.evaluation.opening import open_medium, open_metric
from lass.evaluation.separations import Separations, spread_items
from lass.evaluation.settings import MEDIUM_SETTINGS, METRIC_SETTINGS
from lass.models.codec import open_codec
from lass.models.settings import CodecCheck
from lass.pages.candidates import draw_candidates
from lass.runtime import logged
from lass.separation.offsets import moved
from lass.tokens import read_candidates

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, given = snakemake.params, snakemake.input
    data = LIBRARY_SETTINGS.validate_python(params.library)
    metric = open_metric(METRIC_SETTINGS.validate_python(params.metric))
    medium = open_medium(MEDIUM_SETTINGS.validate_python(params.medium))
    mixtures = open_mixtures(Path(given.sources), Path(given.mixtures), data)
    codec = open_codec(
        Path(given.codec), CodecCheck(**params.check), device=choose_device(snakemake.resources.device)
    )
    drawn = read_candidates(map(Path, given.candidates), codebook=codec.identity)
    true = mixtures.load(spread_items(len(mixtures), params.pictures))
    shown = Separations(true.items, true.classes, true.mixtures, true.sources)
    for number in range(params.candidates):
        decoded: dict[int, np.ndarray] = {}
        for item in true.items:  # where fewer are left, the last one again
            row = min(number, len(drawn[item]["codes"]) - 1)
            codes, by = torch.tensor(drawn[item]["codes"][row]), int(drawn[item]["offsets"][row])
            with torch.inference_mode():
                estimates = moved(codec.decode(codes.to(codec.device)), -by, image=codec.image)
            decoded[item] = estimates.cpu().numpy()
        shown = shown.with_estimates(f"candidate {number + 1}", decoded, metric=metric, labels=params.labels)
    medium.draw(shown, path=Path(snakemake.output.figure))
    draw_candidates(
        shown,
        title=f"Candidates of {snakemake.wildcards.dataset}",
        metric=metric,
        medium=medium,
        classes=params.classes,
        labels=params.labels,
        path=Path(snakemake.output.page),
    )
    logger.info("%s, %s", snakemake.output.figure, snakemake.output.page)
