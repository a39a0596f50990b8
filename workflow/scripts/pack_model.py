"""Pack the parts of a run into a model that separates recordings of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.bundle.folder import Parts, pack_model
from lass.bundle.level import level_of
from lass.bundle.settings import Unpacked
from lass.data.mixtures import open_mixtures
from lass.data.settings import LIBRARY_SETTINGS
from lass.evaluation.settings import METRIC_SETTINGS
from lass.methods.protocol import DENOISER
from lass.runs import with_results
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


with logged(snakemake.log[0]) as logger:
    params, given = snakemake.params, snakemake.input
    packed = with_results(
        Unpacked.model_validate(params.packed),
        params.rows,
        [Path(path) for path in given.scores],
        metric=METRIC_SETTINGS.validate_python(params.metric),
        classes=params.classes,
    )
    mixtures = open_mixtures(
        Path(given.sources), Path(given.mixtures), LIBRARY_SETTINGS.validate_python(params.library)
    )
    parts = Parts(
        codec=Path(given.codec) if packed.coded else None,
        likelihood=Path(given.likelihood) if packed.uses_counts else None,
        priors={
            each.prior: Path(path) for each, path in zip(packed.priors, given.get("priors", []), strict=True)
        },
        measured={name: Path(given[name]) for name in packed.measured},
        denoisers={name: Path(given[f"{DENOISER}{name}"]) for name in packed.denoiser_names},
    )
    level = level_of(mixtures) if packed.kind == "audio" else None
    described = pack_model(Path(snakemake.output.model), parts, packed, level=level, made=dict(params.made))
    logger.info("%s: %s", snakemake.output.model, ", ".join(described.files))
