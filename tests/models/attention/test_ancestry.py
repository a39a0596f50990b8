"""The cache of a GPU against the cache that copies: in Triton's interpreter, or on a GPU."""

import pytest
import torch

from lass.compute.graphs import Replayed
from lass.compute.triton_trial import has_triton
from lass.models.checkpoint import new_network
from lass.models.network import empty_cache
from lass.models.transformer import Transformer, TransformerPrior, TransformerShape

kernels = pytest.importorskip("lass.models.attention.kernels", reason="Triton is for Linux only")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def new_prior(*, heads: int, kv_heads: int, width: int, context: int, layers: int = 1) -> TransformerPrior:
    shape = TransformerShape(
        codes=20,
        classes=2,
        context=context,
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=kv_heads,
        absolute=kv_heads > 1,
    )
    network = new_network(Transformer, shape, seed=0).to(DEVICE)
    for parameter in network.parameters():
        parameter.data *= 3.0  # untrained attention is nearly even
    return TransformerPrior(network, class_index=1)


@pytest.mark.parametrize(
    ("layers", "heads", "kv_heads", "width", "members", "families"),
    [(2, 2, 1, 32, 5, 2), (1, 4, 2, 48, 3, 2), (2, 1, 1, 64, 1, 3), (1, 2, 1, 32, 18, 1)],
    ids=["shared", "groups", "alone", "two_blocks"],
)
def test_steps_are_those_of_the_cache_that_copies(
    layers: int,
    heads: int,
    kv_heads: int,
    width: int,
    members: int,
    families: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pasts that all, some and none of the neighbours share, over several tiles."""
    monkeypatch.setattr(kernels, "TILE", 8)
    length = 9  # a tile and the first of another
    prior = new_prior(layers=layers, heads=heads, kv_heads=kv_heads, width=width, context=length)
    rows = members * families
    recorded = prior.recorded(rows, length, shared=members)
    copied = empty_cache(prior.network, rows, length)
    generator = torch.Generator().manual_seed(0)
    previous = None
    for position in range(length):
        found = prior.log_probs(previous, recorded)
        torch.testing.assert_close(found, prior.log_probs(previous, copied), rtol=1e-4, atol=1e-4)
        previous = torch.randint(20, (rows,), generator=generator).to(DEVICE)
        if position % 3 == 1:
            continue  # nobody is replaced
        parents = torch.randint(members, (families, members), generator=generator)
        if position % 5 == 0:
            parents = parents[:, :1].expand(-1, members)  # all descend from one
        followed = (parents + members * torch.arange(families)[:, None]).flatten().to(DEVICE)
        prior.reorder(recorded, followed)
        prior.reorder(copied, followed)


def test_sequences_keep_their_number_and_their_length() -> None:
    prior = new_prior(heads=1, kv_heads=1, width=32, context=2)
    state = prior.recorded(4, 2, shared=2)
    with pytest.raises(ValueError, match="3 sequences continue 4: on a GPU their number stays"):
        prior.reorder(state, torch.arange(3, device=DEVICE))
    first = prior.log_probs(None, state)
    assert torch.equal(first, first[:1].expand(4, -1))
    prior.log_probs(torch.zeros(4, dtype=torch.int64, device=DEVICE), state)
    with pytest.raises(ValueError, match="2 tokens are all that this cache was made for"):
        prior.log_probs(torch.zeros(4, dtype=torch.int64, device=DEVICE), state)
    with pytest.raises(ValueError, match="a sequence of 3 tokens exceeds"):
        prior.recorded(4, 3, shared=2)


def test_neighbours_that_are_read_together_divide_a_family() -> None:
    prior = new_prior(heads=1, kv_heads=1, width=32, context=4)
    together = [prior.recorded(w, 4, shared=w).cache.sizes.together for w in (1, 10, 16, 17, 24, 64, 100)]
    assert together == [1, 10, 16, 1, 12, 16, 10]
    assert prior.recorded(4, 4, shared=6).cache.sizes.together == 2, (
        "half a family: rows come in whole blocks"
    )


def test_work_is_called_every_time_on_a_cpu() -> None:
    number = torch.zeros(())
    count = Replayed(lambda: number.add_(1))
    assert [count().item() for _ in range(4)] == [1, 2, 3, 4]


@pytest.mark.gpu
@pytest.mark.skipif(DEVICE == "cpu", reason="no CUDA device is there")
def test_work_is_replayed_on_a_gpu() -> None:
    number, calls = torch.zeros((), device="cuda"), list[int]()

    def work() -> torch.Tensor:
        calls.append(len(calls))
        return number.add_(1)

    count = Replayed(work)
    assert [count().item() for _ in range(5)] == [1, 2, 3, 4, 5]
    assert len(calls) == 2, "once as it is, once recorded"


@pytest.mark.skipif(DEVICE == "cuda", reason="a GPU is there")
def test_without_a_gpu_there_are_no_kernels(caplog: pytest.LogCaptureFixture) -> None:
    has_triton.cache_clear()
    assert not has_triton()
    has_triton.cache_clear()
    assert "decoding goes on without Triton's kernels" in caplog.text
