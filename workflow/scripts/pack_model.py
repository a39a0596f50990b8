"""Pack the parts of a run into a model that separates recordings of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.bundle.folder import Parts, pack_model
from lass.bundle.level import level_of
from lass.bundle.settings import Result, Unpacked
from lass.data.mixtures import open_mixtures
from lass.data.settings import LIBRARY_SETTINGS
from lass.evaluation.opening import open_metric
from lass.evaluation.settings import METRIC_SETTINGS
from lass.evaluation.tables.scores import read_scores
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def with_results(packed: Unpacked) -> Unpacked:
    """The same, with what each preset reached on the test mixtures."""
    metric = open_metric(METRIC_SETTINGS.validate_python(params.metric))
    scores = read_scores(metric, [Path(path) for path in given.scores])
    reached = {one["method"]: one for one in metric.summarise(scores, classes=params.classes).to_pylist()}
    name, column = ("SDR", "sdr_avg") if packed.kind == "audio" else ("PSNR", "psnr_mean")
    presets = {}
    for preset, row in params.rows.items():
        one = reached[row]
        result = Result(row=row, metric=name, mean=one[column], mixtures=one["n"])
        presets[preset] = packed.presets[preset].model_copy(update={"result": result})
    return packed.model_copy(update={"presets": presets})


with logged(snakemake.log[0]) as logger:
    params, given = snakemake.params, snakemake.input
    packed = with_results(Unpacked.model_validate(params.packed))
    mixtures = open_mixtures(
        Path(given.sources), Path(given.mixtures), LIBRARY_SETTINGS.validate_python(params.library)
    )
    priors = {each.prior: Path(path) for each, path in zip(packed.priors, given.priors, strict=True)}
    residual, frames = given.get("residual"), given.get("frames")
    parts = Parts(
        codec=Path(given.codec),
        likelihood=Path(given.likelihood),
        priors=priors,
        residual=Path(residual) if residual else None,
        frames=Path(frames) if frames else None,
    )
    level = level_of(mixtures) if packed.kind == "audio" else None
    described = pack_model(Path(snakemake.output.model), parts, packed, level=level, made=dict(params.made))
    logger.info("%s: %s", snakemake.output.model, ", ".join(described.files))
