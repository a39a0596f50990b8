"""The configuration: one frozen model per section, composed of the settings that the library itself takes.

Values live in `config/config.yaml` and, where every data set has the same, as defaults in the models; what a
key means stands where it is defined, and `docs/configuration.md` and the JSON schema are generated from that.
Unknown keys are refused with the nearest known one.
Imports neither torch nor numpy: the workflow validates its configuration at every start.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from lass.config.audio import AudioDataset
from lass.config.code import read_code
from lass.config.hardware import finds_gpu, has_gpu
from lass.config.images import ImageDataset
from lass.config.location import Names
from lass.config.separation import check_trained_priors
from lass.config.texts import read_texts, truths_for_numbers, without_texts_of_null
from lass.data.contents import fingerprint
from lass.data.images.names import MNIST_FILES, files_of_split
from lass.data.sources import DOWNLOADS, PUBLIC_FILES, own_sum
from lass.settings import Identifier, Natural, PositiveInt, Section, WithoutNulls, key

__all__ = [
    "MNIST_FILES",
    "PUBLIC_FILES",
    "AnyDataset",
    "AudioDataset",
    "Config",
    "ImageDataset",
    "files_of_split",
    "finds_gpu",
    "fingerprint",
    "has_gpu",
    "json_schema",
    "parse_config",
    "read_code",
    "resolved",
    "write_schema",
]

TAKEN = {"logs", "benchmarks", "weights"}
"""Folders of `results/` that no data set can be named after."""

AnyDataset = Annotated[AudioDataset | ImageDataset, Field(discriminator="kind")]


class Evaluation(Section):
    """What is kept to listen to and to look at."""

    examples: PositiveInt = key(
        "mixtures written to `results/{dataset}_examples/` with their sources and estimates, and shown in "
        "`results/{dataset}_{table}.html`",
        "mixtures",
        default=4,
    )
    candidates: PositiveInt = key(
        "candidates of a mixture in `results/{dataset}_candidates.png` and `.html`", "candidates", default=4
    )
    timed_batches: PositiveInt = key(
        "batches of mixtures whose separation is timed, for `timing.csv` and tables with `seconds`",
        "batches",
        default=5,
    )


class Config(Section):
    """The whole configuration."""

    seed: Natural = key(
        "every random choice derives from it and from what it is for (song, step, group, mixture)", "integer"
    )
    pretrained: bool = key(
        "use the files that `codec.checkpoint`, `priors.<name>.checkpoint`, `likelihood.checkpoint`, "
        "`likelihood.network.checkpoint`, `residual.checkpoint`, `supervised.checkpoints` and "
        "`diffusion.denoisers.<name>.checkpoint` name; `false` trains, counts and measures all of them",
        "true, false",
    )
    device: Literal["auto", "cpu", "cuda"] = key(
        "where networks run: `auto` takes a GPU where there is one. Changing it reruns nothing",
        "auto, cpu, cuda",
    )
    targets: Annotated[list[Identifier], Field(min_length=1)] = key(
        "the data sets that a run without a named file is about, as are the tables `density.csv`, "
        "`priors.csv`, `timing.csv`, `sdr.csv` and `psnr.csv`. Files of others are made when asked for by "
        "name",
        "names",
    )
    datasets: Annotated[dict[Identifier, AnyDataset], WithoutNulls] = key(
        "everything about each data set, under names of your choice", "sections"
    )
    addresses: Annotated[dict[Identifier, Names], WithoutNulls] = key(
        "of public data sets and files, by name: URLs, or paths of files that are here, to try instead of "
        "the published ones. `#sha256=...` at the end is the sum of an archive of your own, in the same "
        "layout",
        "URLs or paths",
        default_factory=dict,
    )
    evaluation: Evaluation = key(
        "what is kept to listen to and to look at", "section", default_factory=Evaluation
    )

    @model_validator(mode="after")
    def check(self) -> Self:
        """Names that are free, targets that exist, priors that are given or can be trained."""
        taken = sorted(TAKEN & set(self.datasets))
        if taken:
            raise ValueError(f"datasets.{taken[0]}: the name is taken, choose another than {sorted(TAKEN)}")
        known = sorted(self.datasets)
        if not set(self.targets) <= set(known) or len(set(self.targets)) != len(self.targets):
            raise ValueError(f"targets {self.targets} must name different ones of the datasets {known}")
        self.check_names()
        self.check_addresses()
        for name, dataset in self.datasets.items():
            try:
                check_trained_priors(
                    dataset.separation.priors,
                    dataset.priors,
                    classes=dataset.classes,
                    pretrained=self.pretrained,
                )
                dataset.check_trained_denoisers(pretrained=self.pretrained)
            except ValueError as error:
                raise ValueError(f"datasets.{name}.{error}") from None
            given = self.pretrained and dataset.beside_codec(dataset.likelihood.checkpoint)
            if dataset.likelihood.tuples is None and not given:
                raise ValueError(
                    f"datasets.{name}.likelihood.tuples is null, but the table is counted here: say how many"
                )
        return self

    def check_names(self) -> None:
        """Names of data sets and tables that lead to different files."""
        files = [f"{name}_{table}" for name, dataset in self.datasets.items() for table in dataset.tables]
        files += [f"{name}_fid" for name in self.named("images")]
        files += [
            f"{name}_{table}_failures" for name in self.named("audio") for table in self.datasets[name].tables
        ]
        twice = sorted({file for file in files if files.count(file) > 1})
        if twice:
            raise ValueError(f"two tables would be results/{twice[0]}.csv: rename a data set or a table")

    def check_addresses(self) -> None:
        """Addresses of what can be downloaded, with sums that are some."""
        known = sorted({*DOWNLOADS, *PUBLIC_FILES})
        for name, addresses in self.addresses.items():
            if name not in known:
                raise ValueError(f"addresses.{name}: nothing is downloaded under this name; known: {known}")
            try:
                own_sum(addresses)
            except ValueError as error:
                raise ValueError(f"addresses.{name}: {error}") from None

    def sum_of(self, name: str | None) -> str | None:
        """The sum that its addresses give a download; None where the published one counts."""
        return own_sum(self.addresses.get(name, [])) if name else None

    def named(self, kind: str) -> list[str]:
        """Names of the data sets of a kind."""
        return [name for name, dataset in self.datasets.items() if dataset.kind == kind]


def parse_config(values: Mapping[str, Any]) -> Config:
    """Validate a configuration; ValueError lists every problem with its key, the value and a remedy.

    Text that does not fit is read as YAML would read it: on the command line everything in braces is text.
    """
    values = without_texts_of_null(values)
    try:
        read = Config.model_validate(values)
    except ValidationError as error:
        if read_texts(values, (without_tags(problem["loc"]) for problem in error.errors())):
            return parse_config(values)
        raise _not_valid(describe(problem) for problem in error.errors()) from None
    truths = list(truths_for_numbers(values, read.model_dump()))  # pydantic takes them for 1 and 0
    if truths:
        raise _not_valid(
            f"{'.'.join(map(str, place))}: a number is needed (got {truth})" for place, truth in truths
        )
    return read


def _not_valid(problems: Iterable[str]) -> ValueError:
    """What is wrong with a configuration, one problem on a line."""
    lines = "\n".join(f"  {problem}" for problem in problems)
    return ValueError(f"the configuration is not valid (see docs/configuration.md):\n{lines}")


def describe(problem: Any) -> str:
    """One line for one of pydantic's errors; an unknown key comes with the nearest known one."""
    places = without_tags(problem["loc"])
    path = ".".join(str(part) for part in places)
    if problem["type"] == "extra_forbidden":
        parents, unknown = problem["loc"][:-1], str(problem["loc"][-1])
        known = known_keys(parents)
        close = difflib.get_close_matches(unknown, known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}"
        return f"{path}: unknown key; {hint}"
    if problem["type"] == "missing":
        return f"{path}: missing; config/config.yaml has its default"
    if problem["type"] == "union_tag_not_found":
        return f"{path}: has no kind; give one of {problem['ctx']['discriminator']}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "string_pattern_mismatch" and places[-1] != "package":
        message = "a name has lower-case letters, digits and underscores, a letter first"
    if "classes" in places[-2:] and problem["type"].startswith("string"):
        message += "; the folders of a class may have other names: files: {cats: [Cats]}"
    given = "" if isinstance(problem["input"], Mapping) else f" (got {problem['input']!r})"
    return f"{path or 'configuration'}: {message}{given}"


