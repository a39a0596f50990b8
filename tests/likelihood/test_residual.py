"""What the codec loses, against lists, and its file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lass.likelihood.residual import ResidualSums, read_residual, write_residual


def sums_of_frames() -> tuple[ResidualSums, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    frames, codes = rng.normal(size=(2, 50, 3)), rng.integers(4, size=(2, 50))
    codes[codes == 3] = 2  # the last code is never seen
    sums = ResidualSums.empty(sources=2, codes=4, frame=3)
    for source in (0, 1):
        for part in (slice(0, 20), slice(20, 50)):
            sums.add(source, torch.from_numpy(frames[source, part]), torch.from_numpy(codes[source, part]))
    return sums, frames, codes


def test_variances_against_lists() -> None:
    sums, frames, codes = sums_of_frames()
    variance = sums.variance(strength=5.0)
    for source, code in np.ndindex(2, 4):
        own = (frames[source][codes[source] == code] ** 2).sum(axis=0)
        pooled = (frames[source] ** 2).mean(axis=0)
        count = (codes[source] == code).sum()
        np.testing.assert_allclose(variance[source, code], (own + 5 * pooled) / (count + 5), rtol=1e-6)
    assert not ResidualSums.empty(sources=1, codes=2, frame=3).variance(strength=1.0).any()


def test_a_file_of_this_codec_alone(tmp_path: Path) -> None:
    sums, _, _ = sums_of_frames()
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path in paths:
        write_residual(path, sums, classes=["drums", "bass"], codebook="abc")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found = read_residual(paths[0], classes=["drums", "bass"], codebook="abc")
    assert torch.equal(found.squares, sums.squares)
    assert torch.equal(found.count, sums.count)
    for classes, codebook in ((["bass", "drums"], "abc"), (["drums", "bass"], "xyz")):
        with pytest.raises(ValueError, match=r"a\.safetensors: made for classes .* make it again"):
            read_residual(paths[0], classes=classes, codebook=codebook)
