"""Archives that are unpacked in part, and those that cannot be trusted."""

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from lass.data import archives
from lass.data.archives import Everything, Extracted, extract_tar, extract_zip, folder_aside

FILES = {"top/a.txt": b"a" * 100, "top/sub/b.bin": bytes(range(256)) * 20, "top/sub/empty": b""}


def info(name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, size
    return member


def tar_of(*members: tuple[tarfile.TarInfo, bytes], packed: bool = True) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(raw.getvalue()) if packed else raw.getvalue()


def plain_tar(files: dict[str, bytes], *, packed: bool = True) -> bytes:
    return tar_of(*((info(name), content) for name, content in files.items()), packed=packed)


def zip_of(*members: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as held:
        for member, content in members:
            held.writestr(member, content)
    return raw.getvalue()


class OneWay(io.RawIOBase):
    """A connection: gives a few bytes at a time, and cannot go back."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._left = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._left.read(min(1000, len(buffer)))
        buffer[: len(block)] = block
        return len(block)


def untar(content: bytes, folder: Path, selection: archives.Selection | None = None) -> Extracted:
    folder.mkdir(exist_ok=True)
    with io.BufferedReader(cast(Any, OneWay(content))) as stream:
        extracted = extract_tar(stream, folder, selection or Everything())
        assert stream.read() == b"", "all of it is read"
    return extracted


def unzip(content: bytes, folder: Path, selection: archives.Selection | None = None) -> Extracted:
    folder.mkdir(exist_ok=True)
    path = folder.with_name("archive.zip")
    path.write_bytes(content)
    return extract_zip(path, folder, selection or Everything())


def tree(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if not path.is_dir()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


PACKINGS: dict[str, Callable[[Path, archives.Selection], Extracted]] = {
    "tar.gz": lambda folder, selection: untar(plain_tar(FILES), folder, selection),
    "tar": lambda folder, selection: untar(plain_tar(FILES, packed=False), folder, selection),
    "zip": lambda folder, selection: unzip(zip_of(*FILES.items()), folder, selection),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_all_of_it(tmp_path: Path, packing: str) -> None:
    assert PACKINGS[packing](tmp_path / "out", Everything()) == Extracted(3, 100 + 5120)
    assert tree(tmp_path / "out") == FILES


@pytest.mark.parametrize("packing", PACKINGS)
def test_some_of_it_at_other_places(tmp_path: Path, packing: str) -> None:
    def place(name: str) -> str | None:
        return None if name.endswith(".bin") else f"new/{name.removeprefix('top/')}"

    assert PACKINGS[packing](tmp_path / "out", Everything(place)) == Extracted(2, 100)
    assert tree(tmp_path / "out") == {"new/a.txt": b"a" * 100, "new/sub/empty": b""}


def test_a_selection_is_told_what_is_there(tmp_path: Path) -> None:
    class Noting(Everything):
        def written(self, place: str, path: Path) -> None:
            seen[place] = path.read_bytes()

    seen: dict[str, bytes] = {}
    untar(plain_tar(FILES), tmp_path / "out", Noting(lambda name: f"new/{name}"))
    assert seen == {f"new/{name}": content for name, content in FILES.items()}


@pytest.mark.parametrize("name", ["/etc/passwd", "../out.txt", "top/../../out", "C:/x", "top\\..\\x", ".."])
@pytest.mark.parametrize("wanted", [True, False])
def test_names_that_lead_out(tmp_path: Path, name: str, wanted: bool) -> None:
    """Even where the member is not wanted: the archive is not what it is taken for."""
    selection = Everything(lambda each: each if wanted else None)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="leads out of the folder: do not trust the archive"):
        untar(plain_tar({name: b"x"}), tmp_path / "out", selection)
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "out"}
    if "\\" not in name:  # zipfile turns these round
        with pytest.raises(ValueError, match="leads out of the folder: do not trust the archive"):
            unzip(zip_of((name, b"x")), tmp_path / "out", selection)
    assert tree(tmp_path / "out") == {}


def test_places_that_lead_out(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'\.\./a' leads out"):
        untar(plain_tar({"a": b"x"}), tmp_path / "out", Everything(lambda name: f"../{name}"))


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(ValueError, match="'null' is no file or folder: do not trust"):
        untar(tar_of((info("null", kind=kind), b"")), tmp_path / "out")


def test_devices_in_a_zip(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("null")
    member.external_attr = (stat.S_IFCHR | 0o666) << 16
    with pytest.raises(ValueError, match="'null' is no file or folder"):
        unzip(zip_of((member, b"")), tmp_path / "out")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "../..", ".."])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_that_leave_the_folder(tmp_path: Path, target: str, kind: bytes) -> None:
    with pytest.raises(ValueError, match=r"'top/l' is a link to .*, out of the folder"):
        untar(tar_of((info("top/l", kind=kind, link=target), b"")), tmp_path / "out")
    assert tree(tmp_path / "out") == {}


def zip_link(name: str, target: str) -> bytes:
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zip_of(("a.txt", b"x"), (member, target.encode()))


def test_links_in_a_zip(tmp_path: Path) -> None:
    unzip(zip_link("sub/l", "../a.txt"), tmp_path / "in")
    assert (tmp_path / "in" / "sub" / "l").read_bytes() == b"x"
    with pytest.raises(ValueError, match="out of the folder"):
        unzip(zip_link("sub/l", "../../a.txt"), tmp_path / "out")


def test_links_that_stay(tmp_path: Path) -> None:
    """Also where the members are moved; a hard link needs its target before it, as in every tar."""
    members = [
        (info("top/sub/soft", kind=tarfile.SYMTYPE, link="../a"), b""),
        (info("top/a"), b"content"),
        (info("top/sub/hard", kind=tarfile.LNKTYPE, link="top/a"), b""),
    ]
    untar(tar_of(*members), tmp_path / "out", Everything(lambda name: f"new/{name.replace('sub', 'other')}"))
    home = tmp_path / "out" / "new" / "top"
    assert (home / "other" / "soft").readlink() == Path("../a")
    assert (home / "other" / "soft").read_bytes() == (home / "other" / "hard").read_bytes() == b"content"
    with pytest.raises(ValueError, match=r"a link to '\.\./a', which is left out"):
        untar(tar_of(*members), tmp_path / "b", Everything(lambda name: None if name == "top/a" else name))
    with pytest.raises(ValueError, match="a link to 'top/a', which is not there"):
        untar(tar_of(members[2]), tmp_path / "c")


def test_nothing_is_written_behind_a_link(tmp_path: Path) -> None:
    """Where it is, ".." means another place than its name says."""
    members = [
        (info("deep/er", kind=tarfile.SYMTYPE, link="../flat"), b""),
        (info("flat/a"), b"x"),
        (info("deep/er/l", kind=tarfile.SYMTYPE, link="../../x"), b""),
    ]
    with pytest.raises(ValueError, match="'deep/er/l' lies behind a link"):
        untar(tar_of(*members), tmp_path / "out")
    assert tree(tmp_path / "out") == {"flat/a": b"x"}


def test_members_that_are_there_twice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'a' is there twice"):
        untar(tar_of((info("a"), b"1"), (info("a"), b"2")), tmp_path / "out")
    with pytest.raises(ValueError, match=r"'\./a' is there twice"):
        untar(tar_of((info("a"), b"1"), (info("./a"), b"2")), tmp_path / "b")


@pytest.mark.parametrize("packed", [True, False])
def test_a_tar_that_is_cut_off_anywhere(tmp_path: Path, packed: bool) -> None:
    """At every 97th byte before the two blocks of zeros that end it; by hand: three heads of 512 bytes, one
    block for `a` and ten for `b`.
    """
    content = plain_tar(FILES, packed=packed)
    for length in range(1, len(content) if packed else 3 * 512 + 512 + 10 * 512, 97):
        with pytest.raises(ValueError, match=r"damaged or cut off|is cut off|bytes, not"):
            untar(content[:length], tmp_path / f"out{length}")


def test_a_tar_that_is_cut_off_between_two_members(tmp_path: Path) -> None:
    """Where the reader of tar sees an end like any other."""
    content = plain_tar(FILES, packed=False)
    with pytest.raises(ValueError, match="is cut off: it has no end"):
        untar(content[:1024], tmp_path / "out")
    with pytest.raises(ValueError, match="is cut off: it has no end"):
        untar(gzip.compress(content[:1024]), tmp_path / "packed")


def test_archives_that_are_damaged(tmp_path: Path) -> None:
    content = bytearray(plain_tar(FILES))
    content[-6] ^= 1  # the sum at the end of gzip
    for damaged in (bytes(content), b"<html>", b"", gzip.compress(b"no tar" * 1000)):
        with pytest.raises(ValueError, match=r"damaged or cut off"):
            untar(damaged, tmp_path / "out")
    held = bytearray(zip_of(("a", b"x" * 1000)))
    held[35] ^= 1
    for damaged in (bytes(held), b"<html>", zip_of(("a", b"x"))[:-5]):
        with pytest.raises(ValueError, match="damaged or cut off"):
            unzip(damaged, tmp_path / "out")
        (tmp_path / "out" / "a").unlink(missing_ok=True)


def test_a_zip_with_a_password(tmp_path: Path) -> None:
    held = bytearray(zip_of(("a", b"x" * 1000)))
    for place in (6, held.index(b"PK\x01\x02") + 8):  # the flags, in both of its heads
        held[place] |= 1
    with pytest.raises(ValueError, match="cannot be unpacked"):
        unzip(bytes(held), tmp_path / "out")


def test_a_zip_that_the_disk_has_no_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(archives, "check_space", lambda _, needed, **__: asked.append(needed))
    PACKINGS["zip"](tmp_path / "out", Everything(lambda name: name if name != "top/a.txt" else None))
    assert asked == [5120]


def test_a_folder_appears_as_a_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "a" / "out"

    def fill(name: str) -> None:
        with folder_aside(folder) as aside:
            assert names(aside) == []
            (aside / name).touch()
            if name == "bad":
                raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fill("bad")
    assert names(folder.parent) == []
    (folder.parent / ".out.part").mkdir()
    (folder.parent / ".out.part" / "old").touch()
    fill("new")
    assert "left by a run that was broken off: it is deleted, and all begins anew" in caplog.text
    assert names(folder.parent) == ["out"]
    assert names(folder) == ["new"]
    with pytest.raises(FileExistsError, match="is there and not empty: take it away"):
        fill("newer")
    assert names(folder) == ["new"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
