"""Token tables: codes as Parquet, one row per sequence, with the identity of the codebook in the header."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lass.settings import Computed
from lass.storage import damaged, interpreting, short_of_memory
from lass.writing import written_aside

FORMAT = "lass-tokens"
VERSION = "1"
MEASURED = ("log_posterior", "remix_distance", "uncounted")
"""Columns of the codes of separated mixtures that say how good they are."""
OFFSET = "offset"
"""Their column that says by how much the mixture was moved before they were found."""
CANDIDATE = ("mixture", "candidate", "source", *MEASURED, OFFSET)
"""All of their columns but the codes."""


def write_tokens(
    path: Path,
    columns: Mapping[str, Sequence[Any]],
    codes: Sequence[np.ndarray],
    *,
    codebook: str,
    codebook_size: int,
    computed: Computed | None = None,
) -> None:
    """Write one row per sequence: the descriptive `columns` and the list column `codes` (integers in [0, K)).

    `codebook` identifies the codebook that the codes address. The header says how the codes were `computed`,
    where the precision matters. The file is written aside and renamed.
    """
    for row in codes:
        if row.size and not 0 <= int(row.min()) <= int(row.max()) < codebook_size:
            raise ValueError(
                f"{path}: codes from {row.min()} to {row.max()} do not fit a codebook of {codebook_size}"
            )
    kind = pa.uint16() if codebook_size <= 1 << 16 else pa.uint32()
    arrays = {name: pa.array(values) for name, values in columns.items()}
    arrays["codes"] = pa.array([row.tolist() for row in codes], type=pa.list_(kind))
    header = {"format": FORMAT, "version": VERSION, "codebook": codebook, "codebook_size": str(codebook_size)}
    header |= {"computed": computed.model_dump_json()} if computed else {}
    table = pa.table(arrays).replace_schema_metadata(header)
    with written_aside(path) as aside:
        pq.write_table(table, aside, compression="zstd")


def read_tokens(paths: Iterable[Path], *, codebook: str | None = None) -> pa.Table:
    """The rows of all shards in `paths`, in that order.

    Raises FileNotFoundError or ValueError, naming the file, where one is missing, damaged, of an unknown
    format, or addresses another codebook than `codebook` (where given) or than the other shards.
    """
    tables, paths = [], list(paths)
    for path in paths:
        table = read_shard(path)
        with interpreting(path):
            header = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        if header.get("format") != FORMAT or header.get("version") != VERSION:
            raise ValueError(f"{path}: not a {FORMAT!r} file of version {VERSION!r}; tokenize again")
        absent = [name for name in ("codebook", "codebook_size") if name not in header]
        if absent or "codes" not in table.column_names:
            raise ValueError(f"{path}: lacks {absent or 'the column codes'}; delete it and tokenize again")
        codebook = codebook or header["codebook"]
        if header["codebook"] != codebook:
            raise ValueError(
                f"{path}: codes of codebook {header['codebook']}, but {codebook} is needed; "
                "tokenize with that VQ-VAE"
            )
        with interpreting(path):
            _check_codes(path, table, size=int(header["codebook_size"]))
        tables.append(table)
    if not tables:
        raise ValueError("no token files given")
    # A shard without rows has no types to speak of: it takes those of the others.
    with interpreting(", ".join(map(str, paths))):
        return pa.concat_tables(tables, promote_options="default")


def _check_codes(path: Path, table: pa.Table, *, size: int) -> None:
    """ValueError, naming the file, where a row lacks a value, or a code is none of a codebook of `size`."""
    empty = [name for name in table.column_names if table[name].null_count]
    if empty:
        raise damaged(path, f"its column {empty[0]} has rows without a value")
    if not len(table):
        return
    codes = pc.list_flatten(table["codes"])
    if not pa.types.is_unsigned_integer(codes.type) or codes.null_count:
        raise damaged(path, f"its codes are {table['codes'].type}")
    if len(codes) and pc.max(codes).as_py() >= size:
        raise damaged(path, f"a code of {pc.max(codes).as_py()} beyond the codebook of {size}")


def read_shard(path: Path) -> pa.Table:
    """One Parquet file, with errors that name it."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such token file; run the rule that makes it")
    try:
        return pq.read_table(path)
    except MemoryError as error:  # Arrow's is an ArrowException, too
        raise short_of_memory(path) from error
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the system: it says nothing against the file
        raise ValueError(
            f"{path}: truncated or not a Parquet file ({error}); delete it and make it again"
        ) from error


def codebook_of(table: pa.Table) -> tuple[str, int]:
    """Identity and size K of the codebook that a token table addresses."""
    header = table.schema.metadata
    return header[b"codebook"].decode(), int(header[b"codebook_size"])


