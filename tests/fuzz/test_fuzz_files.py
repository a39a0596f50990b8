"""Files of every kind that the project writes, damaged: refused by name, or read as something that can be."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from lass.data.audio.files import write_audio
from lass.data.audio.tracks import open_tracks
from lass.data.estimates import read_computed, read_estimates, write_estimates
from lass.data.images.library import open_images, write_images
from lass.data.settings import AudioLibrarySettings, ImageLibrarySettings
from lass.data.table import Place, mixture_table, read_mixtures, write_mixtures
from lass.evaluation.tables.scores import read_scores
from lass.evaluation.tables.sdr import Sdr
from lass.likelihood.counts import TupleCounter, read_counts, write_counts
from lass.likelihood.frames import FrameMoments, read_frames, write_frames
from lass.likelihood.residual import ResidualSums, read_residual, write_residual
from lass.likelihood.tensor import build_likelihood, read_likelihood, write_likelihood
from lass.methods.class_nmf import NmfDictionaries, read_dictionaries, write_dictionaries
from lass.models.checkpoint import new_network, read_transformer, write_checkpoint
from lass.models.codec import read_codec
from lass.models.diffusion import DenoiserNetwork, read_denoiser, write_denoiser
from lass.models.likelihood_network import LikelihoodNetwork, NetworkShape, read_network, write_network
from lass.models.separator_settings import ConvTasnet
from lass.models.separators import new_separator, read_separator, write_separator
from lass.models.unet import UnetShape
from lass.separation.estimation.candidates import Candidates
from lass.settings import Computed
from lass.tokens import read_candidates, read_tokens, sequences, write_candidates, write_tokens
from tests.fuzz.bounds import read_or_named
from tests.fuzz.damage import JSON, damaged_bytes, damaged_tensor_file, damaged_tree
from tests.likelihood.dense import count, draw_codes
from tests.models.toy import network_of, new_codec, small_codec, write_prior

pytestmark = pytest.mark.fuzz
RNG = np.random.default_rng(0)
CODECS = {"audio": small_codec(stride=4), "images": small_codec(stride=2, image=(1, 4, 4))}
COUNTED = count(*draw_codes(sources=2, codebook_size=6, positions=200, seed=1), codebook_size=6)
MADE = Computed(precision="float32", device="CPU")
SEPARATOR = ConvTasnet.model_validate(
    {"filters": 4, "kernel": 4, "bottleneck": 2, "hidden": 4, "layers": 1, "stacks": 1, "training": {
        "steps": 1, "batch": 1, "learning_rate": 1e-3}}
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of file: how one is written, how it is read, and what always holds of what was read."""

    name: str
    write: Callable[[Path], object]
    read: Callable[[Path], Any]
    holds: Callable[[Any], bool] = lambda found: True  # noqa: ARG005


def finite(found: Any) -> bool:
    """No NaN or infinity in an object's arrays and tensors, or in a network's weights."""
    state = found.state_dict() if isinstance(found, torch.nn.Module) else vars(found)
    arrays = [part for part in state.values() if isinstance(part, torch.Tensor | np.ndarray)]
    return all(bool(torch.as_tensor(array).isfinite().all()) for array in arrays)


def write_a_codec(path: Path, kind: str) -> None:
    write_checkpoint(path, network_of(new_codec(CODECS[kind])), provenance={})


def write_a_counter(path: Path) -> None:
    counter = TupleCounter(codebook_size=6, sources=2)
    counter.add(*draw_codes(sources=2, codebook_size=6, positions=50, seed=2))
    write_counts(path, counter.counts())


def a_residual() -> ResidualSums:
    return ResidualSums(torch.ones(2, 6, dtype=torch.float64), torch.ones(2, 6, 4, dtype=torch.float64))


def write_a_network(path: Path) -> None:
    shape = NetworkShape(6, 2, 4, sources=2, width=4, window=8, dilations=(1,))
    told: dict[str, Any] = {"sources": ["a", "b"], "weights": [0.5, 0.5], "provenance": {}}
    write_network(path, new_network(LikelihoodNetwork, shape, seed=0), codebook="x", **told)


def write_a_denoiser(path: Path) -> None:
    shape = UnetShape(None, 4, (8, 8), (2,), 1, 0, 2, 8)
    measured = {"deviations": torch.full((1,), 0.5), "powers": torch.ones(1, 8)}
    network = new_network(DenoiserNetwork, shape, **measured, seed=0)
    write_denoiser(path, network, classes=["a"], provenance={})


