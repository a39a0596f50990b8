"""Pictures that people fetch by hand: what they got is checked before anything is made of it."""

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lass.data.downloads.expected import Expected
from lass.data.images import public
from lass.data.images.folders import read_split
from lass.data.images.public import (
    lay_out_celeba,
    lay_out_imagenet,
    read_ids,
    read_labels,
    read_partition,
    wordnet_folders,
)
from lass.data.sources import CELEBA_SUMS

LINES = "000001.jpg 0\n000002.jpg 0\n000003.jpg 2\n000004.jpg 1\n"
COUNTS = {"train": 2, "validation": 1, "test": 1}


@pytest.fixture
def celeba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four grey pictures and their official file."""
    folder = tmp_path / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    for number in range(1, 5):
        Image.new("RGB", (18, 22), (60 * number,) * 3).save(
            folder / "img_align_celeba" / f"00000{number}.jpg"
        )
    (folder / "list_eval_partition.txt").write_text(LINES)
    monkeypatch.setitem(CELEBA_SUMS, "list_eval_partition.txt", hashlib.md5(LINES.encode()).hexdigest())
    monkeypatch.setattr(public, "_CELEBA", replace(public._CELEBA, items=COUNTS))
    return folder


def test_celeba_for_the_reader_of_folders(celeba: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces"
    assert lay_out_celeba(celeba, out) == COUNTS
    for split, levels in (("train", [60, 120]), ("test", [180]), ("validation", [240])):
        pixels, labels = read_split(
            out, split=split, image=(1, 8, 8), classes=["faces"], files={}, held_out=None
        )
        assert labels.tolist() == [0] * len(levels)
        np.testing.assert_allclose(pixels.mean((1, 2, 3)), levels, atol=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<!DOCTYPE html><title>Google Drive - Quota exceeded", "the server sent a page of HTML .* quota"),
        (LINES[:-1] + "2\n", r"has MD5 \w+, not \w+: its home is Google Drive.*a quota"),
        (None, "is not there: its home is Google Drive"),
    ],
)
def test_another_file_than_the_official_one(
    celeba: Path, tmp_path: Path, content: str | None, message: str
) -> None:
    path = celeba / "list_eval_partition.txt"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        lay_out_celeba(celeba, tmp_path / "faces")
    assert not (tmp_path / "faces").exists()


def test_other_numbers_of_pictures(celeba: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (celeba / "img_align_celeba" / "000003.jpg").unlink()
    (celeba / "img_align_celeba" / "000004.jpg").unlink()
    with pytest.raises(ValueError, match=r"lacks 2 of 4 pictures, such as 000004\.jpg: unpack"):
        lay_out_celeba(celeba, tmp_path / "faces")
    monkeypatch.undo()
    monkeypatch.setitem(CELEBA_SUMS, "list_eval_partition.txt", hashlib.md5(LINES.encode()).hexdigest())
    with pytest.raises(
        ValueError, match=r"lists \{'train': 2, .* not \{'train': 162770, 'validation': 19867"
    ):
        lay_out_celeba(celeba, tmp_path / "faces")
    assert not (tmp_path / "faces").exists()


def test_a_folder_that_is_not_unpacked(celeba: Path, tmp_path: Path) -> None:
    (celeba / "img_align_celeba").rename(celeba / "pictures")
    with pytest.raises(
        FileNotFoundError, match=r"img_align_celeba is no folder: unpack img_align_celeba\.zip"
    ):
        lay_out_celeba(celeba, tmp_path / "faces")


@pytest.mark.parametrize("line", ["000002.jpg 3", "000002.jpg", "../x.jpg 0", "a b 0"])
def test_lines_that_say_nothing(tmp_path: Path, line: str) -> None:
    path = tmp_path / "list_eval_partition.txt"
    path.write_text(f"000001.jpg 0\n{line}\n")
    with pytest.raises(ValueError, match=r"line 2: .* is not the name of a picture and 0, 1 or 2"):
        read_partition(path, sums={})


# --- ImageNet ---

# As the devkit's, an order of its own: here the sorted ids turned round.
IDS = [f"n{number:08}" for number in range(1000, 0, -1)]


def imagenet(folder: Path, labels: str) -> dict[str, Path]:
    (folder / "labels.txt").write_text(labels)
    (folder / "ids.txt").write_text("\n".join(IDS))
    return {"labels": folder / "labels.txt", "ids": folder / "ids.txt"}


def archive_of(path: Path, count: int) -> Expected:
    with tarfile.open(path, "w") as tar:
        for number in range(1, count + 1):
            member = tarfile.TarInfo(f"ILSVRC2012_val_{number:08}.JPEG")
            member.size = 1
            tar.addfile(member, io.BytesIO(bytes([number])))
    return Expected(md5=hashlib.md5(path.read_bytes()).hexdigest())


def test_labels_count_in_the_devkits_order(tmp_path: Path) -> None:
    """By hand: label 1 is the first id of the devkit, which is the last of the sorted ones."""
    lists = imagenet(tmp_path, "1\n1000\n3\n1\n")
    expected = archive_of(tmp_path / "val.tar", 4)
    assert lay_out_imagenet(tmp_path / "val.tar", tmp_path / "out", **lists, expected=expected) == 4
    found = {path.name: path.parent.name for path in (tmp_path / "out" / "validation").rglob("*.JPEG")}
    names = [f"ILSVRC2012_val_{number:08}.JPEG" for number in range(1, 5)]
    assert found == dict(zip(names, ["n00001000", "n00000001", "n00000998", "n00001000"], strict=True))
    assert found == wordnet_folders(read_labels(lists["labels"]), read_ids(lists["ids"]))
    assert (tmp_path / "out/validation/n00000001/ILSVRC2012_val_00000002.JPEG").read_bytes() == b"\2"


def test_another_archive(tmp_path: Path) -> None:
    lists = imagenet(tmp_path, "1\n2\n3\n")
    labels, ids = lists["labels"], lists["ids"]
    expected = archive_of(tmp_path / "val.tar", 2)
    with pytest.raises(ValueError, match=r"has 10240 bytes, not 6744924160: it needs an account"):
        lay_out_imagenet(tmp_path / "val.tar", tmp_path / "out", labels=labels, ids=ids)
    with pytest.raises(ValueError, match=r"has 2 pictures, but .*labels.txt labels 3"):
        lay_out_imagenet(tmp_path / "val.tar", tmp_path / "out", labels=labels, ids=ids, expected=expected)
    assert not (tmp_path / "out").exists()


def test_lists_that_are_others(tmp_path: Path) -> None:
    path = tmp_path / "list"
    for content, message in (
        ("1\n1001\n", "line 2: '1001'"),
        ("0\n", "line 1: '0'"),
        ("n01\n", "line 1: 'n01'"),
    ):
        path.write_text(content)
        with pytest.raises(ValueError, match=f"{message} is no number from 1 to 1000"):
            read_labels(path)
    for ids, message in (
        (sorted(IDS), "is sorted, as models count the classes"),
        (IDS[:-1], "has 999 different ids in 999 lines, not 1000"),
        ([*IDS[:-1], IDS[0]], "has 999 different ids in 1000 lines"),
    ):
        path.write_text("\n".join(ids))
        with pytest.raises(ValueError, match=message):
            read_ids(path)
