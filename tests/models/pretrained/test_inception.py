"""The features of FID: those of pytorch-fid's network, and what is no such file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from lass.evaluation.metrics.fid import frechet_distance, statistics_of
from lass.models.headers import FORM, VERSION
from lass.models.pretrained.inception import (
    Inception,
    InceptionShape,
    Unit,
    convert_inception,
    import_inception,
    read_inception,
    units_of,
)
from lass.models.pretrained.vqgan import read_vqgan
from lass.storage import read_header, write_tensors
from tests.models.pretrained.public_taming import FILE, write_file
from tests.recorded.reading import recorded

RECORD = recorded("inception")
PUBLISHED = RECORD.published


@pytest.fixture(scope="module")
def network() -> Inception:
    return convert_inception(FILE, PUBLISHED)


def test_features_are_the_originals(network: Inception) -> None:
    """But for the rounding of sums, which a processor's instructions decide."""
    features = network(RECORD.tensors["images"])
    torch.testing.assert_close(features, RECORD.tensors["features"], atol=8e-6, rtol=0)


def test_the_layout_is_the_published_one(network: Inception) -> None:
    units = list(units_of(network))
    assert len(units) == 94
    assert len(PUBLISHED) == 6 * 94 + 2 == 566
    assert len({unit.published for _, unit in units}) == 94
    assert sum(parameter.numel() for parameter in network.parameters()) == 21_785_568


def test_a_unit_by_hand() -> None:
    """One normalised convolution."""
    found = dict(units_of(convert_inception(FILE, PUBLISHED)))["layers.0"]
    assert isinstance(found, Unit)
    x = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    names = ("running_mean", "running_var", "weight", "bias")
    average, variance, scale, shift = (PUBLISHED[f"Conv2d_1a_3x3.bn.{name}"] for name in names)
    plain = functional.conv2d(x, PUBLISHED["Conv2d_1a_3x3.conv.weight"], stride=2)
    normed = (plain - average[:, None, None]) / (variance[:, None, None] + 0.001).sqrt()
    expected = (normed * scale[:, None, None] + shift[:, None, None]).clamp(min=0)
    torch.testing.assert_close(found(x), expected, atol=1e-5, rtol=1e-5)
    # bit by bit what the original does, on any processor: folded into the convolution it would not be
    told = (average, variance, scale, shift)
    original = functional.relu(functional.batch_norm(plain, *told, eps=0.001))
    assert torch.equal(found(x), original)


def test_grey_images_are_images_of_three_equal_colours(network: Inception) -> None:
    grey = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network(grey), network(grey.repeat(1, 3, 1, 1)))


def test_the_distance_of_sets_of_images(network: Inception) -> None:
    """In batches of any size, against features that are made at once."""
    rng = np.random.default_rng(0)
    one, other = (rng.random((3, 3, 8, 8), dtype=np.float32) ** power for power in (1, 3))

    def distance(*sets: list[NDArray[np.float32]]) -> float:
        """Of 32 of the features: that of 2,048 takes long."""
        features = [[network.features(images)[:, ::64] for images in batches] for batches in sets]
        return frechet_distance(*map(statistics_of, features))

    apart = distance([one[:2], one[2:]], [other])
    whole = [statistics_of([network(torch.from_numpy(images))[:, ::64].numpy()]) for images in (one, other)]
    assert apart == pytest.approx(frechet_distance(*whole), rel=1e-3)
    assert apart > 100 * distance([one], [one[::-1]])


def test_the_network_comes_back_from_its_file(tmp_path: Path, network: Inception) -> None:
    source = write_file(tmp_path / "pt_inception.pth", PUBLISHED)
    out = import_inception([source], tmp_path)
    assert out == tmp_path / "inception.safetensors"
    read = read_inception(out)
    assert read.shape == InceptionShape()
    assert not read.training
    assert all(torch.equal(tensor, read.state_dict()[name]) for name, tensor in network.state_dict().items())
    with pytest.raises(ValueError, match=r"inception\.safetensors: holds a inception, but a vqgan is needed"):
        read_vqgan(out)


def test_a_file_from_before_normalisations_were_layers(tmp_path: Path, network: Inception) -> None:
    out = import_inception([write_file(tmp_path / "pt_inception.pth", PUBLISHED)], tmp_path)
    header = read_header(out, form=FORM, version=VERSION)
    tensors = {**network.state_dict(), "layers.0.convolution.bias": torch.zeros(32)}
    write_tensors(out, tensors, form=FORM, version=VERSION, fields=header)
    with pytest.raises(ValueError, match=r"imported by an earlier lass, .*: import the file again"):
        read_inception(out)


def test_other_files() -> None:
    missing = {n: t for n, t in PUBLISHED.items() if n != "Mixed_7c.branch_pool.bn.running_var"}
    with pytest.raises(ValueError, match=r"lacks Mixed_7c\.branch_pool\.bn\.running_var"):
        convert_inception(FILE, missing)
    with pytest.raises(ValueError, match=r"has tensors that are not known: Mixed_8a"):
        convert_inception(FILE, PUBLISHED | {"Mixed_8a": torch.zeros(1)})
    turned = PUBLISHED["Mixed_6b.branch7x7_2.conv.weight"].transpose(2, 3)
    with pytest.raises(ValueError, match=r"branch7x7_2\.conv\.weight is of shape \(128, 128, 7, 1\)"):
        convert_inception(FILE, PUBLISHED | {"Mixed_6b.branch7x7_2.conv.weight": turned})
