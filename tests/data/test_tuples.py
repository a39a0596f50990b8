"""Random tuples: the codes of the mixtures are right, and groups do not depend on who draws them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lass.data.audio.tracks import open_tracks
from lass.data.images.library import FILE, ImageLibrary, write_images
from lass.data.settings import AudioLibrarySettings, ImageLibrarySettings, Mixing, TupleGroup
from lass.data.shards import shard_of
from lass.data.tuples import Encoder, ImageTupleStream, TupleStream, codes_of_images, open_stream
from lass.tokens import write_tokens
from tests.data.sources import write_library

HOP = 4


def encode(audio: np.ndarray) -> np.ndarray:
    """Codes [B, S] of `audio` [B, T]: the sum of a frame and its two neighbours, in steps of 1/64."""
    frames = audio.reshape(len(audio), -1, HOP).sum(axis=-1)
    wide = np.pad(frames, ((0, 0), (1, 1)))
    codes: np.ndarray = np.rint(64 * (wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:])).astype(np.int64)
    return codes


MUSIC = AudioLibrarySettings(rate=8000, classes=("drums", "bass"))


def make_stream(
    folder: Path,
    *,
    tokens: int = 6,
    margin: int = 1,
    seed: int = 5,
    sources: Sequence[str] = ("drums", "bass"),
) -> TupleStream:
    rng = np.random.default_rng(0)
    if not folder.exists():
        items = {}
        for name, length in {"a": 40, "b": 90, "short": 7}.items():
            # multiples of 1/32 and weights of a half: codes of sources and mixtures are exact
            audio = rng.integers(0, 32, (2, length * HOP)).astype(np.float32) / 32
            items[name] = {"drums": audio[0], "bass": audio[1]}
        write_library(folder, items, rate=8000)
    library = open_tracks(folder, MUSIC)
    codes = {
        source: {item: encode(library.read(item, source)[None])[0] for item in library.items}
        for source in library.classes
    }
    return TupleStream(
        library=library,
        codes=codes,
        encoder=Encoder(encode, hop=HOP, margin=margin, codebook="toy"),
        sources=sources,
        weights=np.array([1 / len(sources)] * len(sources), dtype=np.float32),
        tokens=tokens,
        mixtures=8,
        seed=seed,
    )


def test_mixture_codes_are_those_of_the_mixed_sources(tmp_path: Path) -> None:
    stream = make_stream(tmp_path / "s")
    assert stream.group_size == 48
    sources, mixture = stream.group(0)
    assert sources.shape == (2, 8, 6)
    assert mixture.shape == (8, 6)
    # This codec is linear and the sources' codes saw whole tracks: only with the margin does the mixture's
    # code at every position equal the weighted sum of the sources' codes.
    np.testing.assert_array_equal(2 * mixture, sources.sum(axis=0))


def test_without_a_margin_the_edges_differ(tmp_path: Path) -> None:
    sources, mixture = make_stream(tmp_path / "s", margin=0).group(0)
    differs = 2 * mixture != sources.sum(axis=0)
    assert differs[:, [0, -1]].any()
    assert not differs[:, 1:-1].any()


def test_places_are_drawn_from_every_track_that_is_long_enough(tmp_path: Path) -> None:
    stream = make_stream(tmp_path / "s")
    rng = np.random.default_rng(0)
    starts: dict[str, set[int]] = {name: set() for name in stream.codes["drums"]}
    for _ in range(2000):
        audio, codes = stream.place(rng, "bass")
        assert audio.shape == (8 * HOP,)
        for name, row in stream.codes["bass"].items():
            windows = np.lib.stride_tricks.sliding_window_view(row, 6)
            starts[name] |= set(np.flatnonzero((windows == codes).all(axis=1)).tolist())
    assert starts["short"] == set(), "7 tokens do not hold 6 and a margin of 1 on both sides"
    assert starts["a"] == set(range(1, 34))
    assert starts["b"] == set(range(1, 84))


def test_groups_do_not_depend_on_their_division(tmp_path: Path) -> None:
    whole = [make_stream(tmp_path / "s").group(number) for number in range(6)]
    for shards in (2, 3):
        for shard in range(1, shards + 1):
            stream = make_stream(tmp_path / "s")
            for number in shard_of(range(6), f"{shard}-of-{shards}"):
                for found, expected in zip(stream.group(number), whole[number], strict=True):
                    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(whole[0][1], whole[1][1])
    assert not np.array_equal(make_stream(tmp_path / "s", seed=6).group(0)[1], whole[0][1])


def test_tracks_too_short(tmp_path: Path) -> None:
    stream = make_stream(tmp_path / "s", tokens=90)
    with pytest.raises(
        ValueError,
        match=r"has 92 tokens of class 'drums' \(likelihood.tokens is 90.*the longest, \w+, has \d+:",
    ):
        stream.group(0)


def test_sources_of_one_class(tmp_path: Path) -> None:
    stream = make_stream(tmp_path / "s", sources=("bass", "bass"))
    codes, mixture = stream.group(0)
    np.testing.assert_array_equal(2 * mixture, codes.sum(axis=0))
    assert not np.array_equal(codes[0], codes[1]), "each from a place of its own"
    with pytest.raises(ValueError, match="2 weights for the sources bass: give one for each"):
        TupleStream(
            stream.library,
            stream.codes,
            stream.encoder,
            ["bass"],
            stream.weights,
            tokens=6,
            mixtures=1,
            seed=0,
        )


# --- images ---


def image_codes(images: np.ndarray) -> np.ndarray:
    """Codes [B, S] of `images` [B, T]: the bytes times eight, two of them per image."""
    codes: np.ndarray = np.rint(8 * 255 * images[:, :2]).astype(np.int64)
    return codes


def make_images(images: int = 9, *, sources: int = 2, mixtures: int = 8, seed: int = 5) -> ImageTupleStream:
    pixels = np.random.default_rng(0).permutation(images * 4).astype(np.uint8)
    library = ImageLibrary(pixels.reshape(images, 1, 2, 2), np.arange(images) % 3, ("a", "b", "c"))
    return ImageTupleStream(
        library=library,
        codes=image_codes(library.read_rows(np.arange(images))),
        encode=image_codes,
        weights=np.full(sources, 1 / sources, dtype=np.float32),
        mixtures=mixtures,
        seed=seed,
    )


@pytest.mark.parametrize("sources", [2, 4])
def test_codes_of_mixed_images(sources: int) -> None:
    stream = make_images(sources=sources)
    assert stream.group_size == 16
    codes, mixture = stream.group(0)
    assert (codes.shape, mixture.shape) == ((sources, 8, 2), (8, 2))
    assert codes.dtype == np.int64
    np.testing.assert_array_equal(sources * mixture, codes.sum(axis=0))  # this codec is linear


def test_images_are_drawn_evenly_and_never_twice() -> None:
    stream = make_images(mixtures=3600)
    rows = {tuple(codes): row for row, codes in enumerate(stream.codes.tolist())}
    codes, _ = stream.group(0)
    pairs = np.array([[rows[tuple(row)] for row in source] for source in codes.tolist()])
    assert (pairs[0] != pairs[1]).all()
    counts = np.bincount(pairs[0] * 9 + pairs[1], minlength=81).reshape(9, 9)
    assert abs(counts[~np.eye(9, dtype=bool)] - 50).max() < 36  # five standard deviations


def test_groups_of_images_do_not_depend_on_their_division() -> None:
    whole = [make_images().group(number) for number in range(6)]
    for number in shard_of(range(6), "2-of-3"):
        for found, expected in zip(make_images().group(number), whole[number], strict=True):
            np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(whole[0][1], whole[1][1])
    assert not np.array_equal(make_images(seed=6).group(0)[1], whole[0][1])


def test_codes_are_put_in_the_order_of_the_images() -> None:
    stream = make_images()
    tracks = [
        {f"{row:06d}": stream.codes[row] for row in stream.library.rows_of(index)[::-1]} for index in range(3)
    ]
    np.testing.assert_array_equal(codes_of_images(tracks, stream.library), stream.codes)
    gone = [tracks[0], tracks[1], dict(list(tracks[2].items())[1:])]
    for wrong in (gone, tracks[::-1], tracks[:2]):
        with pytest.raises(
            ValueError, match=r"codes of \d images in \d classes are not those of the 9 images"
        ):
            codes_of_images(wrong, stream.library)


def test_codes_of_other_images() -> None:
    stream = make_images()
    with pytest.raises(ValueError, match=r"codes of shape \(8, 2\) for 9 images: tokenize the split again"):
        ImageTupleStream(stream.library, stream.codes[:8], image_codes, stream.weights, mixtures=1, seed=0)
    with pytest.raises(ValueError, match="3 sources out of 2 images"):
        make_images(2, sources=3).group(0)


# --- from files ---


def open_them(
    folder: Path, table: Path, data: Any, *, encoder: Encoder, weights: int = 2, **group: Any
) -> Any:
    return open_stream(
        folder,
        [table],
        data,
        encoder=encoder,
        mixing=Mixing(weights=(1 / weights,) * weights),
        group=TupleGroup(mixtures=8, **group),
        seed=5,
    )


def test_stream_of_recordings_from_files(tmp_path: Path) -> None:
    stream = make_stream(tmp_path / "s")
    rows = [(name, item, row) for name, tracks in stream.codes.items() for item, row in tracks.items()]
    write_tokens(
        tmp_path / "t.parquet",
        {"track": [row[1] for row in rows], "source": [row[0] for row in rows]},
        [row[2] for row in rows],
        codebook="toy",
        codebook_size=1 << 20,
    )
    opened = open_them(tmp_path / "s", tmp_path / "t.parquet", MUSIC, encoder=stream.encoder, tokens=6)
    assert opened.group_size == 48
    for found, expected in zip(opened.group(3), stream.group(3), strict=True):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="need the tokens per mixture"):
        open_them(tmp_path / "s", tmp_path / "t.parquet", MUSIC, encoder=stream.encoder)
    other = Encoder(encode, hop=HOP, margin=1, codebook="other")
    with pytest.raises(ValueError, match="codes of codebook toy, but other is needed"):
        open_them(tmp_path / "s", tmp_path / "t.parquet", MUSIC, encoder=other, tokens=6)


def test_recordings_in_folders_are_no_copies_of_images(tmp_path: Path) -> None:
    """The tracks of altered images have a slash in their names; those of recordings may, too."""
    wave = np.random.default_rng(0).integers(0, 32, 20 * HOP).astype(np.float32) / 32
    library = write_library(tmp_path / "s", {"ann/1/1": {"ann": wave}}, rate=8000)
    codes = [encode(wave[None])[0]]
    columns = {"track": ["ann/1/1"], "source": ["ann"]}
    write_tokens(tmp_path / "t.parquet", columns, codes, codebook="toy", codebook_size=1 << 20)
    data = AudioLibrarySettings(rate=8000, classes=library.classes)
    encoder = Encoder(encode, hop=HOP, margin=1, codebook="toy")
    stream = open_them(tmp_path / "s", tmp_path / "t.parquet", data, encoder=encoder, weights=1, tokens=6)
    assert stream.group(0)[0].shape == (1, 8, 6)


def test_stream_of_images_from_files(tmp_path: Path) -> None:
    stream = make_images()
    write_images(tmp_path / FILE, stream.library.pixels, stream.library.labels, ("a", "b", "c"))
    names = [f"{row:06d}" for row in range(9)]
    classes = ["abc"[label] for label in stream.library.labels]
    columns = {"track": [*names, "000004/1"], "source": [*classes, classes[4]]}
    codes = [*stream.codes, stream.codes[0]]
    write_tokens(tmp_path / "t.parquet", columns, codes, codebook="toy", codebook_size=1 << 20)
    data = ImageLibrarySettings(image=(1, 2, 2), classes=("a", "b", "c"))
    encoder = Encoder(image_codes, hop=1, margin=0, codebook="toy")
    opened = open_them(tmp_path, tmp_path / "t.parquet", data, encoder=encoder)
    for found, expected in zip(opened.group(3), stream.group(3), strict=True):
        np.testing.assert_array_equal(found, expected)