TENSOR_FILES = [
    Kind("codec", lambda path: write_a_codec(path, "audio"), read_codec, finite),
    Kind("image codec", lambda path: write_a_codec(path, "images"), read_codec, finite),
    Kind("prior", lambda path: write_prior(path, "x", trained_on=["a"]),
         lambda path: read_transformer(path, codebook="x"), finite),
    Kind("counts", write_a_counter, read_counts,
         lambda found: bool((found.counts > 0).all() and (np.diff(found.keys) > 0).all())),
    Kind("likelihood", lambda path: write_likelihood(path, build_likelihood(COUNTED)),
         lambda path: read_likelihood(path, codebook_size=6, sources=2),
         lambda found: bool((found.tuples.int() < 6).all() and (found.log_likelihood <= 0).all())),
    Kind("residual", lambda path: write_residual(path, a_residual(), classes=["a", "b"], codebook="x"),
         lambda path: read_residual(path, classes=["a", "b"], codebook="x"),
         lambda found: finite(found) and found.squares.shape[:2] == found.count.shape),
    Kind("frames", lambda path: write_frames(path, FrameMoments.empty(6, 4), codebook="x"),
         lambda path: read_frames(path, codebook="x"), finite),
    Kind("network", write_a_network,
         lambda path: read_network(path, sources=["a", "b"], weights=[0.5, 0.5], codebook="x"), finite),
    Kind("separator", lambda path: write_separator(
            path, new_separator(SEPARATOR, sources=2, seed=0), classes=["a", "b"], rate=8000,
            provenance={}),
         lambda path: read_separator(path, name="conv_tasnet", classes=["a", "b"], rate=8000), finite),
    Kind("denoiser", write_a_denoiser,
         lambda path: read_denoiser(path, classes=["a"], conditional=False), finite),
    Kind("dictionaries", lambda path: write_dictionaries(
            path, NmfDictionaries(RNG.uniform(size=(2, 3, 4)).astype(np.float32), ("a", "b"))),
         lambda path: read_dictionaries(path, classes=["a", "b"], pixels=4), finite),
    Kind("estimates", lambda path: write_estimates(
            path, items=[0, 1], estimates=RNG.normal(size=(2, 2, 8)), computed=[MADE]),
         lambda path: (read_estimates([path]), read_computed([path])),
         lambda found: all(np.isfinite(each).all() and each.ndim == 2 for each in found[0].values())),
    Kind("images", lambda path: write_images(
            path, RNG.integers(0, 255, (4, 1, 4, 4), dtype=np.uint8), np.array([0, 1, 0, 1]), ["a", "b"]),
         lambda path: open_images(path.parent, ImageLibrarySettings(image=(1, 4, 4), classes=("a", "b"))),
         lambda found: len(found.labels) == len(found.pixels)),
]  # fmt: skip


def write_some_candidates(path: Path) -> None:
    unmoved = torch.zeros(2, dtype=torch.int64)
    results = [
        (item, Candidates(torch.randint(0, 6, (2, 2, 5)), torch.zeros(2), torch.ones(2), 0, unmoved))
        for item in range(3)
    ]
    write_candidates(path, results, codebook="x", codebook_size=6, computed=MADE)


def in_range(found: dict[str, np.ndarray]) -> bool:
    return all(((codes >= 0) & (codes < 6)).all() for codes in found.values())


PARQUETS = [
    Kind("tokens", lambda path: write_tokens(
            path, {"source": ["a", "b", "a"], "track": ["t1", "t1", "t2"]}, [RNG.integers(0, 6, 5)] * 3,
            codebook="x", codebook_size=6),
         lambda path: sequences(read_tokens([path], codebook="x"), source="a"), in_range),
    Kind("candidates", write_some_candidates, lambda path: read_candidates([path], codebook="x"),
         lambda found: all(((each["codes"] >= 0) & (each["codes"] < 6)).all() for each in found.values())),
    Kind("mixtures", lambda path: write_mixtures(path, mixture_table(
            [[Place("t1", 3), Place("t2", 0)]] * 3, sources=[["a", "b"]] * 3, weights=[0.5, 0.5], length=8)),
         lambda path: read_mixtures(path).to_pylist(),
         lambda found: all(len(row["items"]) == len(row["sources"]) == len(row["starts"]) for row in found)),
]  # fmt: skip

SDR = Sdr(rate=100)
HEADER = ",".join(SDR.schema)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


def file_of(kind: Kind, folder: Path, suffix: str) -> tuple[Path, bytes]:
    """Where files of a kind lie, and a valid one."""
    path = folder / kind.name / ("images.safetensors" if kind.name == "images" else f"file{suffix}")
    valid = path.with_name("valid")
    if not valid.exists():
        path.parent.mkdir(exist_ok=True)
        kind.write(path)
        kind.read(path)  # what libraries reserve at their first use counts for no damaged file
        path.rename(valid)
    return path, valid.read_bytes()


