"""Renders composed songs stem by stem into the layout of Slakh2100-redux (Manilow et al., 2019)."""

import hashlib
import multiprocessing
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import yaml

from lass.songs.composer import derive_seed
from lass.songs.performance import AS_COMPOSED, LEVEL_DB, RATE, Performance, Playing, perform_song
from lass.songs.score import Song, write_midi
from lass.writing import aside_of, explained, opened_sink, sweep

SPLITS = ("train", "validation", "test")
PLAYED = "played_"  # what splits are called that play the test songs on other instruments
_PEAK = 0.95
_PROGRAM_NAMES = {
    0: "Acoustic Grand Piano", 4: "Electric Piano 1", 5: "Electric Piano 2", 7: "Clavinet", 11: "Vibraphone",
    16: "Drawbar Organ", 17: "Percussive Organ", 18: "Rock Organ", 21: "Accordion",
    24: "Acoustic Guitar (nylon)", 25: "Acoustic Guitar (steel)", 26: "Electric Guitar (jazz)",
    27: "Electric Guitar (clean)", 28: "Electric Guitar (muted)", 29: "Overdriven Guitar",
    30: "Distortion Guitar", 32: "Acoustic Bass", 33: "Electric Bass (finger)", 34: "Electric Bass (pick)",
    35: "Fretless Bass", 36: "Slap Bass 1", 37: "Slap Bass 2", 38: "Synth Bass 1", 39: "Synth Bass 2",
    48: "String Ensemble 1", 50: "Synth Strings 1", 81: "Lead 2 (sawtooth)", 89: "Pad 2 (warm)",
    90: "Pad 3 (polysynth)",
}  # fmt: skip
_FAMILIES = (
    "Piano", "Chromatic Percussion", "Organ", "Guitar", "Bass", "Strings", "Strings (continued)", "Brass",
    "Reed", "Pipe", "Synth Lead", "Synth Pad",
)  # fmt: skip


def write_song(home: Path, *, seed: int, seconds: float, playing: Playing = AS_COMPOSED) -> None:
    """Compose the song of `seed` and write it as the track folder `home` (44.1 kHz, mono, 16 bit).

    The mix is the exact sum of the stems as written. The folder appears when it is complete and replaces an
    older one; the same arguments give the same bytes.
    """
    song, performances = perform_song(seed=seed, seconds=seconds, playing=playing)
    stems, gain = _quantised({kind: one.audio for kind, one in performances.items()})
    aside = aside_of(home)
    with explained(home, aside):
        home.parent.mkdir(parents=True, exist_ok=True)
        sweep(home.parent)
        try:
            (aside / "MIDI").mkdir(parents=True)
            (aside / "stems").mkdir()
            names = {f"S{index:02d}": kind for index, kind in enumerate(song.parts)}
            for name, kind in names.items():
                write_midi(aside / "MIDI" / f"{name}.mid", song, [song.parts[kind]])
                _write_flac(aside / "stems" / f"{name}.flac", stems[kind])
            write_midi(aside / "all_src.mid", song, list(song.parts.values()))
            mix = np.sum([stem.astype(np.int32) for stem in stems.values()], axis=0)
            _write_flac(aside / "mix.flac", mix.astype(np.int16))
            (aside / "metadata.yaml").write_text(
                _metadata(home.name, song, names, stems, performances, seed=seed, gain=gain)
            )
            shutil.rmtree(home, ignore_errors=True)
            aside.rename(home)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def write_songs(
    root: Path,
    *,
    split: str,
    numbers: Sequence[int],
    seed: int,
    seconds: float,
    workers: int,
    playing: Playing = AS_COMPOSED,
) -> None:
    """Write the songs `numbers` as root/split/TrackNNNNN with `workers` processes.

    A song depends on (`seed`, its number), `seconds` and `playing` alone, neither on `workers` nor on the
    other numbers.
    ValueError for an unknown split, a number that comes twice or is negative, or fewer than one worker.
    """
    if split not in SPLITS and not split.startswith(PLAYED):
        raise ValueError(f"split {split!r} is unknown: use one of {', '.join(SPLITS)}")
    if len(set(numbers)) != len(numbers) or any(number < 0 for number in numbers):
        raise ValueError(
            f"song numbers {list(numbers)} repeat or are negative: give each song a number of its own"
        )
    if workers < 1:
        raise ValueError(f"{workers} workers cannot render anything: use 1 or more")
    folder = root / split
    folder.mkdir(parents=True, exist_ok=True)
    write = partial(_write_numbered, folder, seed=seed, seconds=seconds, playing=playing)
    if workers == 1:
        for number in numbers:
            write(number)
        return
    context = multiprocessing.get_context("spawn")
    with _hidden_main(), ProcessPoolExecutor(workers, mp_context=context) as pool:
        list(pool.map(write, numbers))


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Keep spawned workers from running the main script again: a Snakemake script has no guard against it."""
    main = sys.modules["__main__"]
    path, spec = vars(main).pop("__file__", None), main.__spec__
    main.__spec__ = None
    try:
        yield
    finally:
        main.__spec__ = spec
        if path is not None:
            main.__file__ = path


def _write_numbered(folder: Path, number: int, *, seed: int, seconds: float, playing: Playing) -> None:
    write_song(
        folder / f"Track{number:05d}", seed=derive_seed(seed, number), seconds=seconds, playing=playing
    )


def _quantised(stems: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], float]:
    """The stems as int16, all by one gain that keeps them and their sum below the peak; and that gain."""
    loudest = max(
        float(np.abs(audio).max()) for audio in [*stems.values(), np.sum(list(stems.values()), axis=0)]
    )
    gain = min(1.0, _PEAK / loudest) if loudest else 1.0
    return {kind: np.rint(audio * (gain * 32_767)).astype(np.int16) for kind, audio in stems.items()}, gain


def _write_flac(path: Path, samples: np.ndarray) -> None:
    with opened_sink(path) as sink:  # libsndfile says nothing where the last block finds no room
        soundfile.write(sink, samples, RATE, subtype="PCM_16", format="FLAC", compression_level=0.3)


def _metadata(
    track: str,
    song: Song,
    names: dict[str, str],
    stems: dict[str, np.ndarray],
    performances: dict[str, Performance],
    *,
    seed: int,
    gain: float,
) -> str:
    """metadata.yaml with Slakh's keys; `integrated_loudness` is the plain RMS in dBFS."""
    identity = hashlib.sha256(f"composed/{seed}".encode()).hexdigest()[:32]
    listing = {}
    for name, kind in names.items():
        part = song.parts[kind]
        power = float(np.mean((stems[kind] / 32_768.0) ** 2))
        listing[name] = {
            "audio_rendered": True,
            "inst_class": "Drums" if part.is_drum else _FAMILIES[part.program // 8],
            "integrated_loudness": round(10 * np.log10(power + 1e-12).item(), 3),
            "is_drum": part.is_drum,
            "midi_program_name": "Drums" if part.is_drum else _PROGRAM_NAMES[part.program],
            "midi_saved": True,
            "plugin_name": " + ".join(performances[kind].sounds),
            "program_num": 128 if part.is_drum else part.program,
        }
    document = {
        "UUID": identity,
        "audio_dir": f"{track}/stems",
        "lmd_midi_dir": f"composed/{song.style.replace(' ', '_')}/{identity}.mid",
        "midi_dir": f"{track}/MIDI",
        "normalization_factor": LEVEL_DB["drums"],
        "normalized": True,
        "overall_gain": round(gain, 6),
        "stems": listing,
        "target_peak": round(20 * float(np.log10(_PEAK)), 3),
    }
    return str(yaml.safe_dump(document))
