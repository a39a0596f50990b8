"""Files of estimates: what is written is read, shards come together, and others are refused."""

from pathlib import Path

import numpy as np
import pytest

from lass.data.estimates import (
    FORM,
    VERSION,
    computed_by_method,
    estimates_in_batches,
    read_computed,
    read_estimates,
    write_estimates,
)
from lass.settings import Computed
from lass.storage import write_tensors

CPU = Computed(precision="float32", device="CPU")
VALUES = np.random.default_rng(0).random((4, 2, 3)).astype(np.float32)


def test_shards_come_together(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.safetensors" for name in ("1-of-3", "2-of-3", "3-of-3")]
    write_estimates(paths[0], items=[5, 1], estimates=VALUES[:2], computed=[CPU])
    write_estimates(paths[1], items=[], estimates=VALUES[:0], computed=[CPU])
    write_estimates(paths[2], items=[3, 0], estimates=VALUES[2:], computed=[CPU])
    found = read_estimates(paths)
    assert list(found) == [0, 1, 3, 5]
    for item, row in {5: 0, 1: 1, 3: 2, 0: 3}.items():
        assert found[item].dtype == np.float32
        np.testing.assert_array_equal(found[item], VALUES[row])
    assert read_estimates([]) == {}


def test_shards_say_how_they_were_computed(tmp_path: Path) -> None:
    """A step that is computed as another stands there once; shards of different machines say all."""
    gpu = Computed(precision="bfloat16", device="a GPU")
    ways = {"a": [CPU, CPU], "b": [gpu, CPU], "c": [CPU]}
    for name, computed in ways.items():
        write_estimates(tmp_path / name, items=[0], estimates=VALUES[:1], computed=computed)
    assert read_computed([tmp_path / "a", tmp_path / "c"]) == [CPU]
    assert read_computed([tmp_path / "a", tmp_path / "b"]) == [CPU, gpu]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "c").read_bytes()
    write_tensors(tmp_path / "a", {"items": np.arange(4)}, form=FORM, version=VERSION, fields={})
    with pytest.raises(ValueError, match=r"a: damaged .*does not say how it was computed"):
        read_computed([tmp_path / "a"])


def test_equal_estimates_have_equal_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_estimates(tmp_path / name, items=range(4), estimates=VALUES.astype(np.float64), computed=[CPU])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_rows_of_all_shards_in_batches(tmp_path: Path) -> None:
    """Both sources of a mixture after each other; a shard without mixtures has none."""
    paths = [tmp_path / name for name in ("b.safetensors", "empty.safetensors", "a.safetensors")]
    for path, rows in zip(paths, ([2, 0, 1], [], [3]), strict=True):
        write_estimates(path, items=rows, estimates=VALUES[rows], computed=[CPU])
    batches = list(estimates_in_batches(paths, at_once=2))
    assert [len(batch) for batch in batches] == [4, 2, 2]
    assert np.array_equal(np.concatenate(batches), VALUES.reshape(8, 3))


def test_how_methods_were_computed(tmp_path: Path) -> None:
    paths = [
        tmp_path / name for name in ("lass/1.safetensors", "average/1.safetensors", "lass/2.safetensors")
    ]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        write_estimates(path, items=[0], estimates=VALUES[:1], computed=[CPU])
    assert computed_by_method(paths) == {"lass": [CPU.model_dump()], "average": [CPU.model_dump()]}


@pytest.mark.parametrize(
    ("items", "estimates", "message"),
    [
        ([1], VALUES, r"shape \(4, 2, 3\) for 1 mixtures"),
        ([1, 2], VALUES[0], r"shape \(2, 3\) for 2 mixtures"),
        ([1, 2, 1, 3], VALUES, r"mixtures \[1, 2, 1, 3\] repeat"),
        (
            [1, 2, 4, 3],
            np.where(np.arange(4)[:, None, None] == 2, np.nan, VALUES),
            "NaN or infinity .* mixture 4",
        ),
    ],
)
def test_what_is_not_written(tmp_path: Path, items: list[int], estimates: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_estimates(tmp_path / "e.safetensors", items=items, estimates=estimates, computed=[CPU])
    assert not list(tmp_path.iterdir())


def test_files_that_are_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    with pytest.raises(FileNotFoundError, match=r"a\.safetensors"):
        read_estimates([path])
    write_estimates(path, items=range(4), estimates=VALUES, computed=[CPU])
    write_estimates(other, items=[9, 2], estimates=VALUES[:2], computed=[CPU])
    with pytest.raises(ValueError, match=r"b\.safetensors: mixture 2 is in another of the files, too"):
        read_estimates([path, other])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"a\.safetensors: damaged or truncated"):
        read_estimates([path])
    wrong: list[dict[str, np.ndarray]] = [
        {"items": np.arange(4)},
        {"items": np.arange(3), "estimates": VALUES},
    ]
    for tensors in wrong:
        write_tensors(path, tensors, form=FORM, version=VERSION, fields={})
        with pytest.raises(ValueError, match=r"a\.safetensors: damaged"):
            read_estimates([path])
    write_tensors(path, {"items": np.arange(4)}, form="lass.images", version=VERSION, fields={})
    with pytest.raises(ValueError, match=r"format 'lass\.images' version 2"):
        read_estimates([path])
