"""The published table of counts, written here as the package `sparse` does, against sums made by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lass.likelihood.settings import Counted
from lass.likelihood.tensor import read_likelihood
from lass.models.pretrained.jukebox_import import import_jukebox_vqvae
from lass.models.pretrained.lass_counts import import_lass_counts
from lass.models.pretrained.stored import codebook_beside, identity_of
from lass.storage import read_header
from tests.models.pretrained.public_jukebox import random_vqvae

K = 4
# z_1, z_2, m -> count: both orders of every pair, as they are published
TABLE = {(0, 1, 2): 3, (1, 0, 2): 3, (0, 1, 3): 1, (1, 0, 3): 1, (2, 2, 2): 6, (3, 0, 1): 5, (0, 3, 1): 5}


def entries(table: dict[tuple[int, int, int], int] = TABLE, **changes: Any) -> dict[str, Any]:
    coords = np.array(list(table), dtype=np.int64).T
    data = np.array(list(table.values()), dtype=np.int64)
    return {"coords": coords, "data": data, "shape": np.array([K] * 3), "fill_value": np.int64(0)} | changes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    torch.save({"model": random_vqvae(levels=1, codes=K)}, folder / "vqvae.pth.tar")
    import_jukebox_vqvae([folder / "vqvae.pth.tar"], folder)
    return folder


def imported(folder: Path, **arrays: Any) -> Path:
    np.savez_compressed(folder / "sum_frequencies.npz", **arrays)
    return import_lass_counts([folder / "sum_frequencies.npz"], folder, classes=["bass", "drums"])


def test_the_table_becomes_a_likelihood(folder: Path) -> None:
    table = TABLE | {(3, 3, 3): 0}  # a zero that is stored
    path = imported(folder, **entries(table))
    identity = identity_of(codebook_beside(folder))
    counted = Counted(codebook=identity, sources=("bass", "drums"), weights=(0.5, 0.5), tuples=12)
    likelihood = read_likelihood(path, codebook_size=K, sources=2, counted=counted)
    assert likelihood.offsets.tolist() == [0, 0, 2, 5, 7]
    for code, wanted in {
        0: {},
        1: {(0, 3): 1.0, (3, 0): 1.0},
        2: {(0, 1): 3 / 4, (1, 0): 3 / 4, (2, 2): 1.0},
        3: {(0, 1): 1 / 4, (1, 0): 1 / 4},
    }.items():
        tuples, logs = likelihood.slice_of(code)
        found = dict(zip(map(tuple, tuples.tolist()), logs.exp().tolist(), strict=True))
        assert found == pytest.approx(wanted)
    provenance = read_header(path, form="lass.likelihood", version=1)["provenance"]
    assert provenance["file"] == "sum_frequencies.npz"
    assert len(provenance["sha256"]) == 64
    assert "no licence" in provenance["licence"]


def test_other_tables_are_refused(folder: Path) -> None:
    twice = entries()
    twice["coords"][:, 1] = twice["coords"][:, 0]
    lone = {place: number for place, number in TABLE.items() if place != (1, 0, 3)}
    for arrays, complaint in (
        (entries(shape=np.array([5, 5, 5])), r"counts of shape \(5, 5, 5\) do not fit a codec of 4 codes"),
        (entries(TABLE | {(0, 1, 2): 4}), r"F\[z_1, z_2, m\] differs from F\[z_2, z_1, m\]"),
        (entries(lone), r"F\[z_1, z_2, m\] differs from F\[z_2, z_1, m\]"),
        (twice, "1 entries stand there twice"),
        (entries(TABLE | {(2, 2, 2): -1}), "a count is -1"),
        (entries(TABLE | {(2, 2, 4): 1}), "codes from 0 to 4 of 4"),
        (entries(data=np.ones(7)), "data are float64; counts are integers"),
        (entries(data=np.ones(6, dtype=np.int64)), r"data \(6,\) and coords \(3, 7\): expected"),
        (entries(fill_value=np.float64(1)), r"what is not counted is 1\.0 instead of 0"),
        (entries(data=np.array([{}] * 7)), "is no sparse tensor of counts.*allow_pickle=False"),
    ):
        with pytest.raises(ValueError, match=rf"sum_frequencies\.npz: .*{complaint}|npz: {complaint}"):
            imported(folder, **arrays)
    with pytest.raises(ValueError, match="it lacks coords, fill_value"):
        imported(folder, data=np.ones(1), shape=np.ones(3))


def test_other_files_are_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "sum.npz"
    with pytest.raises(FileNotFoundError, match=r"sum\.npz: no such file"):
        import_lass_counts([path], folder, classes=["a", "b"])
    path.write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(ValueError, match=r"sum\.npz: is a web page"):
        import_lass_counts([path], folder, classes=["a", "b"])
    np.savez(path, **entries())
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"sum\.npz: is no sparse tensor of counts, or cut off"):
        import_lass_counts([path], folder, classes=["a", "b"])
    np.save(tmp_path / "sum.npy", np.ones(3))
    with pytest.raises(ValueError, match=r"sum\.npy: is no sparse tensor of counts"):
        import_lass_counts([tmp_path / "sum.npy"], folder, classes=["a", "b"])
    with pytest.raises(ValueError, match=r"classes \['a'\]: the counts are of two sources"):
        import_lass_counts([path], folder, classes=["a"])
