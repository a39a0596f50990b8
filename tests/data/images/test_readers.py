"""Images from wherever they come: every reader is asked the same."""

from pathlib import Path

import numpy as np
from PIL import Image

from lass.config.registry import IMAGE_READERS
from lass.data.images.mnist import CLASSES
from lass.data.images.readers import read_images
from tests.data.images.idx_files import digits, write_mnist


def test_every_reader_is_asked_the_same(tmp_path: Path) -> None:
    write_mnist(tmp_path / "mnist", train=20, test=5)
    images, labels = digits()
    home = tmp_path / "folder" / "train"
    for row in range(20):
        path = home / CLASSES[labels[row]] / f"{row:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[row]).save(path)
    found = {}
    for source in ("mnist", "folder"):
        pixels, kinds = read_images(
            IMAGE_READERS[source],
            root=tmp_path / source,
            split="train",
            image=(1, 28, 28),
            classes=CLASSES,
            files={},
            held_out=2,
        )
        assert pixels.shape == (18, 1, 28, 28)
        assert pixels.dtype == np.uint8
        assert kinds.dtype == np.int64
        found[source] = pixels, kinds
    np.testing.assert_array_equal(found["mnist"][0][:, 0], images[:18])
    assert (np.diff(found["folder"][1]) >= 0).all()
