"""Augmented images: nothing, quarter turns and shears by hand, and digits that stay where they are."""

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.data.images.augmentation import (
    _deformations,
    _recentred,
    _sampling_grid,
    _shifted,
    _touches_border,
    augment,
    centres_of_mass,
)
from lass.data.settings import Augmentation
from tests.data.images.idx_files import digits

SMALL = Augmentation(copies=1, rotation=10, scale=0.1, shear=0.1)
NOTHING = Augmentation(copies=1, rotation=0, scale=0, shear=0)
FAR = Augmentation(copies=1, rotation=60, scale=0, shear=0)


@pytest.fixture(scope="module")
def images() -> Tensor:
    """500 digits [B, T]."""
    return torch.from_numpy(digits()[0][:500]).float().flatten(1) / 255


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def small(images: Tensor, *, seed: int = 0, deviations: Augmentation = SMALL) -> Tensor:
    return augment(images, image=(1, 28, 28), rng=rng(seed), settings=deviations)


def turned(pictures: Tensor, **deformation: float) -> Tensor:
    """`pictures` [B, C, H, W] under one deformation: angle in degrees, factor, shear."""
    angle, factor = np.deg2rad(deformation.get("angle", 0.0)), deformation.get("factor", 1.0)
    forward = _deformations(np.array([angle]), np.array([factor]), np.array([deformation.get("shear", 0.0)]))
    backward = torch.from_numpy(np.linalg.inv(forward)).expand(len(pictures), -1, -1)
    grid = _sampling_grid(backward, *pictures.shape[2:])
    return torch.nn.functional.grid_sample(
        pictures, grid.to(pictures), mode="bicubic", padding_mode="zeros", align_corners=False
    )


def test_no_deformation_is_the_identity(images: Tensor) -> None:
    same = small(images, deviations=NOTHING)
    assert torch.equal(same, images)
    assert same.data_ptr() != images.data_ptr(), "a copy"
    generators = rng(), rng()
    for generator, deviations in zip(generators, (NOTHING, SMALL), strict=True):
        augment(images, image=(1, 28, 28), rng=generator, settings=deviations)
    assert generators[0].random() == generators[1].random(), "what is drawn next is the same"


def test_deformations_by_hand() -> None:
    picture = torch.zeros(1, 1, 5, 5)
    picture[0, 0, 1, 3] = 1.0  # one above and one right of the middle
    # y points down, so that a positive angle turns as clocks do: the upper right goes to the lower right
    for angle, place in ((90, (3, 3)), (180, (3, 1)), (-90, (1, 1)), (360, (1, 3))):
        expected = torch.zeros(1, 1, 5, 5)
        expected[0, 0, place[0], place[1]] = 1.0
        torch.testing.assert_close(turned(picture, angle=angle), expected, rtol=0, atol=1e-5)
    # x' = x + shear * y: one row above the middle goes one column to the left
    expected = torch.zeros(1, 1, 5, 5)
    expected[0, 0, 1, 2] = 1.0
    torch.testing.assert_close(turned(picture, shear=1.0), expected, rtol=0, atol=1e-5)
    # twice the size: what was 1 from the middle is 2 from it
    assert torch.argmax(turned(picture, factor=2.0)) == 0 * 5 + 4


def test_pixels_are_square_in_images_that_are_not() -> None:
    picture = torch.zeros(1, 1, 3, 7)
    picture[0, 0, 1, 4] = 1.0
    expected = torch.zeros(1, 1, 3, 7)
    expected[0, 0, 2, 3] = 1.0
    torch.testing.assert_close(turned(picture, angle=90), expected, rtol=0, atol=1e-5)


def test_shifts_by_hand() -> None:
    pictures = torch.arange(12.0).reshape(2, 1, 2, 3)
    moved = _shifted(pictures, torch.tensor([[1, 0], [0, -2]]))
    assert moved[0, 0].tolist() == [[0, 0, 0], [0, 1, 2]]
    assert moved[1, 0].tolist() == [[8, 0, 0], [11, 0, 0]]


