"""VQ-GANs in the layout of diffusers: what the library computed of the same weights."""

import pytest
import torch

from lass.models.pretrained.diffusers import by_published_names
from lass.models.pretrained.taming import convert_vqgan
from tests.models.pretrained.public_taming import FILE
from tests.recorded.reading import recorded

RECORD = recorded("diffusers_vqgan")


def test_codes_and_images_are_the_librarys() -> None:
    network = convert_vqgan(FILE, RECORD.published, side=16)
    assert torch.equal(network.encode(RECORD.tensors["images"].flatten(1)), RECORD.tensors["codes"])
    decoded = network.decode(RECORD.tensors["codes"]).view(2, 3, 16, 16)
    torch.testing.assert_close(decoded, RECORD.tensors["decoded"], atol=1e-4, rtol=0)
    assert decoded.std() > 0.1


def test_names_and_shapes_become_those_of_the_original() -> None:
    """Both records are of one network."""
    original = recorded("taming_vqgan").fields["layout"]
    found = by_published_names(RECORD.published)
    assert {name: list(tensor.shape) for name, tensor in found.items()} == original


def test_older_names_of_attention() -> None:
    older = RECORD.published
    pairs = (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn"))
    for new, old in pairs:
        older = {name.replace(f".{new}.", f".{old}."): tensor for name, tensor in older.items()}
    assert older.keys() != RECORD.published.keys()
    found, expected = by_published_names(older), by_published_names(RECORD.published)
    assert found.keys() == expected.keys()


def test_published_names_stay_as_they_are() -> None:
    plain = recorded("taming_vqgan").published
    assert by_published_names(plain) is plain


def test_a_missing_tensor() -> None:
    tensors = RECORD.published
    del tensors["decoder.up_blocks.0.attentions.1.to_q.weight"]
    with pytest.raises(ValueError, match=r"lacks decoder\.up\.2\.attn\.1\.q\.weight"):
        convert_vqgan(FILE, tensors, side=16)
