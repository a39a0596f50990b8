"""The registry of public data says what is known of each, and nothing that cannot be."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lass.data.sources import (
    BABYSLAKH_SPLITS,
    DOWNLOADS,
    MUSDB_VALIDATION,
    PUBLIC_DATA,
    PUBLIC_FILES,
    PublicFile,
    own_sum,
    split_address,
)

FILES = [data.file for data in PUBLIC_DATA.values()] + list(PUBLIC_FILES.values())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_fact_says_how_it_is_known(file: PublicFile) -> None:
    facts = {name for name in ("addresses", "size", "md5", "sha256") if getattr(file, name)}
    assert facts <= set(file.known)
    assert not {name for name in file.known if not getattr(file, name)}
    assert file.licence
    assert file.remedy
    assert all(re.fullmatch(r"https://[a-z.]+/\S+", address) for address in file.addresses)
    assert file.addresses == tuple(address for address in file.addresses if file.name in address)
    assert re.fullmatch(r"[0-9a-f]{32}", file.md5 or "0" * 32)
    assert re.fullmatch(r"[0-9a-f]{64}", file.sha256 or "0" * 64)


def test_what_comes_by_itself_has_a_sum() -> None:
    assert DOWNLOADS == ("slakh2100_redux", "babyslakh", "musdb18_hq")
    for name in DOWNLOADS:
        file = PUBLIC_DATA[name].file
        assert file.md5
        assert file.size
    assert all(file.sha256 for file in PUBLIC_FILES.values())


def test_splits() -> None:
    assert sum(PUBLIC_DATA["slakh2100_redux"].items.values()) == 2100 - 390
    numbers = [number for split in BABYSLAKH_SPLITS.values() for number in split]
    assert numbers == list(range(1, 21)), "each of the 20 songs once"
    items = PUBLIC_DATA["musdb18_hq"].items
    assert len(set(MUSDB_VALIDATION)) == items["validation"] == 14
    assert items["train"] + items["validation"] == 100
    assert sum(PUBLIC_DATA["celeba"].items.values()) == 202_599


def test_own_sums() -> None:
    digest = "0f" * 32
    assert split_address("https://host/a?b=c") == ("https://host/a?b=c", None)
    assert split_address(f"/a/b.zip#sha256={digest}") == ("/a/b.zip", digest)
    assert own_sum([]) is None
    assert own_sum([f"a#sha256={digest}", f"b#sha256={digest}"]) == digest
    with pytest.raises(ValueError, match="different files: give all the same"):
        own_sum([f"a#sha256={digest}", "b"])
    for wrong in ("md5=" + "0" * 32, "sha256=0", "sha256=" + "X" * 64, ""):
        with pytest.raises(ValueError, match=r"behind # stands the sum .* sha256sum tells it"):
            split_address(f"a#{wrong}")


def test_it_is_light() -> None:
    code = "import sys, lass.data.sources; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
