"""The library of a split's recordings: lengths, places, the index, and files that do not belong."""

import json
from pathlib import Path

import numpy as np
import pytest

from lass.data.audio.extraction import write_sources
from lass.data.audio.files import write_audio
from lass.data.audio.recordings import Listing, Recording
from lass.data.audio.tracks import INDEX, AudioLibrary, open_tracks
from lass.data.settings import AudioLibrarySettings, MixtureDraw
from tests.data.sources import write_library

CLASSES = ("drums", "bass")
RATE, LENGTH = 8000, 100


def ramps(folder: Path, **frames: int) -> None:
    """Recordings whose sample t is t / 1000 in the drums and its negative in the bass."""
    ramp = {name: np.arange(length, dtype=np.float32) / 1000 for name, length in frames.items()}
    write_library(folder, {name: {"drums": x, "bass": -x} for name, x in ramp.items()}, rate=RATE)


def library(folder: Path, *, shortest: int = 1) -> AudioLibrary:
    return open_tracks(folder, AudioLibrarySettings(rate=RATE, classes=CLASSES), shortest=shortest)


def test_recordings_in_order_with_their_lengths(tmp_path: Path) -> None:
    ramps(tmp_path, b=30, a=20, c=10)
    (tmp_path / "notes.txt").write_text("no recording")
    found = library(tmp_path)
    assert found.items == ["a", "b", "c"]
    assert [found.length_of(item) for item in found.items] == [20, 30, 10]
    assert found.classes_of("a") == found.classes == CLASSES
    assert found.bounds == (-np.inf, np.inf)
    assert library(tmp_path, shortest=20).items == ["a", "b"]


def test_read_a_part(tmp_path: Path) -> None:
    ramps(tmp_path, a=20)
    found = library(tmp_path)
    part = np.array([5, 6, 7], dtype=np.float32) / 1000
    np.testing.assert_array_equal(found.read("a", "drums", 5, 3), part)
    np.testing.assert_array_equal(found.read("a", "bass", 5, 3), -part)
    np.testing.assert_array_equal(found.read_sources("a", ("bass", "drums"), 5, 3), [-part, part])
    assert found.read("a", "bass").shape == (20,)
    with pytest.raises(ValueError, match=r"a\.wav, which has 20"):
        found.read("a", "drums", 18, 3)
    with pytest.raises(ValueError, match="'a' is of class drums, bass, not 'piano'"):
        found.read("a", "piano")
    with pytest.raises(ValueError, match="no recording 'z' among 1"):
        found.read("z", "drums")


def test_crops_come_from_every_place_alike(tmp_path: Path) -> None:
    ramps(tmp_path, a=11, b=13, short=9)  # crops of 10 start at 0, 1 in a and at 0..3 in b
    sources, rng = library(tmp_path), np.random.default_rng(0)
    counts = np.zeros(4)
    for _ in range(600):
        crop = sources.crop(rng, 10, "bass")
        assert crop.shape == (10,)
        counts[round(-crop[0] * 1000)] += 1
    # starts 0 and 1 exist in both recordings, 2 and 3 in b alone: shares 2/6, 2/6, 1/6, 1/6
    np.testing.assert_allclose(counts / 600, [1 / 3, 1 / 3, 1 / 6, 1 / 6], atol=0.06)


def test_crops_depend_on_the_generator_alone(tmp_path: Path) -> None:
    ramps(tmp_path, a=50, b=60)
    one, two = (library(tmp_path).crop(np.random.default_rng(3), 10, "drums") for _ in range(2))
    np.testing.assert_array_equal(one, two)
    bass = library(tmp_path).crop(np.random.default_rng(3), 10, "bass")
    np.testing.assert_array_equal(bass, -one)
    rng = np.random.default_rng(3)
    pair = library(tmp_path).unrelated(rng, 10, ("drums", "bass"))
    np.testing.assert_array_equal(pair[0], one)
    assert not np.array_equal(pair[1], -one), "a place of its own"
    with pytest.raises(ValueError, match=r"no recording of 61 samples .* of class 'bass'; the longest has"):
        library(tmp_path).crop(rng, 61, "bass")
    with pytest.raises(ValueError, match="no class 'piano'; the classes are drums, bass"):
        library(tmp_path).crop(rng, 6, "piano")


def test_recordings_of_one_class_each(tmp_path: Path) -> None:
    items = {
        f"{name}/deep/{number}": {name: np.full(20 + number, level, dtype=np.float32)}
        for name, level in (("ann", 0.25), ("bob", 0.5))
        for number in range(3)
    }
    found = write_library(tmp_path / "speech", items, rate=RATE)
    assert found.classes == ("ann", "bob")
    assert found.classes_of("bob/deep/1") == ("bob",)
    assert (tmp_path / "speech" / "bob" / "deep" / "1.wav").is_file()
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(found.unrelated(rng, 21, ["bob", "ann", "bob"])[:, 0], [0.5, 0.25, 0.5])
    with pytest.raises(ValueError, match="'ann/deep/0' is of class ann, not 'bob'"):
        found.read("ann/deep/0", "bob")


