"""The quantizer: nearest codes by brute force, its moving averages by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.models.quantizer import Quantizer


def quantizer_of(codebook: list[list[float]], **settings: float) -> Quantizer:
    """A quantizer in which every code was used once."""
    rows = torch.tensor(codebook)
    quantizer = Quantizer(len(rows), rows.shape[1], **settings)
    quantizer.codebook.copy_(rows)
    quantizer.total.copy_(rows)
    quantizer.usage.fill_(1.0)
    quantizer.ready.fill_(1)
    return quantizer


def nearest(codebook: Tensor, vectors: Tensor) -> Tensor:
    """Lowest index among the codes of the smallest distance, in float64."""
    distances = (vectors[..., None, :].double() - codebook.double()).square().sum(dim=-1)
    least = distances.amin(dim=-1, keepdim=True)
    return (distances == least).int().argmax(dim=-1)


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("codes", "channels"), [(1, 1), (7, 3), (100, 16)])
def test_codes_are_the_nearest(codes: int, channels: int) -> None:
    torch.manual_seed(0)
    quantizer = quantizer_of(torch.randn(codes, channels).tolist())
    vectors = torch.randn(4, 50, channels)
    assert torch.equal(quantizer.encode(vectors), nearest(quantizer.codebook, vectors))


def test_equal_distances_go_to_the_lowest_code() -> None:
    """Small integers: every distance is exact. Each code stands in the book three times."""
    rows = [[float(a), float(b)] for a in range(-2, 3) for b in range(-2, 3)]
    quantizer = quantizer_of(rows * 3)
    vectors = torch.tensor([[a / 2, b / 2] for a in range(-5, 6) for b in range(-5, 6)])
    found = quantizer.encode(vectors)
    assert torch.equal(found, nearest(quantizer.codebook, vectors))
    assert found.max() < len(rows)


def test_decoding_looks_the_codes_up() -> None:
    quantizer = quantizer_of([[0.0, 1.0], [2.0, 3.0]])
    assert quantizer.decode(torch.tensor([[1, 0]])).tolist() == [[[2.0, 3.0], [0.0, 1.0]]]


def test_moving_averages_by_hand() -> None:
    quantizer = quantizer_of([[0.0], [10.0], [100.0]], decay=0.5, restart_below=0.1)
    quantizer.update(torch.tensor([[1.0], [2.0], [9.0]]), generator())
    # Code 0 was chosen by 1 and 2: use (1 + 2) / 2, sum (0 + 3) / 2. Code 1 by 9: use 1, sum (10 + 9) / 2.
    assert quantizer.usage.tolist() == [1.5, 1.0, 0.5]
    assert quantizer.total.flatten().tolist() == [1.5, 9.5, 50.0]
    assert quantizer.codebook.flatten().tolist() == [1.0, 9.5, 100.0]
    quantizer.update(torch.tensor([[[1.0], [1.0]], [[1.0], [9.5]]]), generator())
    assert quantizer.usage.tolist() == [2.25, 1.0, 0.25]
    assert quantizer.codebook.flatten().tolist() == [1.0, 9.5, 100.0]


def test_a_code_out_of_use_restarts_from_the_batch() -> None:
    quantizer = quantizer_of([[0.0], [100.0]], decay=0.5, restart_below=0.1)
    batch = torch.tensor([[1.0], [2.0], [3.0]])
    for expected in (0.5, 0.25, 0.125):
        quantizer.update(batch, generator())
        assert quantizer.usage[1] == expected
        assert quantizer.codebook[1] == 100.0
    quantizer.update(batch, generator())  # 0.0625 is below 0.1
    assert quantizer.codebook[1] in batch
    assert quantizer.usage[1] == 1.0
    assert torch.equal(quantizer.total[1], quantizer.codebook[1])


def test_restarts_follow_their_generator() -> None:
    batch = torch.arange(50.0)[:, None]

    def restart(seed: int) -> float:
        quantizer = quantizer_of([[0.0], [1e6]], decay=0.01)
        quantizer.update(batch, np.random.default_rng(seed))
        return float(quantizer.codebook[1])

    assert restart(1) == restart(1)
    assert len({restart(seed) for seed in range(8)}) > 1


@pytest.mark.parametrize("vectors", [3, 4, 50])
def test_an_empty_codebook_is_drawn_from_the_first_batch(vectors: int) -> None:
    quantizer, batch = Quantizer(4, 2, decay=1.0), torch.randn(vectors, 2)
    quantizer.update(batch, generator())
    assert all(any(torch.equal(code, row) for row in batch) for code in quantizer.codebook)
    distinct = len({tuple(code.tolist()) for code in quantizer.codebook})
    assert distinct == 4 or vectors < 4
    codebook = quantizer.codebook.clone()
    quantizer.update(batch + 100, generator())  # decay 1: nothing moves any more
    assert torch.equal(quantizer.codebook, codebook)


def test_gradients_pass_straight_through() -> None:
    quantizer = quantizer_of([[0.0, 0.0], [1.0, 1.0]])
    vectors = torch.tensor([[0.2, 0.1], [0.9, 1.2]], requires_grad=True)
    quantized = quantizer(vectors)
    assert quantized.codes.tolist() == [0, 1]
    torch.testing.assert_close(quantized.vectors.detach(), quantizer.decode(quantized.codes))
    factors = torch.tensor([[1.0, -2.0], [3.0, 0.5]])
    (gradient,) = torch.autograd.grad((quantized.vectors * factors).sum(), vectors, retain_graph=True)
    assert torch.equal(gradient, factors)
    (gradient,) = torch.autograd.grad(quantized.commitment, vectors)
    expected = 2 * (vectors.detach() - quantizer.decode(quantized.codes)) / 4
    torch.testing.assert_close(gradient, expected)
    assert not list(quantizer.parameters())


def test_commitment_is_the_mean_squared_distance() -> None:
    quantizer = quantizer_of([[0.0, 0.0], [1.0, 1.0]])
    found = quantizer(torch.tensor([[0.5, 0.0], [1.0, 2.0]])).commitment
    assert found == pytest.approx((0.25 + 1.0) / 4)


def test_codebooks_have_names() -> None:
    first, again = quantizer_of([[0.0], [1.0]]), quantizer_of([[0.0], [1.0]])
    assert first.identity == again.identity
    assert len(first.identity) == 16
    again.codebook[1] = np.nextafter(np.float32(1), np.float32(2)).item()
    assert first.identity != again.identity
