"""What the benchmarks compare decides alike: the published algorithm, written plainly, and the engine."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.attribution import (
    UNSEEN,
    decode,
    from_true_past,
    log_likelihoods,
    log_posterior,
)
from benchmarks.coverage import coverage, with_table
from benchmarks.gpu import bytes_read, music_cases, paper_cases
from benchmarks.information import LIKELIHOODS, counted_pairs, pair_information, tabulate
from benchmarks.memory import bandwidth
from benchmarks.problems import (
    ROOT,
    RandomSizes,
    Run,
    asked_run,
    merge_files,
    open_run,
    oracle_parser,
    random_problem,
)
from benchmarks.scale import described_plan
from benchmarks.search import Posterior, check, draw_rows, widened
from benchmarks.separation import (
    Case,
    TimedPrior,
    found_too,
    measure,
    plain_case,
    published_cases,
    row_of,
    run_engine,
    run_plain,
    uniforms,
)
from lass.evaluation.separations import spread_items
from lass.likelihood.counts import TupleCounter, write_counts
from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.state import joined
from lass.separation.decoding.support import CountedPositions, LearnedPositions, Positions
from lass.separation.settings import DecoderSettings, Particle
from tests.separation.toy import ancestral, beam, kind_of, particle, top_k

SIZES = RandomSizes(codes=12, entries=50, length=16)
DECODERS: list[DecoderSettings] = [
    beam(6, weight=2.0),
    ancestral(6, weight=2.0),
    top_k(6, 5, weight=2.0),
]


@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
def test_the_engine_finds_what_the_published_algorithm_finds(settings: DecoderSettings) -> None:
    problem = random_problem(SIZES, mixtures=3, seed=0)
    priors = [TimedPrior(prior) for prior in problem.priors]
    plain = run_plain(problem, Case("plain", settings, 1, 3, version="plain"), priors, range(3))
    engine = run_engine(problem, Case("engine", settings, 2, 3), priors, range(3))
    assert found_too(engine.numpy(), plain.numpy()) == 1.0
    if open_decoder(settings).draws > 0:  # draws stand in the same rows; beams are listed in another order
        assert torch.equal(engine, plain)
    assert all(prior.watch.seconds() > 0 for prior in priors)


@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
def test_the_published_algorithm_takes_some_of_the_mixtures_of_the_engine(settings: DecoderSettings) -> None:
    engine = Case("engine", settings, 2, 5, sizes=SIZES)
    plain = plain_case(engine, mixtures=2)
    reference = measure(plain, Path(), Path())
    row = row_of(engine, measure(engine, Path(), Path()), reference)
    assert (row["mixtures"], row["same_hypotheses"]) == (5, 1.0)
    assert row_of(plain, reference, reference)["mixtures"] == 2


@pytest.mark.parametrize("native", [True, False])
def test_the_data_set_of_music_may_have_another_name(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    """Each case is measured in float32, and in bfloat16 where that is no emulation."""
    chosen = "bfloat16" if native else "float32"
    monkeypatch.setattr("benchmarks.separation.choose_precision", lambda *_: chosen)
    published = [case for group in published_cases("mine", music=8, plain=2) for case in group]
    assert [case.dataset for case in published] == ["mine"] * (3 + native) + ["mnist"] * (2 + native)
    on_gpu = music_cases("cuda", "mine", music=8, plain=2)
    assert {case.dataset for case in on_gpu} == {"mine"}
    for cases in (published, on_gpu):
        assert {case.precision for case in cases} == {"float32", chosen}


def test_shares_of_common_hypotheses_by_hand() -> None:
    others = np.arange(8).reshape(2, 2, 2, 1)
    assert found_too(others[:, ::-1].copy(), others) == 1.0
    changed = others.copy()
    changed[0, 1] += 100
    assert found_too(changed, others) == 0.75
    more = np.stack([others[0], others[0] + 200, others[1]])
    assert found_too(more, others) == 1.0, "the first and the last of three"


def test_oracles_of_codes() -> None:
    """Scores are the decoder's own; with the true tuples added the best is at least as likely."""
    problem = random_problem(SIZES, mixtures=2, seed=0)
    settings = DECODERS[0]
    found = decode(problem, settings)
    decoded = decode_sequences(
        CountedPositions(problem.likelihood, problem.mixture),
        priors=problem.priors,
        decoder=open_decoder(settings),
    )
    scores = log_posterior(problem, found, weight=2.0)
    torch.testing.assert_close(scores.double(), decoded.scores.amax(dim=1), rtol=1e-4, atol=1e-2)
    truth = torch.randint(12, found.shape, generator=torch.Generator().manual_seed(0))
    unseen = log_likelihoods(problem, truth) == UNSEEN
    assert 0.4 < unseen.float().mean() < 0.9, "a slice has 50 of 144 tuples"
    wide = decode(problem, settings, truth=truth)
    assert (log_posterior(problem, wide, weight=2.0) >= scores - 1e-2).all()
    past = from_true_past(problem, found, weight=2.0)
    assert (log_likelihoods(problem, past) > UNSEEN).all()


