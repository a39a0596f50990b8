"""The normalised likelihood: against dense arrays, slices against masks, fallback worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lass.likelihood.counts import TupleCounter, merge_counts, write_counts
from lass.likelihood.tensor import (
    Likelihood,
    build_likelihood,
    density,
    held_out_log_likelihood,
    nearest_counted,
    read_likelihood,
    write_likelihood,
)
from tests.likelihood.dense import count, dense_counts, draw_codes


def _draw(sources: int, codebook_size: int, *, positions: int = 400) -> tuple[Likelihood, np.ndarray]:
    """Return a likelihood and the dense log p[m, z_1, ..., z_N] that it must equal."""
    codes, mixture = draw_codes(sources=sources, codebook_size=codebook_size, positions=positions, seed=3)
    mixture[mixture == codebook_size - 1] = 0  # the last code is never counted
    dense = dense_counts(codes, mixture, codebook_size=codebook_size).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.log(dense / dense.sum(0, keepdims=True))  # NaN where a tuple was never seen
    likelihood = build_likelihood(count(codes, mixture, codebook_size=codebook_size))
    return likelihood, np.where(dense > 0, expected, -np.inf)


def _only_mixtures(codes: list[int], *, codebook_size: int) -> Likelihood:
    """Return a likelihood in which exactly these mixture codes were counted."""
    mixture = np.array(codes, dtype=np.int64)
    return build_likelihood(count(np.zeros((2, len(codes)), np.int64), mixture, codebook_size=codebook_size))


@pytest.mark.parametrize(("sources", "codebook_size"), [(2, 4), (2, 13), (3, 5)])
def test_slices_equal_the_dense_conditional(sources: int, codebook_size: int) -> None:
    likelihood, expected = _draw(sources, codebook_size)
    for code in range(codebook_size):
        tuples, log_likelihood = likelihood.slice_of(code)
        assert tuples.dtype == torch.long
        found = np.full((codebook_size,) * sources, -np.inf)
        found[tuple(tuples.numpy().T)] = log_likelihood.numpy()
        assert len(tuples) == np.isfinite(expected[code]).sum()
        np.testing.assert_allclose(found, expected[code], rtol=1e-6)


@pytest.mark.parametrize(("sources", "codebook_size"), [(2, 13), (3, 5)])
def test_probabilities_of_every_seen_tuple_sum_to_one(sources: int, codebook_size: int) -> None:
    likelihood, expected = _draw(sources, codebook_size)
    total = np.zeros((codebook_size,) * sources)
    np.add.at(
        total, tuple(likelihood.tuples.long().numpy().T), likelihood.log_likelihood.double().exp().numpy()
    )
    seen = np.isfinite(expected).any(0)
    np.testing.assert_allclose(total[seen], 1, rtol=1e-6)
    assert (total[~seen] == 0).all()


def test_a_likelihood_by_hand() -> None:
    # (0, 1) is seen three times with m = 2 and once with m = 0; (1, 1) once with m = 0
    codes = np.array([[0, 1, 0, 0, 1], [1, 0, 1, 1, 1]])
    likelihood = build_likelihood(count(codes, np.array([2, 2, 2, 0, 0]), codebook_size=3))
    assert likelihood.offsets.tolist() == [0, 3, 3, 5]
    assert likelihood.tuples.tolist() == [[0, 1], [1, 0], [1, 1], [0, 1], [1, 0]]
    expected = np.log([0.25, 0.25, 1, 0.75, 0.75]).astype(np.float32)
    np.testing.assert_array_equal(likelihood.log_likelihood.numpy(), expected, strict=True)
    assert density(likelihood) == pytest.approx(5 / 27)


def test_ragged_slices_are_the_slices_one_after_the_other() -> None:
    likelihood, _ = _draw(2, 13, positions=150)
    codes = torch.tensor([3, 12, 0, 3, 12, 7])  # twice the same code, twice one that was never counted
    slices = likelihood.slices(codes)
    single = [likelihood.slice_of(int(code)) for code in codes]
    lengths = [len(values) for _, values in single]
    assert lengths[1] == lengths[4] == 0
    assert slices.offsets.tolist() == np.cumsum([0, *lengths]).tolist()
    assert slices.row.tolist() == np.repeat(np.arange(6), lengths).tolist()
    assert torch.equal(slices.tuples, torch.cat([tuples for tuples, _ in single]))
    assert torch.equal(slices.log_likelihood, torch.cat([values for _, values in single]))


def test_slices_of_no_codes_are_empty() -> None:
    slices = _draw(2, 4)[0].slices(torch.zeros(0, dtype=torch.long))
    assert slices.tuples.shape == (0, 2)
    assert slices.offsets.tolist() == [0]


@pytest.mark.parametrize(("codebook_size", "dtype"), [(2**16, torch.uint16), (2**16 + 1, torch.int32)])
def test_large_codes_survive_their_narrow_type(codebook_size: int, dtype: torch.dtype) -> None:
    top = codebook_size - 1
    likelihood = build_likelihood(
        count(np.array([[40_000], [top]]), np.array([top]), codebook_size=codebook_size)
    )
    assert likelihood.tuples.dtype == dtype
    assert likelihood.slice_of(top)[0].tolist() == [[40_000, top], [top, 40_000]]


def test_the_file_does_not_depend_on_the_shards(tmp_path: Path) -> None:
    codes, mixture = draw_codes(sources=3, codebook_size=6, positions=400, seed=6)
    files = []
    for shards in (1, 2, 5):
        parts = (
            count(codes[:, s::shards], mixture[s::shards], codebook_size=6, buffer=10 + s)
            for s in range(shards)
        )
        path = tmp_path / f"{shards}.safetensors"
        write_likelihood(path, build_likelihood(merge_counts(parts)))
        files.append(path.read_bytes())
    assert len(set(files)) == 1


@pytest.mark.parametrize("positions", [0, 200])
def test_a_written_file_reads_back(positions: int, tmp_path: Path) -> None:
    path = tmp_path / "likelihood.safetensors"
    written, _ = _draw(2, 9, positions=positions)
    write_likelihood(path, written)
    found = read_likelihood(path, codebook_size=9, sources=2)
    for name in ("offsets", "tuples", "log_likelihood"):
        before, after = getattr(written, name), getattr(found, name)
        assert before.dtype == after.dtype
        assert torch.equal(
            before.long() if name == "tuples" else before, after.long() if name == "tuples" else after
        )
    assert (found.codebook_size, found.sources) == (9, 2)
    assert torch.equal(found.slices(torch.arange(9)).tuples, written.slices(torch.arange(9)).tuples)
    assert torch.equal(found.to("cpu").slice_of(1)[0], written.slice_of(1)[0])


def test_a_counted_code_is_its_own_nearest_and_another_goes_to_the_nearest_vector() -> None:
    likelihood = _only_mixtures([1, 2, 4], codebook_size=6)
    codebook = torch.tensor([[0.0, 0.0], [9.0, 0.0], [3.0, 4.0], [9.0, 1.0], [0.0, 6.0], [1.5, 5.0]])
    # from 0: 9 to code 1, 5 to code 2, 6 to code 4; code 3 lies next to 1; 5 is as far from 2 as from 4
    assert nearest_counted(likelihood, codebook).tolist() == [2, 1, 2, 1, 4, 2]


def test_nearest_is_by_distance_and_the_lowest_index_wins_among_many() -> None:
    generator = torch.Generator().manual_seed(0)
    codebook = torch.randint(0, 3, (60, 3), generator=generator).float()  # coarse: many ties
    counted = list(range(5, 60, 3))
    nearest = nearest_counted(_only_mixtures(counted, codebook_size=60), codebook)
    for code in range(60):
        distances = [float((codebook[code] - codebook[other]).square().sum()) for other in counted]
        expected = code if code in counted else counted[int(np.argmin(distances))]
        assert nearest[code] == expected


def test_held_out_log_likelihood_by_hand() -> None:
    codes = np.array([[0, 1, 0, 0, 1], [1, 0, 1, 1, 1]])
    likelihood = build_likelihood(count(codes, np.array([2, 2, 2, 0, 0]), codebook_size=3))
    sources = np.array([[1, 0, 1, 2], [0, 1, 1, 2]])
    result = held_out_log_likelihood(likelihood, sources, np.array([2, 0, 0, 0]))  # p = 0.75, 0.25, 1, none
    assert result.log_likelihood == pytest.approx((np.log(0.75) + np.log(0.25)) / 3)
    assert result.coverage == pytest.approx(3 / 4)
    assert result.positions == 4


def test_held_out_log_likelihood_is_nan_where_nothing_is_covered() -> None:
    likelihood = _only_mixtures([1], codebook_size=3)
    result = held_out_log_likelihood(likelihood, np.ones((2, 3), np.uint16), np.ones(3, np.uint16))
    assert np.isnan(result.log_likelihood)
    assert result.coverage == 0


def test_wrong_mixture_codes_are_refused() -> None:
    likelihood = _only_mixtures([1], codebook_size=3)
    with pytest.raises(ValueError, match=r"mixture code 3 lies outside \[0, 3\)"):
        likelihood.slices(torch.tensor([0, 3]))
    with pytest.raises(ValueError, match="mixture code -1 lies outside"):
        likelihood.slice_of(-1)
    with pytest.raises(ValueError, match=r"float32 of shape \(1,\)"):
        likelihood.slices(torch.tensor([1.0]))
    with pytest.raises(ValueError, match=r"of shape \(1, 2\)"):
        likelihood.slices(torch.tensor([[1, 2]]))


def test_a_codebook_that_does_not_fit_is_refused() -> None:
    likelihood = _only_mixtures([1], codebook_size=3)
    with pytest.raises(ValueError, match=r"codebook of shape \(4, 2\) does not fit .* K = 3"):
        nearest_counted(likelihood, torch.zeros(4, 2))
    with pytest.raises(ValueError, match="NaN or infinity"):
        nearest_counted(likelihood, torch.full((3, 2), torch.nan))
    empty = build_likelihood(TupleCounter(codebook_size=3, sources=2).counts())
    with pytest.raises(ValueError, match="no tuple was counted"):
        nearest_counted(empty, torch.zeros(3, 2))


def test_held_out_codes_that_do_not_fit_are_refused() -> None:
    likelihood = _only_mixtures([1], codebook_size=3)
    with pytest.raises(ValueError, match="source code 3 lies outside"):
        held_out_log_likelihood(likelihood, np.array([[3], [0]]), np.array([0]))
    with pytest.raises(ValueError, match="no positions"):
        held_out_log_likelihood(likelihood, np.zeros((2, 0), np.int64), np.zeros(0, np.int64))


def test_a_damaged_or_foreign_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "likelihood.safetensors"
    write_likelihood(path, _only_mixtures([1], codebook_size=3))
    with pytest.raises(ValueError, match=r"likelihood\.safetensors: made for codebook_size = 3, but .* = 4"):
        read_likelihood(path, codebook_size=4)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"likelihood\.safetensors: damaged or truncated"):
        read_likelihood(path)
    write_counts(path, TupleCounter(codebook_size=3, sources=2).counts())
    with pytest.raises(ValueError, match=r"likelihood\.safetensors: format 'lass\.counts'"):
        read_likelihood(path)
    with pytest.raises(FileNotFoundError, match="absent: no such file"):
        read_likelihood(tmp_path / "absent")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("offsets", torch.tensor([0, 1, 0, 1]), "offsets do not cut"),
        ("offsets", torch.tensor([0, 0, 1]), "offsets are"),
        ("tuples", torch.zeros((1, 3), dtype=torch.uint16), "tuples are"),
        ("tuples", torch.zeros((1, 2), dtype=torch.int32), "tuples are"),
        ("log_likelihood", torch.zeros(1, dtype=torch.float64), "log-likelihoods are"),
    ],
)
def test_tensors_that_do_not_fit_together_are_refused(
    field: str, value: torch.Tensor, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "likelihood.safetensors"
    good = _only_mixtures([1], codebook_size=3)
    parts = {name: getattr(good, name) for name in ("offsets", "tuples", "log_likelihood")}
    write_likelihood(path, Likelihood(**{**parts, field: value}, codebook_size=3, sources=2))
    with pytest.raises(ValueError, match=message):
        read_likelihood(path)
