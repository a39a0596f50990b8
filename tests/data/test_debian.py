"""Packages of Debian are read without its tools, and what is no package is refused."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lass.data.debian import read_members
from tests.data.packages import archived, packed, write_package

MEMBERS = {"usr/share/a/1.wav": b"one", "usr/share/a/2.wav": b"second", "usr/bin/run": b"#!/bin/sh"}


def sounds(path: str) -> bool:
    return path.endswith(".wav")


@pytest.mark.parametrize("packing", ["xz", "gz", "bz2"])
def test_files_that_are_wanted(tmp_path: Path, packing: str) -> None:
    package = write_package(tmp_path, "a", MEMBERS, packing=packing)
    found = list(read_members(package, sounds))
    assert found == [("usr/share/a/1.wav", b"one"), ("usr/share/a/2.wav", b"second")], "and no link"
    assert list(read_members(package, lambda path: path == "usr/share/doc/a/copyright")) == [
        ("usr/share/doc/a/copyright", b"Licence: as you like")
    ]


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb, Debian's own tool")
def test_a_package_of_debians_own_tool(tmp_path: Path) -> None:
    """And that tool reads those that tests make."""
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: n <n@example.org>\nDescription: a\n"
    )
    for path, data in MEMBERS.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(data)
    built = tmp_path / "a_1_all.deb"
    subprocess.run(["dpkg-deb", "-Zxz", "--build", tree, built], check=True, capture_output=True)
    assert dict(read_members(built, sounds)) == {path: MEMBERS[path] for path in MEMBERS if sounds(path)}
    mine = write_package(tmp_path / "mine", "a", MEMBERS)
    listed = subprocess.run(["dpkg-deb", "-c", mine], check=True, capture_output=True, text=True).stdout
    assert all(f"./{path}" in listed for path in MEMBERS)


@pytest.mark.parametrize("packing", ["xz", "gz", "bz2"])
def test_a_bit_that_flipped(tmp_path: Path, packing: str) -> None:
    """Anywhere in the files, it is found by the sum at the end at the latest."""
    noise = np.random.default_rng(0).bytes(50_000)
    package = write_package(tmp_path, "a", {"x.wav": noise}, packing=packing)
    whole = package.read_bytes()
    begins = whole.index(b"data.tar") + 60
    for place in np.linspace(begins + 40, len(whole) - 40, 25).astype(int):
        package.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"is damaged or cut off .*: fetch it again"):
            list(read_members(package, sounds))


def test_what_is_no_package(tmp_path: Path) -> None:
    whole = write_package(tmp_path, "a", {"x.wav": bytes(range(256)) * 400}).read_bytes()
    cases = {
        b"PK\x03\x04": "is no package of Debian: fetch it again",
        b"": "is no package of Debian",
        whole[:100]: r"is damaged or cut off \(it has no whole data.tar\): fetch it again",
        whole[:-200]: r"is damaged or cut off \(.*\): fetch it again",
        archived({"debian-binary": b"2.0\n", "data.tar.zst": b"1"}): "packed as data.tar.zst, which is not",
        archived({"data.tar.xz": b"no tar"}): r"is damaged or cut off \(.*\): fetch it again",
        archived(
            {"data.tar.xz": packed({"x.wav": bytes(range(256))})[:100]}
        ): r"is damaged or cut off \(.*\)",
    }
    for data, said in cases.items():
        path = tmp_path / "bad.deb"
        path.write_bytes(data)
        with pytest.raises(ValueError, match=said):
            list(read_members(path, sounds))
    with pytest.raises(FileNotFoundError):
        list(read_members(tmp_path / "none.deb", sounds))
