"""Which mixtures can be separated together."""

from typing import Any

from lass.assembly.groups import Group, group_by_priors


def prior(source: str, name: str, *, conditional: bool = False) -> dict[str, Any]:
    return {"source": source, "prior": name, "conditional": conditional}


MIXTURES = [["cat", "dog"], ["dog", "cat"], ["cat", "dog"], ["dog", "dog"]]


def names(groups: list[Group]) -> list[tuple[list[str], bool, list[int]]]:
    return [([one["source"] for one in group.priors], group.interchangeable, group.rows) for group in groups]


def test_a_prior_that_is_told_no_class_serves_all_alike() -> None:
    groups = group_by_priors(MIXTURES, [prior("cat", "animals"), prior("dog", "animals")])
    assert names(groups) == [(["cat", "dog"], True, [0, 1, 2, 3])]


def test_a_prior_that_is_told_the_class_serves_equal_classes() -> None:
    told = [prior(name, "animals", conditional=True) for name in ("cat", "dog")]
    expected = [(["cat", "dog"], False, [0, 2]), (["dog", "cat"], False, [1]), (["dog", "dog"], True, [3])]
    assert names(group_by_priors(MIXTURES, told)) == expected
    own = [prior("cat", "cats"), prior("dog", "dogs")]
    assert names(group_by_priors(MIXTURES, own)) == expected


def test_nothing_to_group() -> None:
    assert group_by_priors([], [prior("cat", "cats")]) == []