def test_oracles_of_codes_draw_alike_alone_and_together() -> None:
    """A mixture's draws are its own, whoever shares its batch; tuples that are counted add nothing."""
    problem = random_problem(SIZES, mixtures=3, seed=0)
    settings = particle(6, resampling=0.5, weight=2.0)
    found = decode(problem, settings)
    assert torch.equal(decode(problem, settings, truth=found), found)


def test_mixtures_from_all_over_the_list() -> None:
    assert spread_items(100, 4) == [0, 33, 66, 99]
    assert spread_items(3, 8) == [0, 1, 2]
    assert spread_items(5, 1) == [0]


def test_an_override_changes_its_own_place_and_no_other_of_an_anchor(tmp_path: Path) -> None:
    default, overrides, empty = (tmp_path / name for name in ("default.yaml", "overrides.yaml", "empty.yaml"))
    default.write_text(
        "priors:\n"
        "  drums: &prior {width: 8, training: {steps: 100, batch: 4}}\n"
        "  bass: *prior\n"
        "  piano: {<<: *prior, width: 16}\n"
    )
    overrides.write_text("priors: {drums: {training: {steps: 7}}}")
    empty.write_text("")
    priors = merge_files(default, overrides, empty)["priors"]
    assert priors["drums"] == {"width": 8, "training": {"steps": 7, "batch": 4}}
    assert priors["bass"] == {"width": 8, "training": {"steps": 100, "batch": 4}}
    assert priors["piano"] == {"width": 16, "training": {"steps": 100, "batch": 4}}


def test_bytes_that_decoding_cannot_do_without_by_hand() -> None:
    """Two priors of one layer of width 8 with one head, K = 4 and 3 tokens, in half precision."""
    sizes = RandomSizes(codes=4, entries=5, length=3, layers=1, width=8, heads=1)
    (case,) = paper_cases("cpu", sizes, batches=[2])
    prior = random_problem(sizes, mixtures=1, seed=0).priors[0]
    weights = sum(parameter.numel() for parameter in prior.network.parameters())
    past = 2 * 8 * (0 + 1 + 2)  # keys and values of the tokens before each of three
    assert bytes_read(case) == 2 * 2 * (weights * 3 / 2 + past)
    assert bandwidth("cpu", mib=1, repeats=1) > 0


def test_a_small_case_of_the_paper_runs_from_sizes_to_a_row() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sizes = RandomSizes(codes=16, entries=50, length=12, layers=1, width=16, heads=1)
    (case,) = paper_cases(device, sizes, batches=[2])
    result = measure(case, Path(), Path())
    assert result.codes.shape == (2, 10, 12, 2)
    row = row_of(case, result, None)
    assert (row["positions"], row["batch"], row["precision"]) == (12, 2, "bfloat16")
    assert 0 < row["share_outside_priors"] < 1  # type: ignore[operator]