# --- the index ---


def test_a_change_in_the_last_second_is_another_digest(tmp_path: Path) -> None:
    """The digest once covered a song's first second alone: training then went on with changed songs."""
    long = np.zeros(5 * RATE, dtype=np.float32)
    changed = long.copy()
    changed[-1] = 0.5
    first = write_library(tmp_path / "a", {"song": {"drums": long}}, rate=RATE)
    again = write_library(tmp_path / "b", {"song": {"drums": long}}, rate=RATE)
    other = write_library(tmp_path / "c", {"song": {"drums": changed}}, rate=RATE)
    named = write_library(tmp_path / "d", {"tune": {"drums": long}}, rate=RATE)
    assert first.digest == again.digest
    assert len({first.digest, other.digest, named.digest}) == 3


def test_the_index_says_what_is_there(tmp_path: Path) -> None:
    ramps(tmp_path / "one", b=30, a=20)
    index = json.loads((tmp_path / "one" / INDEX).read_text())
    assert (index["format"], index["version"], index["rate"]) == ("lass.sources", 1, RATE)
    assert index["classes"] == ["drums", "bass"]
    assert list(index["items"]) == ["a", "b"]
    entry = index["items"]["a"]
    assert (entry["classes"], entry["frames"], len(entry["sha256"])) == (["drums", "bass"], 20, 64)
    ramps(tmp_path / "two", b=30, a=20)
    assert (tmp_path / "two" / INDEX).read_bytes() == (tmp_path / "one" / INDEX).read_bytes()


def test_two_recordings_of_one_name(tmp_path: Path) -> None:
    write_audio(tmp_path / "x.wav", np.ones(9, dtype=np.float32), rate=RATE)
    recording = Recording("a", {"drums": (tmp_path / "x.wav",)})
    with pytest.raises(ValueError, match="two recordings are called 'a'"):
        write_sources(tmp_path / "out", Listing((recording, recording)), rate=RATE, classes=["drums"])
    assert not (tmp_path / "out" / INDEX).exists()


def test_other_settings(tmp_path: Path) -> None:
    ramps(tmp_path, a=20)
    for settings, message in (
        (AudioLibrarySettings(rate=16_000, classes=CLASSES), "made for rate = 8000, but rate = 16000 is"),
        (
            AudioLibrarySettings(rate=RATE, classes=("bass", "drums")),
            r"made for classes = \('drums', 'bass'\), but classes = \('bass', 'drums'\) is",
        ),
    ):
        with pytest.raises(ValueError, match=rf"index\.json: {message} needed: delete the folder"):
            open_tracks(tmp_path, settings)


def test_no_index_or_another_one(tmp_path: Path) -> None:
    ramps(tmp_path, a=20)
    path = tmp_path / INDEX
    text = path.read_text()
    for wrong in (text[:-9], "[]", text.replace("lass.sources", "other"), text.replace(": 1,", ": 2,")):
        path.write_text(wrong)
        with pytest.raises(ValueError, match=r"index\.json: no index .*delete the folder and extract anew"):
            library(tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"index\.json: no index .*delete the folder and extract"):
        library(tmp_path)


