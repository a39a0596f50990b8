"""Training batches: crops, mixtures and windows with the chances that they should have."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lass.data.audio import write_audio
from lass.data.batches import AudioBatches, CodeBatches
from lass.data.sources import open_library

CPU = torch.device("cpu")


@pytest.fixture
def audio(tmp_path: Path) -> AudioBatches:
    """Drums are 1 everywhere, bass is 2: what a crop holds shows what it was made of."""
    for name, length in {"a": 300, "b": 500}.items():
        write_audio(tmp_path / f"{name}.wav", np.array([[1.0], [2.0]]).repeat(length, axis=1), rate=8000)
    library = open_library(tmp_path, rate=8000, classes=["drums", "bass"])
    return AudioBatches(library, weights=[0.25, 0.5], length=64, batch=16, device=CPU)


def codes(**lengths: int) -> dict[str, np.ndarray]:
    """Track -> codes 0, 1, 2, ...: a window's first code is its place."""
    return {name: np.arange(length) for name, length in lengths.items()}


def test_sources_and_mixtures_have_equal_chances(audio: AudioBatches) -> None:
    rng = np.random.default_rng(0)
    batches = torch.cat([audio.draw(rng) for _ in range(60)])
    assert batches.dtype == torch.float32
    assert batches.shape == (960, 64)
    assert torch.equal(batches, batches[:, :1].expand(-1, 64))
    # drums 1, bass 2, their mixture 0.25 * 1 + 0.5 * 2 = 1.25
    values, counts = batches[:, 0].unique(return_counts=True)
    assert values.tolist() == [1.0, 1.25, 2.0]
    np.testing.assert_allclose(counts / 960, [1 / 3] * 3, atol=0.06)


def test_a_step_depends_on_its_generator_alone(audio: AudioBatches) -> None:
    torch.testing.assert_close(
        audio.draw(np.random.default_rng(1)), audio.draw(np.random.default_rng(1)), rtol=0, atol=0
    )
    first, second = audio.fixed(3, batches=2), audio.fixed(3, batches=2)
    assert len(first) == 2
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_windows_are_uniform_over_all_places() -> None:
    tracks = {"a": np.arange(10), "b": np.arange(100, 103), "short": np.arange(2)}
    batches = CodeBatches([tracks], length=3, batch=4, device=CPU)
    rng = np.random.default_rng(0)
    starts = [int(batches.window(0, rng)[0]) for _ in range(4500)]
    places, counts = np.unique(starts, return_counts=True)
    assert places.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 100]
    assert abs(counts - 500).max() < 110  # five standard deviations


def test_classes_come_with_their_index() -> None:
    batches = CodeBatches(
        [{"a": np.zeros(20, dtype=np.int64)}, {"a": np.ones(30, dtype=np.int64)}],
        length=5,
        batch=64,
        device=CPU,
    )
    windows, classes = batches.draw(np.random.default_rng(0))
    assert windows.shape == (64, 5)
    assert (windows.dtype, classes.dtype) == (torch.int64, torch.int64)
    assert torch.equal(windows, classes[:, None].expand(-1, 5))
    assert 10 < int(classes.sum()) < 54


def test_an_unconditional_prior_is_not_told_the_classes() -> None:
    batches = CodeBatches([codes(a=10), codes(a=9)], length=3, batch=8, device=CPU, conditional=False)
    told = CodeBatches([codes(a=10), codes(a=9)], length=3, batch=8, device=CPU)
    windows, classes = batches.draw(np.random.default_rng(0))
    assert classes.tolist() == [0] * 8
    assert torch.equal(windows, told.draw(np.random.default_rng(0))[0]), "the same windows of both classes"
    assert {int(index) for _, indices in batches.tiled(limit=9) for index in indices} == {0}


def test_tiled_windows_for_validation() -> None:
    batches = CodeBatches([codes(a=10, b=7), codes(a=6)], length=3, batch=2, device=CPU)
    tiled = batches.tiled(limit=100)
    windows = torch.cat([window for window, _ in tiled])
    assert windows[:, 0].tolist() == [0, 3, 6, 0, 3, 0, 3]
    assert torch.cat([index for _, index in tiled]).tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert [len(window) for window, _ in tiled] == [2, 2, 2, 1]
    few = torch.cat([window for window, _ in batches.tiled(limit=3)])
    assert few[:, 0].tolist() == [0, 0, 3], "every third: spread over tracks and classes"


def test_sequences_too_short() -> None:
    with pytest.raises(ValueError, match="class 1: none of 2 sequences has 5 tokens"):
        CodeBatches([codes(a=10), codes(a=4, b=3)], length=5, batch=2, device=CPU)
