"""Token tables: codes as Parquet, one row per sequence, with the identity of the codebook in the header."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lass.storage import written_aside

FORMAT = "lass-tokens"
VERSION = "1"


def write_tokens(
    path: Path,
    columns: Mapping[str, Sequence[Any]],
    codes: Sequence[np.ndarray],
    *,
    codebook: str,
    codebook_size: int,
) -> None:
    """Write one row per sequence: the descriptive `columns` and the list column `codes` (integers in [0, K)).

    `codebook` identifies the codebook that the codes address. The file is written aside and renamed.
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
    table = pa.table(arrays).replace_schema_metadata(header)
    with written_aside(path) as aside:
        pq.write_table(table, aside, compression="zstd")


def read_tokens(paths: Iterable[Path], *, codebook: str | None = None) -> pa.Table:
    """The rows of all shards in `paths`, in that order.

    Raises FileNotFoundError or ValueError, naming the file, where one is missing, damaged, of an unknown
    format, or addresses another codebook than `codebook` (where given) or than the other shards.
    """
    tables = []
    for path in paths:
        table = read_shard(path)
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
        tables.append(table)
    if not tables:
        raise ValueError("no token files given")
    # A shard without rows has no types to speak of: it takes those of the others.
    return pa.concat_tables(tables, promote_options="default")


def read_shard(path: Path) -> pa.Table:
    """One Parquet file, with errors that name it."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such token file; run the rule that makes it")
    try:
        return pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
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


def write_separations(
    path: Path,
    results: Sequence[tuple[int, Any]],
    *,
    classes: Sequence[str],
    codebook: str,
    codebook_size: int,
) -> None:
    """Write the codes of separated mixtures, one row per mixture and source, with what was measured.

    `results` are pairs of a mixture's number and its `lass.separation.selection.Separation`.
    """
    columns: dict[str, list[Any]] = {
        name: [] for name in ("mixture", "source", "log_posterior", "remix_distance", "uncounted")
    }
    codes = []
    for item, result in results:
        for index, source in enumerate(classes):
            columns["mixture"].append(item)
            columns["source"].append(source)
            for name in ("log_posterior", "remix_distance", "uncounted"):
                columns[name].append(getattr(result, name))
            codes.append(result.codes[index].cpu().numpy())
    write_tokens(path, columns, codes, codebook=codebook, codebook_size=codebook_size)


def uncounted_of(path: Path) -> dict[int, int]:
    """Per mixture of a file by `write_separations`: positions whose code was replaced by a counted one."""
    table = read_tokens([path])
    return dict(zip(table["mixture"].to_pylist(), table["uncounted"].to_pylist(), strict=True))
