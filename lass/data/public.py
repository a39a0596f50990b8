"""Public data sets and files, fetched, verified and laid out as the readers want them."""

import errno
import io
import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lass.data.archives import Selection, extract_tar, extract_zip, folder_aside
from lass.data.audio.selections import SlakhSelection, StemsSelection, baby_split, redux_split
from lass.data.downloads.connections import Patience
from lass.data.downloads.expected import Expected
from lass.data.downloads.files import download, is_path
from lass.data.downloads.progress import in_bytes
from lass.data.downloads.streams import Incoming
from lass.data.sources import PUBLIC_DATA, PUBLIC_FILES, PublicFile, own_sum, split_address

FORM, VERSION = "lass.download", 1
ORIGIN = "origin.json"
"""The file in a folder of downloaded data that says what they are and under which licence."""
_PATIENCE = Patience(attempts=8)  # in a row without a megabyte: about two minutes

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Order:
    """What is fetched from where, and what of it is wanted."""

    file: PublicFile
    places: Sequence[str]
    expected: Expected
    selection: Selection
    patience: Patience

    def unpack(self, aside: Path, stored: Path | None) -> None:
        """Fill `aside`; an archive that has to be whole is stored at `stored` first."""
        if stored is None:
            self._unpack_stream(aside)
        else:
            self._unpack_file(aside, stored)

    def _unpack_file(self, aside: Path, stored: Path) -> None:
        """Fetch the archive to `stored` and unpack what is wanted; one of the user's is read where it is."""
        mine = [Path(place).expanduser() for place in self.places if is_path(place)]
        archive = next((each for each in mine if each.is_file() and not self.expected.differs(each)), None)
        if archive is None:
            archive = stored
            download(
                self.places,
                stored,
                expected=self.expected,
                remedy=self.file.remedy,
                patience=self.patience,
            )
        extract_zip(archive, aside, self.selection)

    def _unpack_stream(self, aside: Path) -> None:
        """Take of the archive what is wanted while it arrives."""
        incoming = Incoming(self.places, self.expected, patience=self.patience)
        try:
            with io.BufferedReader(cast(Any, incoming), 1 << 20) as stream:
                extract_tar(stream, aside, self.selection)
                incoming.finish()
        except ValueError as error:
            raise ValueError(f"{self.file.name} of {', '.join(self.places)}: {error}") from error
        except OSError as error:
            if error.errno == errno.ENOSPC:
                full = f"the disk of {aside.parent} is full after {in_bytes(_size(aside))}"
                raise OSError(
                    errno.ENOSPC, f"{full} of {self.file.name}: make room, or work on another"
                ) from error
            if error.errno is not None:  # of our disk
                raise
            raise OSError(f"{self.file.name}: {self.file.remedy}\n{error}") from error


def fetch_songs(
    name: str,
    folder: Path,
    *,
    classes: Sequence[str],
    files: Mapping[str, Sequence[str]],
    addresses: Sequence[str] = (),
    patience: Patience = _PATIENCE,
) -> dict[str, Any]:
    """Make `folder` of the data set `name` of PUBLIC_DATA: <split>/<song>/..., the stems of `classes` alone.

    `files`: as the reader `stems` is told. `addresses`, of a mirror or of a file that the user has, stand for
    the published ones; those that end in #sha256=... are of an archive of the user's own in the same layout,
    whose size and number of songs may be any.

    A tar is read while it arrives and not stored; where the run is broken off, the next one begins anew. A
    zip is stored beside `folder`, goes on where it was broken off, and is deleted at the end. Nothing is
    fetched where `folder` holds what is asked for; one that holds something else of here is deleted.

    Returns what ORIGIN in `folder` says of it.

    Raises:
        OSError: no address gave it, or the disk is full.
        ValueError: the archive is damaged, or has no songs in its layout.
    """
    data, own = PUBLIC_DATA[name], own_sum(list(addresses))
    order = _Order(
        data.file,
        places=[split_address(address)[0] for address in addresses] or [*data.file.addresses],
        expected=expected_of(data.file, own),
        selection=_selection(name, classes, files),
        patience=patience,
    )
    origin = _origin(name, order.expected, classes=classes, files=files)
    if _is_made(folder, origin):
        logger.info("%s is there: nothing is fetched", folder)
        return origin
    logger.info("%s; licence: %s; %s", data.file.title, data.file.licence, data.note)
    stored = folder.with_name(f".{folder.name}.{data.file.name}")
    with folder_aside(folder) as aside:
        order.unpack(aside, stored if data.form == "zip" else None)
        counts = {split: _count_songs(aside / split) for split in data.items}
        _check_counts(name, counts, published=own is None)
        (aside / ORIGIN).write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")
        logger.info("%s: %s songs, %s", folder, counts, in_bytes(_size(aside)))
    stored.unlink(missing_ok=True)
    return origin


def fetch_weights(
    name: str, path: Path, *, addresses: Sequence[str] = (), patience: Patience = _PATIENCE
) -> None:
    """Fetch the file `name` of PUBLIC_FILES to `path`; `addresses` as for songs.

    OSError where no address gave it.
    """
    file = PUBLIC_FILES[name]
    logger.info("%s; licence: %s", file.title, file.licence)
    places = [split_address(address)[0] for address in addresses] or [*file.addresses]
    expected = expected_of(file, own_sum(list(addresses)))
    download(places, path, expected=expected, remedy=file.remedy, patience=patience)


def expected_of(file: PublicFile, own: str | None = None) -> Expected:
    """What a download of `file` must be: as published, or by the sum `own` that the user gives."""
    if own is not None:
        return Expected(sha256=own, origin=", which stands behind the address")
    return Expected(md5=file.md5, sha256=file.sha256, size=file.size)


def _selection(name: str, classes: Sequence[str], files: Mapping[str, Sequence[str]]) -> Selection:
    if PUBLIC_DATA[name].source == "slakh":
        return SlakhSelection(classes, baby_split if name == "babyslakh" else redux_split)
    return StemsSelection(classes, files)


def _check_counts(name: str, counts: Mapping[str, int], *, published: bool) -> None:
    """ValueError where there is no song; a warning where there are others than in the published archive.

    The sum has shown that it is that archive, so it is not thrown away for a number.
    """
    if not any(counts.values()):
        raise ValueError(f"{name}: the archive has no song in its layout: give one that is laid out as it is")
    items = dict(PUBLIC_DATA[name].items)
    if published and counts != items:
        logger.warning("%s has %s songs, but %s were expected: look at the folder", name, counts, items)


def _count_songs(folder: Path) -> int:
    return sum(path.is_dir() for path in folder.iterdir()) if folder.is_dir() else 0


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _origin(
    name: str, expected: Expected, *, classes: Sequence[str], files: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """What a folder of songs is made of: it is another one where any of this is."""
    data = PUBLIC_DATA[name]
    return {
        "form": FORM,
        "version": VERSION,
        "data": name,
        "title": data.file.title,
        "licence": data.file.licence,
        "archive": data.file.name,
        **expected.sums,
        "classes": sorted(classes),
        "files": {each: list(files[each]) for each in sorted(files)},
    }


def _is_made(folder: Path, origin: Mapping[str, Any]) -> bool:
    """Whether `folder` is made of `origin`; what was made here of something else is deleted."""
    try:
        held = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if held == origin:
        return True
    if isinstance(held, dict) and held.get("form") == FORM:
        logger.warning("%s is of something else (%s): it is deleted and made anew", folder, held.get("data"))
        shutil.rmtree(folder)
    return False