def test_tables_of_more_shards_of_counts_cover_more(tmp_path: Path) -> None:
    problem = random_problem(SIZES, mixtures=2, seed=0)
    rng = np.random.default_rng(0)
    shards, covered = [], []
    for index in range(3):
        counter = TupleCounter(codebook_size=SIZES.codes, sources=2)
        codes = rng.integers(SIZES.codes, size=(3, 150))
        counter.add(codes[:2], codes[2])
        shards.append(tmp_path / f"{index}.safetensors")
        write_counts(shards[-1], counter.counts())
    codebook = torch.from_numpy(rng.normal(size=(SIZES.codes, 4)))
    truth = torch.from_numpy(rng.integers(SIZES.codes, size=(2, 2, SIZES.length)))
    for number in (1, 3):
        part = with_table(problem, shards[:number], mixture=problem.mixture, codebook=codebook)
        assert part.tuples == 150 * number
        found = decode(part.problem, beam(4, weight=1.0))
        assert found.shape == (2, 2, SIZES.length)
        assert coverage(part.problem, mixture=part.problem.mixture, codes=found) == 1.0
        covered.append(coverage(part.problem, mixture=problem.mixture, codes=truth))
    assert 0 < covered[0] < covered[1] < 1


def test_information_is_the_logarithm_of_the_normalised_posterior() -> None:
    singles = [torch.tensor([[0.2, 0.8]]).log(), torch.tensor([[0.5, 0.5]]).log()]
    pairs = torch.tensor([[[1.0, 0.5], [0.25, 0.0]]]).log()
    known = pair_information(singles, pairs, torch.tensor([[0, 0]]))
    total = 0.1 * 1 + 0.1 * 0.5 + 0.4 * 0.25
    torch.testing.assert_close(known.nats.exp(), torch.tensor([0.1 / total]))
    assert known.right.tolist() == [True]
    assert pair_information(singles, pairs, torch.tensor([[0, 1]])).right.tolist() == [False]


def test_information_of_a_likelihood_that_knows_the_truth() -> None:
    problem = random_problem(SIZES, mixtures=3, seed=0)
    codes = torch.randint(12, (3, 2, 16), generator=torch.Generator().manual_seed(0))
    heard = torch.zeros(3, 2, 16, 12).scatter_(3, codes[..., None], 50.0)
    unigrams = torch.full((2, 12), -float(np.log(12)))
    table = tabulate(problem, codes, heard, unigrams)
    assert {name for name, _ in table} == set(LIKELIHOODS)
    assert table["none", "unigram"] == pytest.approx((-2 * np.log(12), 1.0), abs=1e-5), "all are alike"
    assert table["network", "unigram"] == pytest.approx((0.0, 1.0), abs=1e-5)
    assert table["counts and network", "true past"] == pytest.approx((0.0, 1.0), abs=1e-3)
    pairs = counted_pairs(problem.likelihood, problem.mixture[0])
    assert (pairs == UNSEEN).sum() == 16 * (12**2 - 50), "50 pairs of every slice were counted"


def test_jobs_and_files_of_what_a_dry_run_prints() -> None:
    """Other words than Snakemake's are refused: they are no run without jobs."""
    text = "rule a:\n    output: x/1, x/2\nrule b:\n    output: y/1\njob count\na 1\ntotal       2\n"
    graph = described_plan(3, text, 1.0, 0.5, 9.0)
    assert (graph.scale, graph.jobs, graph.files, graph.fullest, graph.most) == (3, 2, 3, "x", 2)
    with pytest.raises(ValueError, match="no total of jobs"):
        described_plan(3, text.replace("total", "sum"), 1.0, 0.5, 9.0)


@pytest.fixture
def default_run(tmp_path: Path) -> Run:
    return open_run("slakh", results=tmp_path, config=ROOT / "config/config.yaml")


