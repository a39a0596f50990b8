"""Separators of mixtures: one for each group of mixtures whose sources have the same priors."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lass.assembly.codecs import CodecAt
from lass.assembly.groups import Group, group_by_priors
from lass.assembly.separators import open_evidence, open_separator
from lass.separation.decoding.loop import Method
from lass.separation.separator import Separator


def open_samplers(
    sources: Sequence[Sequence[str]],
    *,
    codec: CodecAt,
    files: Mapping[str, Any],
    priors: Sequence[Mapping[str, Any]],
    sampler: Mapping[str, Any],
    weights: Sequence[float],
    settings: Mapping[str, Any],
) -> Iterator[tuple[Group, Separator]]:
    """Groups of the mixtures whose classes are `sources`, each with what separates it.

    `files` holds the paths `likelihood`, `patches` (for samplers whose `likelihood` that is) and `priors`,
    one per entry of `priors`, those of `group_by_priors`. `sampler` holds the arguments of `Method`,
    `likelihood` and `kept`; `settings` length, seed and memory of `open_separator`, noise of `open_evidence`.
    """
    known = [{"path": Path(path), **entry} for path, entry in zip(files["priors"], priors, strict=True)]
    method = Method(**{name: value for name, value in sampler.items() if name not in ("likelihood", "kept")})
    evidence = None
    if sampler["likelihood"] == "patches":
        evidence = open_evidence(files["patches"], codec=codec, weights=weights, noise=settings["noise"])
    for group in group_by_priors(sources, known):
        yield (
            group,
            open_separator(
                codec=codec,
                likelihood=Path(files["likelihood"]),
                priors=[
                    {name: value for name, value in one.items() if name != "prior"} for one in group.priors
                ],
                weights=weights,
                method=method,
                evidence=evidence,
                length=settings["length"],
                seed=settings["seed"],
                memory=settings["memory"],
            ),
        )
