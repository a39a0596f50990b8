"""Files that were damaged in ways that the fuzz tests found: each is refused, and named."""

import errno
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from lass.data.estimates import read_computed, read_estimates, write_estimates
from lass.data.table import Place, mixture_table, read_mixtures, write_mixtures
from lass.evaluation.tables.files import read_csv
from lass.evaluation.tables.scores import read_scores
from lass.evaluation.tables.sdr import Sdr
from lass.likelihood.residual import ResidualSums, read_residual, write_residual
from lass.likelihood.tensor import Likelihood, read_likelihood, write_likelihood
from lass.models.checkpoint import read_transformer, read_vqvae, write_checkpoint
from lass.models.separators import read_separator
from lass.settings import Computed
from lass.storage import read_header, read_tensors, write_tensors
from lass.tokens import read_candidates, read_shard, read_tokens, write_tokens
from tests.models.toy import network_of, new_codec, small_codec, write_prior

MADE = Computed(precision="float32", device="CPU")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.safetensors"


def refused(path: Path, read: Callable[[], object], match: str) -> None:
    with pytest.raises(ValueError, match=match) as caught:
        read()
    assert str(path) in str(caught.value)


def with_header(path: Path, form: str, version: int, **changes: Any) -> None:
    """The same file with other entries of its header."""
    header, tensors = read_header(path, form=form, version=version), read_tensors(path)
    fields = {name: value for name, value in header.items() if name not in ("form", "version")}
    write_tensors(path, tensors, form=form, version=version, fields=fields | changes)


@pytest.mark.parametrize("said", [None, 7, [{"device": "CPU"}], {"a": 1}])
def test_estimates_of_an_unknown_origin(path: Path, said: object) -> None:
    write_estimates(path, items=[0], estimates=np.zeros((1, 2, 4)), computed=[MADE])
    with_header(path, "lass.estimates", 2, computed=said)
    refused(path, lambda: read_computed([path]), "damaged")


@pytest.mark.parametrize(
    ("items", "estimates"),
    [
        (np.array([0]), np.full((1, 2, 4), np.nan, np.float32)),
        (np.array([0]), np.zeros((1, 8), np.float32)),
        (np.array([0, 0]), np.zeros((2, 2, 4), np.float32)),
    ],
)
def test_estimates_that_cannot_be(path: Path, items: np.ndarray, estimates: np.ndarray) -> None:
    tensors = {"items": items, "estimates": estimates}
    write_tensors(path, tensors, form="lass.estimates", version=2, fields={})
    refused(path, lambda: read_estimates([path]), "damaged")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"layers": 10**9}, "1000000000 layers, but it holds"),
        ({"width": 2**20}, "do not fit the shape"),
        ({"wide": 1}, "damaged"),
        ({"heads": 0}, "damaged"),
    ],
)
def test_a_prior_of_absurd_sizes(path: Path, changes: dict[str, int], match: str) -> None:
    """Neither memory nor minutes are taken by what a header says."""
    write_prior(path, "x", trained_on=["a"])
    shape = read_header(path, form="lass.checkpoint", version=1)["shape"]
    with_header(path, "lass.checkpoint", 1, shape=shape | changes)
    begun = time.process_time()
    refused(path, lambda: read_transformer(path), match)
    assert time.process_time() - begun < 5


def test_a_codec_of_no_sense(path: Path) -> None:
    network = network_of(new_codec(small_codec(stride=4)))
    network.quantizer.codebook[0, 0] = math.nan
    write_checkpoint(path, network, provenance={})
    refused(path, lambda: read_vqvae(path), "NaN or infinity")
    for entry in ({"shape": [1]}, {"shape": {"codes": 6}}, {"provenance": 3}):
        write_checkpoint(path, network, provenance={})
        with_header(path, "lass.checkpoint", 1, **entry)
        refused(path, lambda: read_vqvae(path), "damaged")


def test_a_separator_whose_header_lacks_everything(path: Path) -> None:
    wanted: dict[str, Any] = {"name": "conv_tasnet", "classes": ["a"], "rate": 8000}
    write_tensors(path, {}, form="lass.supervised", version=4, fields={})
    refused(path, lambda: read_separator(path, **wanted), "a None for None at None Hz")
    write_tensors(path, {}, form="lass.supervised", version=4, fields=wanted)
    refused(path, lambda: read_separator(path, **wanted), "settings")


@pytest.mark.parametrize(
    ("count", "squares"), [((2, 6), (2, 5, 4)), ((1, 6), (1, 6, 4)), ((2, 6), (2, 6, 4))]
)
def test_residual_sums_that_do_not_fit(path: Path, count: tuple[int, ...], squares: tuple[int, ...]) -> None:
    sums = ResidualSums(torch.ones(count, dtype=torch.float64), torch.ones(squares, dtype=torch.float64))
    sums.squares[0, 0, 0] = -1
    write_residual(path, sums, classes=["a", "b"], codebook="x")
    refused(path, lambda: read_residual(path, classes=["a", "b"], codebook="x"), "damaged")


