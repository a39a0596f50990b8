"""What settings of decoding and of estimation refuse; what each decoder is opened as."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from lass.separation.decoding.decoders import open_decoder
from lass.separation.settings import DecoderSettings, Estimation, Mask, Refinement
from tests.separation.toy import ancestral, beam, greedy, particle, top_k

DECODER: TypeAdapter[Any] = TypeAdapter(DecoderSettings)
STEPS = {"steps": 80, "learning_rate": 0.05, "halve_every": 40, "penalty": 1e-4}


def decoder(kind: str, **changes: Any) -> dict[str, Any]:
    """Entries of a decoder of `kind`, as a configuration holds them; None takes one away."""
    entries: dict[str, Any] = {"kind": kind, "likelihood_weight": 1.0}
    entries |= {} if kind == "greedy" else {"hypotheses": 4, "kept": 1}
    entries |= {"top_k": 3} if kind == "top_k" else {}
    entries |= {"resampling": 0.5} if kind == "particle" else {}
    return {name: value for name, value in (entries | changes).items() if value is not None}


@pytest.mark.parametrize("kind", ["greedy", "beam", "ancestral", "top_k", "particle"])
def test_decoders_that_mean_something(kind: str) -> None:
    settings = DECODER.validate_python(decoder(kind))
    assert settings.kind == kind
    assert open_decoder(settings).hypotheses == settings.hypotheses


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (decoder("viterbi"), "'greedy', 'beam', 'ancestral', 'top_k', 'particle'"),
        (decoder("beam", hypotheses=0), "hypotheses\n.*greater than or equal to 1"),
        (decoder("beam", kept=5), "kept is 5, but there are only 4 hypotheses"),
        (decoder("greedy", hypotheses=2), "hypotheses\n.*not permitted"),
        (decoder("top_k", top_k=None), "top_k.top_k\n.*required"),
        (decoder("beam", top_k=3), "top_k\n.*not permitted"),
        (decoder("top_k", top_k=0), "top_k\n.*greater than or equal to 1"),
        (decoder("ancestral", temperature=0.0), "temperature\n.*greater than 0"),
        (decoder("ancestral", temperature=float("nan")), "temperature\n.*finite"),
        (decoder("ancestral", temperature=float("inf")), "temperature\n.*finite"),
        (decoder("beam", temperature=2.0), "temperature\n.*not permitted"),
        (decoder("ancestral", resampling=0.5), "resampling\n.*not permitted"),
        (decoder("particle", resampling=0.0), "resampling\n.*greater than 0"),
        (decoder("particle", resampling=1.1), "resampling\n.*less than or equal to 1"),
        (decoder("particle", resampling=float("nan")), "resampling\n.*finite"),
        (decoder("particle", top_k=4), "top_k\n.*not permitted"),
        (decoder("beam", likelihood_weight=-1.0), "likelihood_weight\n.*greater than or equal to 0"),
        (decoder("beam", likelihood_weight=float("nan")), "likelihood_weight\n.*finite"),
    ],
)
def test_decoders_that_mean_nothing(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DECODER.validate_python(entries)


def test_what_decoders_ask_for_by_hand() -> None:
    """Numbers for a position, and whether hypotheses descend from one another."""
    every = (greedy(), beam(5), ancestral(5), top_k(5, 2), particle(5, resampling=0.5))
    opened = [open_decoder(settings) for settings in every]
    assert [one.hypotheses for one in opened] == [1, 5, 5, 5, 5]
    assert [one.draws for one in opened] == [0, 0, 5, 5, 6]
    assert [one.related for one in opened] == [True, True, False, False, True]
    spread = [open_decoder(settings.model_copy(update={"stratified": True})) for settings in every[2:]]
    assert [one.draws for one in spread] == [10, 10, 11]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"choice": "best"}, "choice\n.*'remix', 'posterior' or 'joint'"),
        ({"consistency": "some"}, "consistency\n.*'equal' or 'residual'"),
        ({"refined": 2}, "refined is 2: refinement is needed"),
        ({"refined": -1}, "refined\n.*greater than or equal to 0"),
        ({"refinement": STEPS}, "refined is 0: refinement .* must be null"),
        ({"sigma": 0.0}, "sigma\n.*greater than 0"),
        ({"averaging": 0.0}, "averaging\n.*greater than 0"),
    ],
)
def test_estimations_that_mean_nothing(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Estimation(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps\n.*greater than or equal to 1"),
        ({"halve_every": 0}, "halve_every\n.*greater than or equal to 1"),
        ({"learning_rate": 0.0}, "learning_rate\n.*greater than 0"),
        ({"learning_rate": float("nan")}, "learning_rate\n.*finite"),
        ({"learning_rate": float("inf")}, "learning_rate\n.*finite"),
        ({"penalty": -1.0}, "penalty\n.*greater than or equal to 0"),
        ({"penalty": float("nan")}, "penalty\n.*finite"),
    ],
)
def test_refinements_that_cannot_run(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Refinement(**(STEPS | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": 2}, "window\n.*multiple of 4"),
        ({"window": 0}, "window\n.*greater than or equal to 4"),
        ({"window": 130}, "window\n.*multiple of 4"),
        ({"templates": 0}, "templates\n.*greater than or equal to 1"),
        ({"rounds": 0}, "rounds\n.*greater than or equal to 1"),
        ({"share": 0}, "share\n.*greater than 0"),
        ({"share": 1.5}, "share\n.*less than or equal to 1"),
    ],
)
def test_masks_that_mean_nothing(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Mask(**({"window": 64, "templates": 1, "rounds": 1} | changes))