def check(kind: Kind, path: Path, data: bytes) -> None:
    path.write_bytes(data)
    found = read_or_named(lambda: kind.read(path), str(path))
    if found is not None:
        assert kind.holds(found), f"a {kind.name} that cannot be was read"


@pytest.mark.parametrize("kind", TENSOR_FILES, ids=lambda kind: kind.name)
@given(data=st.data())
def test_tensor_file(folder: Path, kind: Kind, data: st.DataObject) -> None:
    path, valid = file_of(kind, folder, ".safetensors")
    check(kind, path, data.draw(damaged_tensor_file(valid)))


@pytest.mark.parametrize("kind", [*TENSOR_FILES, *PARQUETS], ids=lambda kind: kind.name)
def test_undamaged(folder: Path, kind: Kind) -> None:
    path, valid = file_of(kind, folder, ".parquet" if kind in PARQUETS else ".safetensors")
    path.write_bytes(valid)
    assert kind.holds(kind.read(path))


@pytest.mark.parametrize("kind", PARQUETS, ids=lambda kind: kind.name)
@given(data=st.data())
def test_parquet_file(folder: Path, kind: Kind, data: st.DataObject) -> None:
    path, valid = file_of(kind, folder, ".parquet")
    check(kind, path, data.draw(damaged_bytes(valid)))


@pytest.mark.parametrize("kind", PARQUETS, ids=lambda kind: kind.name)
@given(data=st.data())
def test_parquet_file_of_another_writer(folder: Path, kind: Kind, data: st.DataObject) -> None:
    """Well-formed, with other rows, columns or words in its header."""
    path, valid = file_of(kind, folder, ".parquet")
    path.write_bytes(valid)
    table = pq.read_table(path)
    said = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    rows, _ = (
        data.draw(damaged_tree(table.to_pylist(), JSON))
        if data.draw(st.booleans())
        else (table.to_pylist(), [])
    )
    said, _ = data.draw(damaged_tree(said, JSON)) if data.draw(st.booleans()) else (said, [])
    try:
        schema = table.schema if data.draw(st.booleans()) else None
        written = pa.Table.from_pylist(rows, schema=schema)
        words = {str(key).encode(): str(value).encode() for key, value in said.items()}
        pq.write_table(written.replace_schema_metadata(words), path)
    except (pa.ArrowException, TypeError, AttributeError, ValueError, OverflowError):
        assume(False)
    check(kind, path, path.read_bytes())


@given(data=st.data())
def test_sources(folder: Path, data: st.DataObject) -> None:
    """The index of a folder of recordings."""
    home = folder / "sources"
    index = home / "index.json"
    if not home.exists():
        write_audio(home / "song.wav", RNG.uniform(-1, 1, (2, 50)).astype(np.float32), rate=100)
        index.write_text(
            '{"format": "lass.sources", "version": 1, "rate": 100, "classes": ["a", "b"], "items": '
            '{"song": {"classes": ["a", "b"], "frames": 50, "sha256": "0"}}}'
        )
        index.with_name("valid").write_bytes(index.read_bytes())
    index.write_bytes(data.draw(damaged_bytes(index.with_name("valid").read_bytes())))
    settings = AudioLibrarySettings(rate=100, classes=("a", "b"))
    found = read_or_named(lambda: open_tracks(home, settings), str(home))
    if found is not None:
        for item in found.items:
            read_or_named(partial(found.read, item, "a"), str(home), item)


def write_some_scores(path: Path) -> None:
    rows = "".join(f"lass,{item},drums,{item}.25,1.5,0.5,1,1,1,0,0,10\n" for item in range(4))
    path.write_text(f"{HEADER}\n{rows}", encoding="utf-8")


def are_scores(rows: pd.DataFrame) -> bool:
    """Each row says whose it is, and nothing has moved to another column."""
    typed = dict(rows.dtypes.astype(str)) == dict(SDR.schema)
    return typed and not rows[["method", "mixture", "source"]].isna().any(axis=None)


SCORES = Kind("scores", write_some_scores, lambda path: read_scores(SDR, [path]), are_scores)


@given(data=st.data())
def test_scores(folder: Path, data: st.DataObject) -> None:
    path, valid = file_of(SCORES, folder, ".csv")
    check(SCORES, path, data.draw(damaged_bytes(valid)))


def test_undamaged_scores(folder: Path) -> None:
    path, valid = file_of(SCORES, folder, ".csv")
    path.write_bytes(valid)
    rows = SCORES.read(path)
    assert SCORES.holds(rows)
    assert rows["sdr"].tolist() == [0.25, 1.25, 2.25, 3.25]
    assert rows["positions"].tolist() == [10] * 4