@pytest.mark.parametrize("network", [False, True], ids=["counts", "network"])
def test_log_posteriors_of_codes_are_the_scores_of_the_search(network: bool) -> None:
    problem, settings = random_problem(SIZES, mixtures=2, seed=0), particle(6, weight=1.5)
    heard = torch.randn(2, 2, SIZES.length, SIZES.codes, generator=torch.Generator().manual_seed(1))
    counts = CountedPositions(problem.likelihood, problem.mixture)
    searches: list[tuple[Positions, list[Any]]] = [(counts, [*problem.priors])]
    if network:
        searches = [(LearnedPositions(heard[:, n]), [prior]) for n, prior in enumerate(problem.priors)]
    decoder = open_decoder(settings)
    numbers = uniforms(decoder.draws, SIZES.length, range(2))
    parts = [
        decode_sequences(likelihood, priors=priors, decoder=decoder, uniforms=numbers)
        for likelihood, priors in searches
    ]
    decoded = joined(parts) if network else parts[0]
    posterior = Posterior(problem, 1.5, heard if network else None)
    codes = decoded.codes.transpose(2, 3)  # [M, W, N, S]
    again = torch.stack([posterior.of(codes[:, row]) for row in range(6)], dim=1)
    assert torch.allclose(again, decoded.scores, atol=1e-3)


def test_true_tuples_that_were_never_counted_give_way_to_the_most_probable_one() -> None:
    problem = random_problem(SIZES, mixtures=2, seed=0)
    posterior = Posterior(problem, 1.5, None)
    codes = torch.randint(SIZES.codes, (2, 2, SIZES.length), generator=torch.Generator().manual_seed(0))
    possible, counted = posterior.allowed(codes)
    known = log_likelihoods(problem, codes) > UNSEEN
    assert 0 < counted < 1
    assert counted == pytest.approx(float(known.float().mean()))
    assert (log_likelihoods(problem, possible) > UNSEEN).all()
    assert torch.equal(possible.transpose(1, 2)[known], codes.transpose(1, 2)[known])
    assert Posterior(problem, 1.5, torch.zeros(1)).allowed(codes) == (codes, 1.0)


def test_a_longer_search_keeps_islands_and_what_it_can_of_the_candidates(default_run: Run) -> None:
    job = default_run.dataset.decoding_job("learned", seed=0)
    wide, narrow = widened(job, 64).decoder, widened(job, 8).decoder
    assert (wide.hypotheses, wide.kept, narrow.hypotheses, narrow.kept) == (64, 16, 8, 8)
    assert isinstance(wide, Particle)
    assert (wide.islands, wide.offsets) == (4, 1)  # the truth is known of the mixture as it is
    with pytest.raises(ValueError, match="islands"):
        widened(job, 6)


@pytest.mark.parametrize("method", ["heard", "greedy", "lass", "gone"])
def test_a_method_without_a_posterior_to_draw_from_is_refused(default_run: Run, method: str) -> None:
    check(default_run, ["particles", "learned"], [16])
    with pytest.raises(ValueError, match=method):
        check(default_run, [method], [16])
    with pytest.raises(ValueError, match="islands"):
        check(default_run, ["learned"], [16, 30])


def test_oracles_need_mixtures_of_music(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = oracle_parser(None)
    for name, message in (("slakh", "make it by snakemake"), ("mnist", "holds images")):
        arguments = parser.parse_args(["--results", str(tmp_path), "--dataset", name])
        with pytest.raises(SystemExit):
            asked_run(parser, arguments)
        assert message in capsys.readouterr().err


def test_a_figure_of_searches_has_a_line_for_every_method() -> None:
    row = {"seconds": 1.0, "sdr": 5.0, "hypotheses": 4, "ceiling": 9.0}
    figure = draw_rows([row | {"method": "a"}, row | {"method": "b"}])
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        *("a", "a, true codes"),
        *("b", "b, true codes"),
    ]