def sequences(table: pa.Table, *, source: str) -> dict[str, np.ndarray]:
    """Codes [S] of every track of the class `source`, in order of the tracks however shards divided them."""
    chosen = table.filter(pc.equal(table["source"].cast(pa.string()), source)).sort_by("track")
    if not len(chosen):
        return {}
    ends = np.cumsum(pc.list_value_length(chosen["codes"]).to_numpy())
    codes = pc.list_flatten(chosen["codes"]).to_numpy().astype(np.int64)
    return dict(zip(chosen["track"].to_pylist(), np.split(codes, ends[:-1]), strict=True))


def without_copies(table: pa.Table) -> pa.Table:
    """The rows of images themselves: the tracks of altered copies have a further part, as in `000012/3`."""
    return table.filter(pc.invert(pc.match_substring(table["track"].cast(pa.string()), "/")))


def write_candidates(
    path: Path, results: Sequence[tuple[int, Any]], *, codebook: str, codebook_size: int, computed: Computed
) -> None:
    """Write the codes of the candidates of mixtures, one row per mixture, candidate and source.

    `results` are pairs of a mixture's number and its `lass.separation.estimation.candidates.Candidates`.
    """
    rows = [
        (item, number, source, scores[number], distances[number], result.uncounted, offsets[number], codes)
        for item, result in results
        for scores, distances, offsets in [
            (result.log_posterior.tolist(), result.remix_distance.tolist(), result.offsets.tolist())
        ]
        for number, candidate in enumerate(result.codes.cpu().numpy())
        for source, codes in enumerate(candidate)
    ]
    columns = {name: [row[index] for row in rows] for index, name in enumerate(CANDIDATE)}
    write_tokens(
        path,
        columns,
        [row[-1] for row in rows],
        codebook=codebook,
        codebook_size=codebook_size,
        computed=computed,
    )


def computed_candidates(path: Path) -> Computed:
    """How the candidates in a file by `write_candidates` were computed; ValueError where it does not say."""
    header = read_shard(path).schema.metadata or {}
    if b"computed" not in header:
        raise ValueError(f"{path}: does not say how it was computed; draw the candidates again")
    with interpreting(path):
        return Computed.model_validate_json(header[b"computed"])


def read_candidates(paths: Iterable[Path], *, codebook: str | None = None) -> dict[int, dict[str, Any]]:
    """Per mixture of files by `write_candidates`: the fields of its `Candidates`, with numpy's arrays.

    They are codes [M, N, S] int64, log_posterior [M], remix_distance [M], offsets [M] and uncounted.
    ValueError as in `read_tokens`, and where candidates of a mixture do not have the same sources.
    """
    paths = list(paths)
    table = read_tokens(paths, codebook=codebook)
    if not len(table):
        return {}
    with interpreting(", ".join(map(str, paths))):
        return _candidates_in(table)


def _candidates_in(table: pa.Table) -> dict[int, dict[str, Any]]:
    """The same of a table with rows."""
    missing = sorted(set(CANDIDATE) - set(table.column_names))
    if missing:
        raise ValueError(f"lacks the columns {missing}; draw the candidates again")
    table = table.sort_by([(name, "ascending") for name in ("mixture", "candidate", "source")])
    columns = {name: table[name].to_numpy() for name in CANDIDATE}
    if (
        not all(np.isfinite(columns[name]).all() for name in MEASURED[1:])
        or np.isnan(columns[MEASURED[0]]).any()
    ):
        raise ValueError("NaN or infinity; draw the candidates again")
    lengths = np.unique(pc.list_value_length(table["codes"]).to_numpy())
    if len(lengths) != 1:
        raise ValueError(f"sequences of {lengths.tolist()} codes; draw the candidates again")
    codes = pc.list_flatten(table["codes"]).to_numpy().astype(np.int64).reshape(len(table), -1)
    found: dict[int, dict[str, Any]] = {}
    items, starts = np.unique(columns["mixture"], return_index=True)
    for item, first, last in zip(items.tolist(), starts, [*starts[1:], len(table)], strict=True):
        own = {name: column[first:last] for name, column in columns.items()}
        sources = int(own["source"].max()) + 1
        if not np.array_equal(own["source"], np.tile(np.arange(sources), (last - first) // sources)):
            raise ValueError(f"candidates of mixture {item}: sources are missing or doubled; draw them again")
        found[item] = {
            "codes": codes[first:last].reshape(-1, sources, codes.shape[1]),
            "log_posterior": own["log_posterior"][::sources],
            "remix_distance": own["remix_distance"][::sources],
            "uncounted": int(own["uncounted"][0]),
            "offsets": own[OFFSET][::sources],
        }
    return found
