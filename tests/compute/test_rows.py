"""Rows that sequences live in, worked out by hand."""

import numpy as np
import torch

from lass.compute.rows import first_rows, keep_rows, rank_in_group


def test_first_children_stay_where_their_parents_were() -> None:
    # Parents 0 and 3 go on, 0 twice; 3 lies beyond the three rows that are left and moves to the lowest free.
    assert keep_rows(torch.tensor([0, 0, 3])).tolist() == [0, 1, 2]
    assert keep_rows(torch.tensor([1, 1, 2, 2])).tolist() == [1, 0, 2, 3]
    assert keep_rows(torch.tensor([5])).tolist() == [0]


def test_every_sequence_has_a_row_of_its_own() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        number = int(rng.integers(1, 20))
        parents = torch.from_numpy(np.sort(rng.integers(20, size=number)))
        places = keep_rows(parents)
        assert sorted(places.tolist()) == list(range(number))
        firsts = [row for row in range(number) if row == 0 or parents[row] != parents[row - 1]]
        assert all(places[row] == parents[row] for row in firsts if parents[row] < number)


def test_ranks_and_first_rows_by_hand() -> None:
    groups = torch.tensor([2, 0, 2, 2, 1, 0])
    assert rank_in_group(groups).tolist() == [0, 0, 1, 2, 0, 1]
    assert first_rows(groups, 3).tolist() == [1, 4, 0]
