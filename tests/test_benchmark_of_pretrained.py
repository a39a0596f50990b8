"""The benchmark of public priors' size, with tiny ones: what it counts, and how it stops."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import pretrained
from benchmarks.pretrained import (
    KINDS,
    Kind,
    Load,
    bytes_per_token,
    decode,
    fitting_load,
    open_problem,
    past_read,
    random_network,
    weights_read,
)
from lass.models.pretrained.gpt import GptShape
from lass.models.pretrained.jukebox_prior import JukeboxPriorShape
from lass.separation.decoding.decoders import Decoder, open_decoder

CPU, META = torch.device("cpu"), torch.device("meta")
JUKEBOX = replace(
    KINDS["jukebox"],
    shape=JukeboxPriorShape(codes=12, context=16, block=4, layers=4, width=8, attended=2, hidden=8),
    tokens=10,
    entries=20,
)
TAMING = replace(
    KINDS["taming"],
    shape=GptShape(codes=12, classes=3, context=9, layers=2, width=8, heads=2, hidden=16),
    settings=KINDS["taming"].settings.model_copy(update={"hypotheses": 6}),
    tokens=9,
    entries=20,
)
TINY = {"jukebox": JUKEBOX, "taming": TAMING}


def attended(layer: int, query: int, key: int, block: int) -> bool:
    """Whether a layer of Jukebox's reads the key's position for the query's, as its paper says."""
    if layer % 3 == 0:
        return query // block == key // block
    return query % block == key % block if layer % 3 == 1 else query // block == key // block + 1


@pytest.mark.parametrize("tokens", [1, 4, 10, 16])
def test_what_is_read_of_the_past_is_counted_pair_by_pair(tokens: int) -> None:
    pairs = [(query, key) for query in range(tokens) for key in range(query)]
    read = sum(attended(layer, *pair, block=4) for layer in range(4) for pair in pairs)
    assert past_read(JUKEBOX.shape, tokens) == read * 2 * 2, "a key and a value of 2 channels"
    assert past_read(TAMING.shape, tokens) == len(pairs) * 2 * 2 * 8, "in 2 layers of 8 channels"


def test_full_sizes_are_those_of_the_public_files() -> None:
    """And what no token reads is the tables of rows: of positions, of codes where the output has its own."""
    for kind, numbers, looked_up in (
        ("jukebox", 161_862_656, (8192 + 1) * 1024),
        ("taming", 1_410_640_896, (16384 + 256) * 1536),
    ):
        shape = KINDS[kind].shape
        one, two = (
            random_network(replace(shape, layers=number), device=META, precision="float32")
            for number in (1, 2)
        )
        total = counted(one) + (shape.layers - 1) * (counted(two) - counted(one))
        assert total == numbers
        assert weights_read(one) == counted(one) - looked_up


def counted(network: torch.nn.Module) -> int:
    """Numbers of a network."""
    return sum(each.numel() for each in network.parameters())


def test_bytes_of_a_token_by_hand() -> None:
    """Hypotheses of a beam share their past, drawn ones do not; weights are read once in any case."""
    for kind, pasts in ((JUKEBOX, 3), (TAMING, 3 * 6)):
        problem = open_problem(kind, device=CPU, precision="bfloat16")
        load = Load(open_decoder(kind.settings), mixtures=3, passes=1)
        numbers = weights_read(problem.networks[0]) + pasts * past_read(kind.shape, 5) / 5
        assert bytes_per_token(problem, load, tokens=5) == pytest.approx(2 * 2 * numbers)


def test_drawn_hypotheses_take_more_passes_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beams cannot: they compete with one another."""

    def allow(memory: int, *, decoder: Decoder, **_: object) -> int:
        if memory < decoder.hypotheses:
            raise ValueError("one mixture needs more")
        return memory // decoder.hypotheses

    monkeypatch.setattr("lass.separation.decoding.budget.mixtures_at_once", allow)
    monkeypatch.setattr("lass.separation.decoding.budget.kept_by_all", lambda *_, **__: 0)
    drawn, beam = (open_problem(kind, device=CPU, precision="float32") for kind in (TAMING, JUKEBOX))
    for memory, found in ((100, (6, 5, 1)), (17, (6, 2, 1)), (5, (3, 1, 2)), (2, (2, 1, 3))):
        load = fitting_load(drawn, mixtures=5, tokens=9, memory=memory)
        assert (load.decoder.hypotheses, load.mixtures, load.passes) == found
    assert fitting_load(beam, mixtures=5, tokens=9, memory=20).mixtures == 2
    with pytest.raises(ValueError, match="one mixture needs"):
        fitting_load(beam, mixtures=5, tokens=9, memory=9)


@pytest.mark.parametrize("kind", TINY.values(), ids=TINY)
def test_decoding_stops_after_so_many_tokens_or_seconds(kind: Kind) -> None:
    problem = open_problem(kind, device=CPU, precision="float32")
    load = fitting_load(problem, mixtures=2, tokens=9, memory=2**40)
    for most, seconds, done in ((3, 60.0, 3), (9, 60.0, 9), (9, 0.0, pretrained.LOOKS)):
        assert decode(problem, load, tokens=9, most=most, seconds=seconds) == done


def test_tiny_priors_from_sizes_to_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pretrained, "KINDS", TINY)
    monkeypatch.setattr(pretrained, "bandwidth", lambda _: 1e9)
    pretrained.main(["--device", "cpu", "--batches", "2", "--tokens", "10", "--out", str(tmp_path)])
    with (tmp_path / "pretrained.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = [tuple(row[name] for name in ("kind", "mixtures", "hypotheses", "tokens")) for row in rows]
    assert found == [
        ("jukebox", "2", "10", "10"),
        ("taming", "2", "6", "9"),
    ]
    for row in rows:
        per_token = float(row["seconds_per_token"])
        assert float(row["seconds_per_mixture"]) == pytest.approx(
            per_token * int(row["tokens"]) / int(row["mixtures"]), abs=1e-3
        )
        assert float(row["times_bound"]) > 0


@pytest.mark.parametrize("wrong", [["--batches", "0"], ["--tokens", "-1"], ["--kinds", "gpt2"]])
def test_wrong_arguments_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        pretrained.main(wrong)
    assert wrong[0] in capsys.readouterr().err
