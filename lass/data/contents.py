"""What a user's folder holds, known without reading it, so that a change is seen at every start.

A file is the same while its size, its mtime and its ctime are: no copying tool can set that back. Where they
differ, its bytes decide, as far as a job has noted their digest in the record: neither a touch nor a folder
that is put back from a copy reruns anything.
Imports neither torch nor numpy: the workflow asks at every start.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lass.data.settings import Contents
from lass.writing import written_aside

FORM, VERSION = "lass.contents", 1


@dataclass(frozen=True)
class Known:
    """What is known of a file."""

    state: tuple[int, int, int] | None  # bytes, mtime and ctime in ns; None: a link to nothing
    mark: str  # stays while the bytes do
    digest: str | None = None  # of the bytes, where a job has read them


def fingerprint(contents: Contents) -> str:
    """A text that is another one if and only if a file is new, has gone, or has other bytes.

    Files that the record knows in their present state are not read. Where others turn out to have their old
    bytes, their new state is noted in the record, so that this is found out once.
    """
    held, record = _files(contents), Path(contents.record)
    known = _read_record(record, contents)
    found = {name: _recognised(path, known.get(name)) for name, path in held.items()}
    if any(entry.digest and entry != known[name] for name, entry in found.items()):
        with suppress(OSError):  # a folder of results that cannot be written is read again, no more
            _write_record(record, contents, found)
    return hashlib.sha256(
        json.dumps(sorted((name, each.mark) for name, each in found.items())).encode()
    ).hexdigest()[:16]


def record_digests(contents: Contents) -> None:
    """Read the files of `contents` that the record does not know in their present state, and note them there.

    A job does so before it reads them itself: what changes in between is then another file at the next start.
    """
    known = _read_record(Path(contents.record), contents)
    entries = {}
    for name, path in _files(contents).items():
        entry = _recognised(path, known.get(name))
        if entry.state is not None and entry.digest is None:
            entry = replace(entry, digest=_digest(path))
            if _state(path) != entry.state:
                entry = replace(entry, digest=None)
        entries[name] = entry
    _write_record(Path(contents.record), contents, entries)


def _files(contents: Contents) -> dict[str, Path]:
    """Name, relative to the root and the same in every locale, and path of every file that counts, sorted."""
    root = Path(contents.root)
    paths: set[Path] = set()
    for place in contents.places:
        if (root / place).is_dir():
            paths.update(_walk(root / place, tuple(contents.suffixes), ()))
        else:
            paths.add(root / place)
    return {
        os.fsencode(path.relative_to(root)).decode(errors="surrogateescape"): path for path in sorted(paths)
    }


def _walk(folder: Path, suffixes: tuple[str, ...], above: tuple[str, ...]) -> Iterator[Path]:
    """Files below `folder` with one of `suffixes`, behind links, too; what is hidden is left out."""
    real = os.path.realpath(folder)
    if real in above:  # a link to a folder that it lies in
        return
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    for entry in visible:
        if entry.is_dir():
            yield from _walk(folder / entry.name, suffixes, (*above, real))
        elif entry.name.lower().endswith(suffixes):
            yield folder / entry.name


def _recognised(path: Path, known: Known | None) -> Known:
    """What the file at `path` is: the `known` one, where its state or its bytes are."""
    state = _state(path)
    if known is not None and known.state == state:
        return known
    if known is not None and known.digest and state and known.state and state[0] == known.state[0]:
        with suppress(OSError):
            if _digest(path) == known.digest:
                return replace(known, state=state)
    return Known(state, mark="-".join(map(str, state or ())))


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_record(path: Path, contents: Contents) -> dict[str, Known]:
    """What the record knows of the files of `contents`; nothing, where it is of another root or none."""
    try:
        held = json.loads(path.read_text(encoding="ascii"))
        if (held["form"], held["version"], held["root"]) != (FORM, VERSION, contents.root):
            return {}
        return {
            name: Known(entry["state"] and tuple(entry["state"]), entry["mark"], entry["digest"])
            for name, entry in held["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # a record that cannot be read is written anew; the files are taken for new ones


def _write_record(path: Path, contents: Contents, entries: dict[str, Known]) -> None:
    files = {name: asdict(entry) for name, entry in entries.items()}
    document = {"form": FORM, "version": VERSION, "root": contents.root, "files": files}
    with written_aside(path) as aside:
        aside.write_text(json.dumps(document) + "\n", encoding="ascii")
