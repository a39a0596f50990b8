"""Configurations with other values: refused with the key and why, or understood as they stand."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lass.config import AudioDataset, Config, ImageDataset, parse_config
from tests.fuzz.bounds import bounded
from tests.fuzz.damage import at, damaged_tree

pytestmark = pytest.mark.fuzz
CONFIG = Path(__file__).parents[2] / "config"


def merged(default: Any, over: Any) -> Any:
    """As Snakemake merges files of configuration."""
    if isinstance(default, dict) and isinstance(over, dict):
        return default | {key: merged(default.get(key), value) for key, value in over.items()}
    return over


def read(name: str) -> Any:
    return yaml.safe_load((CONFIG / name).read_text(encoding="utf-8"))


DEFAULT = read("config.yaml")
VALID = [merged(DEFAULT, read(path.name)) for path in sorted(CONFIG.glob("*.yaml"))]


def answers(dataset: AudioDataset | ImageDataset, name: str) -> Iterator[object]:
    """All that the workflow asks of a data set before the first job."""
    yield from (dataset.library, dataset.reader, dataset.check_codec, dataset.metric, dataset.medium)
    yield from (dataset.mixing, dataset.group, dataset.symmetric, dataset.tokens, dataset.tuple_origin)
    yield from (dataset.source_classes, dataset.prior_of_each_class, dataset.splits_to_evaluate)
    yield from (dataset.drawing(split, seed=1) for split in ("validation", "test"))
    yield from (dataset.decoding_job(each, seed=1) for each in dataset.separation.decoders)
    yield from (dataset.dump("priors", each) for each in dataset.priors)
    if isinstance(dataset, AudioDataset):
        yield from (dataset.network_length, dataset.supervised_length)
    else:
        yield from (dataset.shown_decoder, dataset.fid_files, dataset.fid.described)
        yield from (dataset.method_job(row, seed=1) for row in dataset.fid_rows)
    for table, rows in dataset.tables.items():
        yield dataset.page_job(table)
        for row in rows.rows:
            yield from (dataset.method_job(row, seed=1), dataset.labels(row), dataset.family[row])
    if dataset.packing(name) is not None:
        yield dataset.packed(name)


SWITCHES = {
    True: {"true", "t", "yes", "y", "on", "1", "1.0"},
    False: {"false", "f", "no", "n", "off", "0", "0.0"},
}


def understood(given: Any, held: Any) -> bool:
    """Whether a value in a configuration still means what was written."""
    if isinstance(held, bool):
        return str(given).lower() in SWITCHES[held]
    if isinstance(given, bool):
        return str(given).lower() == str(held).lower()
    if isinstance(given, int | float) and isinstance(held, int | float):
        return math.isclose(given, held)
    return given == held or str(given) == str(held) or held == [given] or held == [str(given)]


@given(data=st.data())
def test_configuration(data: st.DataObject) -> None:
    valid = data.draw(st.sampled_from(VALID))
    values, changed = data.draw(damaged_tree(valid))
    try:
        with bounded():
            config = parse_config(values)
    except ValueError as error:
        check_complaint(str(error))
        return
    check_understood(config, values, changed)
    for name, dataset in config.datasets.items():
        with bounded():
            list(answers(dataset, name))


def check_complaint(text: str) -> None:
    """A line for each problem, which names the key."""
    first, *problems = text.splitlines()
    assert first == "the configuration is not valid (see docs/configuration.md):", text
    assert problems
    assert all(line.startswith("  ") and ": " in line for line in problems), text
    assert len(text) < 20_000


def check_understood(config: Config, values: Any, changed: list[tuple[Any, ...]]) -> None:
    """The same configuration comes of what it holds, and what was written stands in it."""
    plain = config.model_dump(mode="json")
    assert parse_config(plain) == config
    if len(changed) == 1:
        try:
            written, held = at(values, changed[0]), at(plain, changed[0])
        except (KeyError, IndexError, TypeError):
            return  # taken away
        if not isinstance(written, dict | list) and written is not None:
            assert understood(written, held), f"{changed[0]}: {written!r} became {held!r}"