def test_centres_by_hand() -> None:
    pictures = torch.zeros(2, 2, 3, 4)
    pictures[0, 0, 0, 1] = 1.0
    pictures[0, 1, 2, 3] = 3.0
    centres = centres_of_mass(pictures)
    assert centres[0].tolist() == [1.5, 2.5]
    assert centres[1].isnan().all()


def test_digits_change_but_stay_where_they_are(images: Tensor) -> None:
    for seed in range(3):
        changed = small(images, seed=seed)
        assert changed.shape == images.shape
        assert changed.dtype == torch.float32
        assert 0 <= changed.min() <= changed.max() <= 1
        before, after = (rows.reshape(-1, 1, 28, 28) for rows in (images, changed))
        distances = centres_of_mass(after) - centres_of_mass(before)
        assert distances.norm(dim=1).mean() < 0.5
        free = ~_touches_border(after)
        assert free.float().mean() > 0.9
        assert distances[free].abs().max() <= 0.5 + 1e-6, "moved by the nearest whole number of pixels"
        others = (images - images.roll(1, 0)).square().mean()
        assert (changed - images).square().mean() < 0.5 * others, "still the same digits"
        assert ((changed - images).abs().amax(dim=1) > 0.05).all()


def test_a_figure_off_the_middle_returns_to_its_place() -> None:
    pictures = torch.zeros(64, 1, 28, 28)
    pictures[:, :, 8:11, 8:11] = 1.0
    changed = small(pictures.flatten(1), deviations=FAR).reshape(pictures.shape)
    assert (centres_of_mass(changed) - centres_of_mass(pictures)).abs().max() <= 0.5 + 1e-6


def test_it_depends_on_the_generator_alone(images: Tensor) -> None:
    assert torch.equal(small(images), small(images))
    assert not torch.equal(small(images), small(images, seed=1))


def test_every_image_is_deformed_for_itself(images: Tensor) -> None:
    same = images[:1].repeat(50, 1)
    assert len(small(same).unique(dim=0)) == 50


def test_images_with_ink_at_the_border_are_not_moved() -> None:
    pictures = torch.zeros(2, 1, 28, 28)
    pictures[:, :, 8:11, 8:11] = 1.0
    pictures[1, :, 0, 14] = 0.01  # one dot at the border
    upside_down = turned(pictures, angle=180)
    moved = _recentred(upside_down, pictures)
    assert torch.equal(moved[1], upside_down[1])
    torch.testing.assert_close(moved[0], pictures[0], rtol=0, atol=1e-5)
    assert torch.equal(_recentred(upside_down[1:], pictures[:1]), upside_down[1:]), (
        "ink at the border afterwards"
    )


def test_no_image_is_moved_out_of_its_frame() -> None:
    before, after = torch.zeros(1, 1, 7, 7), torch.zeros(1, 1, 7, 7)
    before[0, 0, 1, 1] = 1.0
    after[0, 0, 1, 1:6] = 1.0
    assert torch.equal(_recentred(after, before), after), "two pixels to the left would lose one"
    before[0, 0, 1, 3] = 2.0
    assert _recentred(after, before)[0, 0, 1].tolist() == [1.0, 1, 1, 1, 1, 0, 0]


def test_colours_move_together(images: Tensor) -> None:
    coloured = torch.cat([0.8 * images, 0.4 * images, 0 * images], dim=1)  # overshoots stay below 1
    changed = augment(coloured, image=(3, 28, 28), rng=rng(), settings=SMALL).reshape(len(images), 3, -1)
    torch.testing.assert_close(changed[:, 1], 0.5 * changed[:, 0], rtol=0, atol=1e-6)
    assert changed[:, 2].max() == 0


def test_empty_images_and_batches() -> None:
    assert small(torch.zeros(2, 784)).eq(0).all()
    assert small(torch.zeros(0, 784)).shape == (0, 784)
    with pytest.raises(ValueError, match=r"shape \[2, 783\] are no rows of \(1, 28, 28\) pixels"):
        small(torch.zeros(2, 783))
