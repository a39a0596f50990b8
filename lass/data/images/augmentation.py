"""Small random rotations, scalings and shears of images that stay where they are."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lass.data.settings import Augmentation

_INK = 0.5 / 255  # less than half a grey level is the background


def augment(
    images: Tensor,
    *,
    image: tuple[int, int, int],
    rng: np.random.Generator,
    settings: Augmentation,
) -> Tensor:
    """A randomly deformed copy of `images` [B, T] float32 in [0, 1], each an `image` of (C, H, W).

    Every image is sheared, turned about its middle and scaled by normal deviates: `rotation` of `settings` is
    the standard deviation in degrees, `scale` that of the logarithm of the factor, `shear` that of the
    columns' shift per row; `copies` is not looked at. It is resampled bicubically, then moved by whole pixels
    so that its centre of mass returns to its place. Images with ink at the border, before or after, are not
    moved: they are no figures on empty ground.
    """
    if images.dim() != 2 or images.shape[1] != np.prod(image):
        raise ValueError(
            f"images of shape {list(images.shape)} are no rows of {image} pixels: give [B, C*H*W]"
        )
    deviates = rng.standard_normal((3, len(images)))  # also where nothing is done: what is drawn next stays
    rotation, scale, shear = settings.rotation, settings.scale, settings.shear
    if rotation == scale == shear == 0:
        return images.clone()
    angles, factors = np.deg2rad(rotation * deviates[0]), np.exp(scale * deviates[1])
    backward = np.linalg.inv(_deformations(angles, factors, shear * deviates[2]))
    pictures = images.reshape(-1, *image)
    grid = _sampling_grid(torch.from_numpy(backward), *image[1:]).to(pictures)  # [B, H, W, 2]
    deformed = F.grid_sample(pictures, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
    return _recentred(deformed.clamp(0, 1), pictures).reshape(images.shape)


def _deformations(angles: np.ndarray, factors: np.ndarray, shears: np.ndarray) -> np.ndarray:
    """Matrices [B, 2, 2] that take (x, y), from the middle, to where the ink goes: shear, turn, scale."""
    cosines, sines, ones = np.cos(angles), np.sin(angles), np.ones_like(angles)
    turns = np.array([[cosines, -sines], [sines, cosines]]).transpose(2, 0, 1)
    slants = np.array([[ones, shears], [0 * ones, ones]]).transpose(2, 0, 1)
    return np.asarray(factors[:, None, None] * (turns @ slants))


def _sampling_grid(backward: Tensor, rows: int, columns: int) -> Tensor:
    """Where every pixel is sampled from, [B, H, W, 2] with (x, y) from -1 to 1; `backward` is in pixels."""
    y = torch.arange(rows, dtype=torch.float64)[:, None] - (rows - 1) / 2  # [H, 1]
    x = torch.arange(columns, dtype=torch.float64)[None, :] - (columns - 1) / 2  # [1, W]
    sampled = backward[..., 0, None, None] * x + backward[..., 1, None, None] * y  # [B, 2, H, W]
    return torch.stack([sampled[:, 0] * 2 / columns, sampled[:, 1] * 2 / rows], dim=-1)


def _recentred(deformed: Tensor, originals: Tensor) -> Tensor:
    """`deformed` [B, C, H, W], moved to the centres of mass of `originals` where no ink is at a border."""
    shifts = (centres_of_mass(originals) - centres_of_mass(deformed)).round()  # [B, 2]
    free = ~(_touches_border(originals) | _touches_border(deformed)) & shifts.isfinite().all(dim=1)
    moved = _shifted(deformed, torch.where(free[:, None], shifts, 0).long())
    whole = (moved > _INK).flatten(1).sum(dim=1) == (deformed > _INK).flatten(1).sum(dim=1)
    return torch.where(whole[:, None, None, None], moved, deformed)


def centres_of_mass(pictures: Tensor) -> Tensor:
    """Row and column [B, 2] float64 of the centre of the ink of `pictures` [B, C, H, W]; NaN without ink."""
    ink = pictures.double().sum(dim=1)  # [B, H, W]
    rows, columns = (torch.arange(size, dtype=ink.dtype, device=ink.device) for size in ink.shape[1:])
    moments = torch.stack([(ink.sum(dim=2) * rows).sum(dim=1), (ink.sum(dim=1) * columns).sum(dim=1)], dim=1)
    return moments / ink.sum(dim=(1, 2))[:, None]


def _touches_border(pictures: Tensor) -> Tensor:
    """Which [B] of `pictures` have ink in their outermost rows and columns."""
    edges = [pictures[..., 0, :], pictures[..., -1, :], pictures[..., 0], pictures[..., -1]]
    return torch.cat([edge.flatten(1) for edge in edges], dim=1).amax(dim=1) > _INK


def _shifted(pictures: Tensor, shifts: Tensor) -> Tensor:
    """`pictures` [B, C, H, W] moved down and right by `shifts` [B, 2] pixels; what comes in is empty."""
    for axis in (2, 3):
        size = pictures.shape[axis]
        places = torch.arange(size, device=shifts.device) - shifts[:, axis - 2, None]  # [B, size]
        shape = [len(shifts), 1, 1, 1]
        shape[axis] = size
        inside = ((places >= 0) & (places < size)).reshape(shape)
        index = places.clamp(0, size - 1).reshape(shape).expand_as(pictures)
        pictures = pictures.gather(axis, index) * inside
    return pictures
