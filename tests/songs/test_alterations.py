"""Effects on stems: each does what its name says, and all of them the same for one seed."""

import numpy as np
import pytest

from lass.songs.alterations import alter, compressed, distorted, equalised, in_a_room
from lass.songs.settings import Alterations

RATE = 44_100
NONE = Alterations(chance=0, equaliser=0)


def tone(frequency: float, seconds: float = 1.0, level: float = 1.0) -> np.ndarray:
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(audio**2)))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_without_effects_a_stem_keeps_its_shape() -> None:
    stem = tone(440, level=0.3).astype(np.float32)
    altered = alter(stem, NONE, rate=RATE, rng=rng())
    middle = slice(RATE // 4, -RATE // 4)
    assert np.corrcoef(stem[middle], altered[middle])[0, 1] > 0.9999


def test_the_same_seed_gives_the_same_samples_and_another_gives_others() -> None:
    stem = rng(1).standard_normal(RATE).astype(np.float32)
    every = Alterations(chance=1)
    one, again, other = (alter(stem, every, rate=RATE, rng=rng(seed)) for seed in (3, 3, 4))
    assert one.dtype == np.float32
    assert one.shape == stem.shape
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert np.isfinite(one).all()


def test_silence_stays_silence() -> None:
    silence = np.zeros(1000, dtype=np.float32)
    assert not alter(silence, Alterations(chance=1), rate=RATE, rng=rng()).any()


def test_distortion_adds_odd_harmonics() -> None:
    spectrum = np.abs(np.fft.rfft(distorted(tone(1_000), 20)))
    assert spectrum[3_000] > 0.1 * spectrum[1_000]
    assert spectrum[2_000] < 1e-6 * spectrum[1_000]
    assert np.abs(distorted(tone(1_000), 20)).max() == pytest.approx(1)


def test_compression_brings_loud_and_soft_closer() -> None:
    both = np.concatenate([tone(500, level=1.0), tone(500, level=0.1)])
    squeezed = compressed(both, ratio=4, below=20, rate=RATE)
    loud, soft = rms(squeezed[RATE // 2 : RATE]), rms(squeezed[-RATE // 2 :])
    assert 20 * np.log10(loud / soft) == pytest.approx(20 / 4, abs=0.3)  # of 20 dB a quarter


def test_a_room_rings_after_the_sound() -> None:
    click = np.zeros(RATE)
    click[0] = 1
    ringing = in_a_room(click, decay=0.5, wet=0.5, rate=RATE, rng=rng())
    early, late = rms(ringing[RATE // 20 : RATE // 10]), rms(ringing[RATE // 4 : RATE // 4 + RATE // 20])
    assert early > 0
    assert -30 < 20 * np.log10(late / early) < -15  # 60 dB in 0.5 s: 24 dB in 0.2 s
    assert not ringing[RATE * 3 // 4 :].any() or rms(ringing[RATE * 3 // 4 :]) < 1e-9


def test_the_equaliser_stays_within_its_gain() -> None:
    noise = rng().standard_normal(4 * RATE)
    plain = np.abs(np.fft.rfft(noise)).reshape(-1)
    curves = []
    for seed in range(8):
        altered = np.abs(np.fft.rfft(equalised(noise, 6.0, rate=RATE, rng=rng(seed))))
        bands = [20 * np.log10(rms(altered[a : 2 * a]) / rms(plain[a : 2 * a])) for a in (800, 4_000, 16_000)]
        assert max(map(abs, bands)) < 6.3
        curves.append(bands)
    assert np.std(curves) > 0.5