def test_files_that_are_not_as_the_index_says(tmp_path: Path) -> None:
    ramps(tmp_path, a=20)
    path = tmp_path / "a.wav"
    for audio, rate, message in (
        (np.ones((1, 20)), RATE, "1 channels of 20 samples at 8000 Hz, but .* says 2"),
        (np.ones((2, 19)), RATE, "2 channels of 19 samples at 8000 Hz, but .* of 20"),
        (np.ones((2, 20)), 9000, "2 channels of 20 samples at 9000 Hz, but .* at 8000 Hz"),
    ):
        write_audio(path, audio.astype(np.float32), rate=rate)
        with pytest.raises(ValueError, match=rf"a\.wav: {message}.*: delete the folder and extract anew"):
            library(tmp_path)
    path.write_bytes(b"no audio")
    with pytest.raises(ValueError, match=r"a\.wav is damaged.*: delete the folder and extract anew"):
        library(tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.wav: listed .*: delete the folder and extract anew"):
        library(tmp_path)


def test_folder_without_recordings(tmp_path: Path) -> None:
    write_sources(tmp_path / "none", Listing(()), rate=RATE, classes=CLASSES)
    with pytest.raises(ValueError, match="no recording of at least 1 samples"):
        library(tmp_path / "none")
    ramps(tmp_path, a=20)
    with pytest.raises(ValueError, match="no recording of at least 21 samples"):
        library(tmp_path, shortest=21)


def test_truncated_recording(tmp_path: Path) -> None:
    ramps(tmp_path, a=2000)
    found, path = library(tmp_path), tmp_path / "a.wav"
    path.write_bytes(path.read_bytes()[:-800])
    with pytest.raises(ValueError, match=r"a\.wav ends after"):
        found.read("a", "drums", 0, 10)
    with pytest.raises(ValueError, match=r"a\.wav: 2 channels of 1900 samples"):
        library(tmp_path)


# --- mixtures ---


def sounding(folder: Path, tracks: dict[str, str]) -> AudioLibrary:
    """Recordings from a letter per chunk of 100 samples: b both sources sound, d drums only, s silence."""
    rng = np.random.default_rng(0)
    items = {}
    for name, chunks in tracks.items():
        audio = rng.uniform(0.1, 0.5, (2, len(chunks) * LENGTH + 7)).astype(np.float32)
        for index, letter in enumerate(chunks):
            place = slice(index * LENGTH, (index + 1) * LENGTH)
            audio[1 if letter == "d" else slice(None), place] *= letter == "b"
        items[name] = dict(zip(CLASSES, audio, strict=True))
    return write_library(folder, items, rate=RATE)


def choice(
    *, count: int | None, seed: int = 0, silence: float = 1.5e-5, pairing: str = "together", **changes: object
) -> MixtureDraw:
    mixing = {"weights": [0.5, 0.5], **changes}
    settings = {"mixing": mixing, "length": LENGTH, "pairing": pairing, "silence": silence}
    return MixtureDraw.model_validate({**settings, "count": count, "seed": seed})


def moments(library: AudioLibrary, choice: MixtureDraw) -> list[tuple[str, int]]:
    """Item and start of every mixture, which are those of all its sources."""
    table = library.draw(choice)
    items, starts = table["items"].to_pylist(), table["starts"].to_pylist()
    assert all(len(set(row)) == 1 for row in items + starts)
    return [(item[0], start[0]) for item, start in zip(items, starts, strict=True)]


def test_every_chunk_without_silence(tmp_path: Path) -> None:
    library = sounding(tmp_path / "s", {"one": "bdbs", "two": "sb", "xthree": "ds"})
    assert moments(library, choice(count=None)) == [("one", 0), ("one", 200), ("two", 100)]
    table = library.draw(choice(count=None))
    assert table["mixture"].to_pylist() == [0, 1, 2]
    assert table["length"].to_pylist() == [LENGTH] * 3
    assert table["sources"].to_pylist() == [["drums", "bass"]] * 3
    assert table["weights"].to_pylist() == [[0.5, 0.5]] * 3
    drums = moments(library, choice(count=None, sources=["drums"], weights=[1]))
    assert drums == [("one", 0), ("one", 100), ("one", 200), ("two", 100), ("xthree", 0)]


def test_choice_is_even_over_the_recordings_and_repeatable(tmp_path: Path) -> None:
    library = sounding(tmp_path / "s", {"long": "b" * 20, "short": "bbb", "tiny": "b"})
    chosen = moments(library, choice(count=7))
    assert len(set(chosen)) == 7
    assert chosen == sorted(chosen)
    names = [name for name, _ in chosen]
    assert {name: names.count(name) for name in set(names)} == {"long": 3, "short": 3, "tiny": 1}
    assert moments(library, choice(count=7)) == chosen
    others = [moments(library, choice(count=7, seed=seed)) for seed in range(1, 5)]
    assert any(other != chosen for other in others)
    assert set(chosen) <= set(moments(library, choice(count=12))), "more mixtures keep those there were"


def test_choices_are_those_they_always_were(tmp_path: Path) -> None:
    """The draws behind every published number: rank by permutations of (seed, number of the recording)."""
    library = sounding(tmp_path / "s", {"a": "bbbb", "b": "bsbbb"})
    ranked = []
    for index, (name, starts) in enumerate({"a": [0, 100, 200, 300], "b": [0, 200, 300, 400]}.items()):
        order = np.random.default_rng((4, index)).permutation(4)
        ranked += [(rank, name, starts[place]) for rank, place in enumerate(order)]
    expected = sorted((name, start) for _, name, start in sorted(ranked)[:5])
    assert moments(library, choice(count=5, seed=4)) == expected


def test_too_few_chunks(tmp_path: Path) -> None:
    library = sounding(tmp_path / "s", {"one": "bdb", "two": "s"})
    with pytest.raises(ValueError, match=r"2 chunks of 0\.0125 s in which all sources sound, but 3 are"):
        library.draw(choice(count=3))
    with pytest.raises(ValueError, match="0 chunks"):
        library.draw(choice(count=None, silence=9.0))
    with pytest.raises(ValueError, match="one source of each class, not bass, bass: pair `apart`"):
        library.draw(choice(count=1, sources=["bass", "bass"]))
    with pytest.raises(ValueError, match="no class 'piano'"):
        library.draw(choice(count=1, sources=["bass", "piano"]))
    with pytest.raises(ValueError, match="3 weights for 2 sources"):
        library.draw(choice(count=1, weights=[1, 1, 1]))
    with pytest.raises(ValueError, match="mixtures of audio need a length"):
        library.draw(choice(count=1).model_copy(update={"length": None}))


def test_too_few_chunks_name_the_silent_class_and_the_short_recordings(tmp_path: Path) -> None:
    """Chunks of 100 samples at 8 kHz: "d" has drums alone, "s" silence."""
    library = sounding(tmp_path / "s", {"one": "ddd", "two": "dds", "three": "sss"})
    for pairing, count in (("together", None), ("apart", 1)):
        with pytest.raises(ValueError, match=r"s: (0 )?chunks of 0\.0125 s") as caught:
            library.draw(choice(count=count, pairing=pairing))
        assert str(caught.value).splitlines()[1:] == [
            "  drums sounds in 5 of 9 chunks, in none of three",
            "  bass sounds in 0 of 9 chunks, in none of one, three, two",
        ]
    with pytest.raises(ValueError, match="are needed") as caught:
        library.draw(choice(count=1).model_copy(update={"length": 308}))
    assert str(caught.value).splitlines()[1:] == [
        "  3 of 3 recordings are shorter than 0.0385 s: one 0.0384 s, three 0.0384 s, two 0.0384 s",
        "  drums sounds in 0 of 0 chunks",
        "  bass sounds in 0 of 0 chunks",
    ]


def test_short_recordings_are_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ramps(tmp_path, a=4000, b=8000)
    assert library(tmp_path, shortest=4001).items == ["b"]
    assert "1 recordings are under 4001 samples (0.5 s at 8000 Hz): a 0.5 s" in caplog.text
    with pytest.raises(ValueError, match=r"8001 samples \(1 s at 8000 Hz\) among 2 \(a 0\.5 s, b 1 s\)"):
        library(tmp_path, shortest=8001)


@pytest.mark.parametrize(
    ("pairing", "said"),
    [
        (
            "together",
            [
                "1 of 4 recordings are not used for drums and bass: shorter than 0.0125 s: short",
                (
                    "2 of 4 recordings are not used for drums and bass: no 0.0125 s with drums and bass: "
                    "dull, mute"
                ),
            ],
        ),
        (
            "apart",
            [
                "1 of 4 recordings are not used for drums: shorter than 0.0125 s: short",
                "1 of 4 recordings are not used for drums: no 0.0125 s with drums: mute",
                "1 of 4 recordings are not used for bass: shorter than 0.0125 s: short",
                "2 of 4 recordings are not used for bass: no 0.0125 s with bass: dull, mute",
            ],
        ),
    ],
)
def test_recordings_of_which_no_mixture_is_made_are_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, pairing: str, said: list[str]
) -> None:
    library = sounding(tmp_path / "s", {"dull": "dd", "good": "bbb", "mute": "ss", "short": ""})
    library.draw(choice(count=1, pairing=pairing))
    assert caplog.messages == said


def test_mixtures_of_different_recordings(tmp_path: Path) -> None:
    library = sounding(tmp_path / "s", {"one": "bdb", "two": "bbb", "three": "dddd"})
    table = library.draw(choice(count=None, pairing="apart"))
    assert len(table) == 5, "bass sounds in five chunks, drums in ten"
    drums, bass = zip(*table["items"].to_pylist(), strict=True)
    assert all(one != other for one, other in zip(drums, bass, strict=True))
    places = list(zip(bass, [starts[1] for starts in table["starts"].to_pylist()], strict=True))
    assert set(places) == {("one", 0), ("one", 200), ("two", 0), ("two", 100), ("two", 200)}
    assert library.draw(choice(count=None, pairing="apart")).equals(table)
    assert not library.draw(choice(count=None, pairing="apart", seed=1)).equals(table)
    assert library.draw(choice(count=30, pairing="apart"))[:5].equals(table)
    with pytest.raises(ValueError, match=r"s: chunks of 0\.0125 s: no 4 different items with sound"):
        library.draw(choice(count=1, pairing="apart", sources=["drums"] * 4, weights=[1] * 4))
