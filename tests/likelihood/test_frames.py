"""The likelihood of frames, against SciPy's normal distribution and against moments taken directly."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import Tensor

from lass.likelihood.frames import (
    FrameMoments,
    cut_frames,
    frame_likelihood,
    read_frames,
    write_frames,
)
from lass.likelihood.settings import LARGEST_FRAMES

CODES, NUMBERS = 3, 4


def draw_frames(seed: int = 0, frames: int = 500) -> tuple[Tensor, Tensor]:
    """Frames [P, D] whose mean and spread depend on their codes [P]; code 2 is rare."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(CODES, size=frames, p=[0.6, 0.35, 0.05])
    mixing = rng.normal(size=(CODES, NUMBERS, NUMBERS)) * 0.2
    noise = np.einsum("pij,pj->pi", mixing[codes], rng.normal(size=(frames, NUMBERS)))
    return torch.from_numpy(codes[:, None] * 0.5 + noise).float(), torch.from_numpy(codes)


def moments_of(frames: Tensor, codes: Tensor, *, blocks: int = 1, size: int = CODES) -> FrameMoments:
    moments = FrameMoments.empty(size, NUMBERS)
    for part in torch.arange(len(codes)).chunk(blocks):
        moments.add(frames[part], codes[part])
    return moments


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.3, 0.7]])
def test_density_of_every_pair(weights: list[float]) -> None:
    frames, codes = draw_frames()
    likelihood = frame_likelihood(moments_of(frames, codes), weights=torch.tensor(weights), noise=0.1)
    mixture = draw_frames(1, 6)[0].view(2, 3, NUMBERS)
    found = likelihood(mixture)
    assert found.shape == (2, 3, CODES, CODES)
    own = [frames[codes == code].double().numpy() for code in range(CODES)]
    for first in range(CODES):
        for second in range(CODES):
            mean = weights[0] * own[first].mean(0) + weights[1] * own[second].mean(0)
            spread = weights[0] ** 2 * np.cov(own[first].T, ddof=0) + weights[1] ** 2 * np.cov(
                own[second].T, ddof=0
            )
            expected = multivariate_normal(mean, spread + 0.01 * np.eye(NUMBERS)).logpdf(mixture.numpy())
            np.testing.assert_allclose(found[:, :, first, second], expected, rtol=1e-4, atol=1e-4)


def test_blocks_add_up() -> None:
    frames, codes = draw_frames()
    whole, parts = moments_of(frames, codes), moments_of(frames, codes, blocks=7)
    for name, total in vars(whole).items():
        torch.testing.assert_close(vars(parts)[name], total)


def test_codes_never_seen_are_impossible() -> None:
    frames, codes = draw_frames()
    moments = moments_of(frames, codes, size=CODES + 1)
    found = frame_likelihood(moments, weights=torch.tensor([0.5, 0.5]), noise=0.1)(frames[None, :2])
    assert found[..., CODES].isneginf().all()
    assert found[..., CODES, :].isneginf().all()
    assert found[..., :CODES, :CODES].isfinite().all()


def test_three_sources_and_large_codebooks_are_refused() -> None:
    frames, codes = draw_frames()
    with pytest.raises(ValueError, match=r"3 sources: .* for 2; use the table of counts"):
        frame_likelihood(moments_of(frames, codes), weights=torch.ones(3) / 3, noise=0.1)
    many = FrameMoments(torch.ones(8192), torch.ones(8192, 4), torch.ones(1))
    with pytest.raises(ValueError, match=f"more than {LARGEST_FRAMES}: use the table of counts"):
        frame_likelihood(many, weights=torch.tensor([0.5, 0.5]), noise=0.1)


def test_frames_of_images_are_in_raster_order() -> None:
    image = torch.arange(2 * 4 * 6.0).view(1, -1)  # 2 colours, 4 rows, 6 columns
    frames = cut_frames(image, image=(2, 4, 6), hop=2)
    assert frames.shape == (1, 6, 8)
    assert frames[0, 1].tolist() == [2, 3, 8, 9, 26, 27, 32, 33]  # second of the first row of squares
    assert frames[0, 3].tolist() == [12, 13, 18, 19, 36, 37, 42, 43]  # first of the second row


def test_frames_of_audio() -> None:
    assert cut_frames(torch.arange(6.0)[None], image=None, hop=2).tolist() == [[[0, 1], [2, 3], [4, 5]]]


def test_files(tmp_path: Path) -> None:
    moments = moments_of(*draw_frames())
    write_frames(tmp_path / "frames.safetensors", moments, codebook="ours")
    found = read_frames(tmp_path / "frames.safetensors", codebook="ours")
    assert all(torch.equal(vars(found)[name], total) for name, total in vars(moments).items())
    with pytest.raises(ValueError, match="of codebook ours, not of another"):
        read_frames(tmp_path / "frames.safetensors", codebook="another")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_file_with_a_covariance_that_is_no_number(tmp_path: Path, value: float) -> None:
    """Off the diagonal, where negative sums are right; found by the fuzzer."""
    moments = FrameMoments.empty(3, 4)
    moments.squares[1, 0, 2] = -1.0
    write_frames(tmp_path / "good.safetensors", moments, codebook="abc")
    assert read_frames(tmp_path / "good.safetensors", codebook="abc").squares[1, 0, 2] == -1.0
    moments.squares[1, 0, 2] = value
    write_frames(tmp_path / "bad.safetensors", moments, codebook="abc")
    with pytest.raises(ValueError, match=r"bad\.safetensors: .* not finite"):
        read_frames(tmp_path / "bad.safetensors", codebook="abc")