@pytest.mark.parametrize(("code", "value"), [(9, -1.0), (1, 2.0), (1, math.nan)])
def test_a_likelihood_beyond_its_bounds(path: Path, code: int, value: float) -> None:
    table = Likelihood(
        offsets=torch.tensor([0, 1, 1]),
        tuples=torch.tensor([[0, code]], dtype=torch.int32).to(torch.uint16),
        log_likelihood=torch.tensor([value]),
        codebook_size=2,
        sources=2,
    )
    write_likelihood(path, table)
    refused(path, lambda: read_likelihood(path), "damaged")


def test_codes_beyond_the_codebook(tmp_path: Path) -> None:
    path = tmp_path / "tokens.parquet"
    columns: dict[str, list[str | None]] = {"source": ["a", "a"], "track": ["t", None]}
    write_tokens(path, columns, [np.array([1, 2])] * 2, codebook="x", codebook_size=6)
    refused(path, lambda: read_tokens([path]), "track has rows without a value")
    columns["track"] = ["t", "u"]
    write_tokens(path, columns, [np.array([1, 5])] * 2, codebook="x", codebook_size=6)
    table = pq.read_table(path)
    smaller = table.replace_schema_metadata(table.schema.metadata | {b"codebook_size": b"5"})
    pq.write_table(smaller, path)
    refused(path, lambda: read_tokens([path]), "a code of 5 beyond the codebook of 5")
    pq.write_table(table.replace_schema_metadata(table.schema.metadata | {b"codebook_size": b"?"}), path)
    refused(path, lambda: read_tokens([path]), "damaged")
    write_tokens(path, columns, [np.array([1, 5]), np.array([1])], codebook="x", codebook_size=6)
    refused(path, lambda: read_candidates([path]), "damaged")


def test_mixtures_without_values(tmp_path: Path) -> None:
    path = tmp_path / "test.parquet"
    table = mixture_table([[Place("t"), Place("u")]], sources=[["a", "b"]], weights=[1, 1], length=4)
    for name, value in (("items", [["t"]]), ("weights", [[1.0, math.nan]]), ("starts", [None])):
        place = table.column_names.index(name)
        write_mixtures(
            path, table.set_column(place, table.schema.field(name), pa.array(value, table[name].type))
        )
        refused(path, lambda: read_mixtures(path), "damaged")


def test_scores_that_were_cut(tmp_path: Path) -> None:
    """Within the last number, and between two lines."""
    metric = Sdr(rate=100)
    row = dict.fromkeys(metric.schema, 1.25) | {"source": "drums", "nan_frames": 0, "uncounted": 0}
    paths = [tmp_path / method / "1-of-1.csv" for method in ("lass", "hpss")]
    for path in paths:
        path.parent.mkdir()
        lines = [row | {"method": path.parent.name, "mixture": item, "positions": 10} for item in range(3)]
        cells = [",".join(str(line[name]) for name in metric.schema) for line in lines]
        path.write_text("\n".join([",".join(metric.schema), *cells, ""]))
    assert read_scores(metric, paths).shape[0] == 6
    whole = paths[1].read_text()
    paths[1].write_text(whole[:-2])
    refused(paths[1], lambda: read_csv(paths[1]), "cut off within a line: remove it and make it anew")
    paths[1].write_text(whole[: whole.rindex("hpss")])
    refused(
        paths[1],
        lambda: read_scores(metric, paths),
        r"of the 2 mixtures here and the 3 .* \[2\] are in one only: remove both",
    )


def test_a_header_that_nests_without_end(path: Path) -> None:
    write_tensors(path, {}, form="f", version=1, fields={"x": "MARK"})
    deep = "[" * 100_000
    data = path.read_bytes()
    header = json.loads(data[8:])
    header["__metadata__"]["lass"] = header["__metadata__"]["lass"].replace('"MARK"', deep)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    refused(path, lambda: read_header(path, form="f", version=1), "damaged")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            pa.lib.ArrowMemoryError("malloc of size 64 failed"),
            (MemoryError, r"a\.parquet: not enough"),
        ),
        (OSError(errno.EIO, "Input/output error"), (OSError, "Input/output error")),
        (
            OSError("Couldn't deserialize thrift"),
            (ValueError, r"a\.parquet: truncated or not a Parquet"),
        ),
    ],
)
@pytest.mark.parametrize("read", [read_shard, read_mixtures])
def test_what_the_system_refuses_is_no_damaged_table(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[Path], object],
    error: Exception,
    told: tuple[type[Exception], str],
) -> None:
    def refusing(_: object) -> None:
        raise error

    path = tmp_path / "a.parquet"
    path.touch()
    monkeypatch.setattr("pyarrow.parquet.read_table", refusing)
    with pytest.raises(told[0], match=told[1]) as caught:
        read(path)
    assert isinstance(caught.value, told[0])
    assert "delete" not in str(caught.value) or told[0] is ValueError