def without_tags(places: tuple[str | int, ...]) -> list[str | int]:
    """The path of a key as the user wrote it: pydantic puts the kind of a union behind its name."""
    kept: list[str | int] = []
    for index, part in enumerate(places):
        union = (
            (index == 2 and places[0] == "datasets")
            or (index == 6 and places[3:5] == ("separation", "decoders"))
            or (index == 7 and places[3:5] == ("diffusion", "methods") and places[6] == "solver")
        )
        if not union:
            kept.append(part)
    return kept


@cache
def _schema() -> dict[str, Any]:
    return json_schema()


def known_keys(path: tuple[str | int, ...]) -> list[str]:
    """Keys of the section at `path`, which holds the kind behind every union."""
    schema = _schema()
    node: dict[str, Any] = schema
    for part in path:
        if "oneOf" in node:  # a union: the part is its kind
            node = resolved({"$ref": node["discriminator"]["mapping"][part]}, schema)
            continue
        named: dict[str, Any] = next(iter(node.get("patternProperties", {}).values()), {})
        named = named or node.get("additionalProperties") or {}  # sections whose names the user chooses
        inner = (
            node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, named)
        )
        node = resolved(inner, schema)
    return sorted(node.get("properties", {}))


def resolved(node: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a node of the schema stands for: a section that may also be null stands for itself."""
    for choice in node.get("anyOf", []):
        node = choice if "$ref" in choice else node
    return schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else dict(node)


def json_schema() -> dict[str, Any]:
    """The configuration's JSON schema (draft 2020-12), as kept in `workflow/schemas/config.schema.json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(mode="validation"),
    }


def write_schema(path: Path) -> None:
    """Write the schema; `python -m lass.config FILE` does so."""
    path.write_text(json.dumps(json_schema(), indent=2) + "\n")
