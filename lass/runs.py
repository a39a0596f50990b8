"""Finished runs: what a run's folder holds, and the model that is packed from it.

The rule `pack_model` and the command `lass pack` make the same folder: this module has what they share.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lass.bundle.folder import Parts, pack_model
from lass.bundle.level import level_of
from lass.bundle.settings import Description, Result, Unpacked
from lass.config import AnyDataset, AudioDataset, ImageDataset
from lass.data.mixtures import open_mixtures
from lass.data.shards import whole_shards
from lass.evaluation.opening import open_metric
from lass.evaluation.settings import PsnrSettings, SdrSettings
from lass.evaluation.tables.files import records
from lass.evaluation.tables.scores import read_scores

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Run:
    """A run of the workflow whose main table is made."""

    results: Path
    name: str  # of the data set
    dataset: AudioDataset | ImageDataset
    seed: int
    pretrained: bool
    config: Mapping[str, Any]  # what the table was made with

    @property
    def folder(self) -> Path:
        """Of the data set."""
        return self.results / self.name

    def checkpoint(self, given: str | None, own: str) -> Path:
        """The file in use: the one that the settings name, from the repository on, or the run's own."""
        return REPOSITORY / given if self.pretrained and given else self.folder / own

    @property
    def parts(self) -> Parts:
        """The files that a model of it is packed from."""
        packed = self.dataset.packed(self.name)
        denoisers = {name: self.denoiser(name) for name in packed.denoiser_names}
        return replace(self.coded_parts if packed.coded else Parts(), denoisers=denoisers)

    def denoiser(self, name: str) -> Path:
        """The file of a denoiser in use."""
        section = self.dataset.diffusion
        assert section is not None, "of a run with denoisers"
        return self.checkpoint(section.denoisers[name].checkpoint, f"denoisers/{name}.safetensors")

    @property
    def coded_parts(self) -> Parts:
        """Those of presets by codes."""
        dataset, packed = self.dataset, self.dataset.packed(self.name)
        counted = dataset.beside_codec(dataset.likelihood.checkpoint)
        return Parts(
            codec=self.checkpoint(dataset.codec.checkpoint, "codec.safetensors"),
            likelihood=self.checkpoint(counted, "likelihood.safetensors") if packed.uses_counts else None,
            priors={
                each.prior: self.checkpoint(
                    dataset.priors[each.prior].checkpoint, f"priors/{each.prior}.safetensors"
                )
                for each in packed.priors
            },
            measured={
                name: self.checkpoint(
                    dataset.beside_codec(dataset.checkpoint_of(name)), f"{name}.safetensors"
                )
                for name in packed.measured
            },
        )


def open_run(run: Path, dataset: str | None = None) -> Run:
    """The run in the folder `run`, which contains `results/`, as far as it is about `dataset`.

    FileNotFoundError or ValueError, naming the file, where the main table is not made, or of several none is
    named.
    """
    results = run / "results"
    if not results.is_dir():
        raise FileNotFoundError(f"{run} has no results in it: give the folder of a run")
    tables = {
        path.stem.removesuffix(f"_{main}"): path
        for main in (AudioDataset.main, ImageDataset.main)
        for path in sorted(results.glob(f"*_{main}.json"))
    }
    if dataset is None and len(tables) > 1:
        raise ValueError(f"{results} is about {', '.join(tables)}: name one of them with --dataset")
    name = dataset or next(iter(tables), None)
    if name not in tables:
        wanted = f"{results}/{name or '<dataset>'}_{AudioDataset.main}.json (of images {ImageDataset.main})"
        raise FileNotFoundError(f"{wanted} is not there: finish the run first, `snakemake` makes that file")
    path = tables[name]
    try:
        config = json.loads(path.read_text(encoding="utf-8"))["config"]
        described: Any = TypeAdapter(AnyDataset).validate_python(config[name])
        return Run(results, name, described, int(config["seed"]), bool(config["pretrained"]), config)
    except (ValidationError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} holds no settings that this lass reads ({type(error).__name__}): make the table again"
        ) from error


def pack_run(run: Run, folder: Path) -> Description:
    """Pack the model of a finished run into `folder`, as the rule `pack_model` does; what it says.

    FileNotFoundError or ValueError, naming the file, for
    what is not finished.
    """
    dataset = run.dataset
    packing = dataset.packing(run.name)
    sources, mixtures = run.folder / "sources" / "test", run.folder / "mixtures" / "test.parquet"
    for path in (sources, mixtures, *run.parts.files().values()):
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there: finish the run first, `snakemake` makes that file")
    rows: dict[str, str] = {str(preset): row for preset, row in packing.presets.methods.items()}
    scores = [path for row in dict.fromkeys(rows.values()) for path in shards_of(run, row)]
    packed = with_results(
        dataset.packed(run.name), rows, scores, metric=dataset.metric, classes=dataset.source_classes
    )
    level = None
    if packed.kind == "audio":
        level = level_of(open_mixtures(sources, mixtures, dataset.library))
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = {"seed": run.seed, "config": run.config}
    return pack_model(folder, run.parts, packed, level=level, made=made)


def shards_of(run: Run, row: str) -> list[Path]:
    """Every shard of the scores of a method; FileNotFoundError where one is missing."""
    folder = run.folder / "test" / "scores" / row
    shards = whole_shards(folder, ".csv")
    if not shards:
        found = len(list(folder.glob("*-of-*.csv")))
        raise FileNotFoundError(
            f"{folder} has {found} shards of scores, and not all: finish the run first, "
            f"`snakemake results/{run.name}/model` makes the rest"
        )
    return shards


def with_results(
    packed: Unpacked,
    rows: Mapping[str, str],
    scores: Sequence[Path],
    *,
    metric: SdrSettings | PsnrSettings,
    classes: list[str],
) -> Unpacked:
    """The same, with what each preset reached on the test mixtures: `rows` says which method it is.

    ValueError, naming the method, where the scores have no row of it.
    """
    opened = open_metric(metric)
    table = opened.summarise(read_scores(opened, scores), classes=classes)
    reached = {one["method"]: one for one in records(table)}
    name, column = ("SDR", "sdr_avg") if packed.kind == "audio" else ("PSNR", "psnr_mean")
    presets = dict(packed.presets)
    for preset, described in packed.presets.items():
        row = rows[preset]
        if row not in reached:
            raise ValueError(f"the scores have no row {row!r}, which preset {preset} is: score it first")
        result = Result(row=row, metric=name, mean=reached[row][column], mixtures=reached[row]["n"])
        presets[preset] = described.model_copy(update={"result": result})
    return packed.model_copy(update={"presets": presets})
