"""What a longer search finds: log posterior against that of the truth, SDR, and time.

Reads a finished run of music, as `benchmarks.attribution` does. Each of the methods separates the same
mixtures with more and more hypotheses, as many islands as configured and one offset. Log posteriors are of
whole sequences at the decoder's own lambda, less that of the true codes, in nats per position of all sources:

    best    of the most probable hypothesis. Below 0 the search has missed something
    mean    over all hypotheses, which are draws: were the posterior right about the truth and the search
            exact, it would be 0 on average. Above 0 the posterior trusts in codes that are wrong

A table of counts does not allow every true tuple. Where it does not (`counted` is the share where it does),
the most probable tuple that it allows after the true past stands for the truth. `ceiling` is the SDR that the
method makes of the true codes. Seconds are of the processor, or of the clock where a GPU searches. Writes
search.csv, and search.png: SDR against time.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.attribution import UNSEEN, from_true_past, log_likelihoods, log_priors, sdr
from benchmarks.counting import described, hardware, write_rows
from benchmarks.problems import Problem, Run, asked_run, open_problem, oracle_parser
from lass.compute.devices import choose_device, name_of
from lass.compute.timing import wait_for
from lass.data.mixtures import Batch
from lass.evaluation.figures.drawing import COLOURS, new_figure, write_figure
from lass.methods.candidates import model_of, open_likelihood, open_separator
from lass.methods.latent import latent_method
from lass.methods.settings import DecodingJob
from lass.models.parts import Model
from lass.separation.estimation.candidates import Candidates, kept_candidates
from lass.separation.likelihoods import ByNetwork, hear
from lass.separation.separator import Separator

MEMORY = 8 * 2**30  # bytes, as of the rule `draw_candidates`


@dataclass(frozen=True)
class Searched:
    """What a decoder with so many hypotheses made of M mixtures."""

    candidates: dict[int, Candidates]  # of every mixture, by its number
    best: Tensor  # [M, N, S]: codes of the highest log posterior, on the CPU
    below: Tensor  # [M]: by how much the mean log posterior is below the highest
    seconds: float  # per mixture, from the mixture to the hypotheses


@dataclass(frozen=True)
class Posterior:
    """The log posterior of whole sequences under a decoder, up to a constant per mixture."""

    problem: Problem
    weight: float  # lambda
    heard: Tensor | None  # log p(y | z_n) [M, N, S, K] by a network, in the place of the table of counts

    def of(self, codes: Tensor) -> Tensor:
        """Of codes [M, N, S]: [M] float64."""
        tables = log_priors(self.problem, codes)  # N of [M, S, K]
        if self.heard is not None:
            tables = [table + self.weight * self.heard[:, n] for n, table in enumerate(tables)]
        own = [table.gather(2, codes[:, n, :, None])[..., 0] for n, table in enumerate(tables)]
        total = torch.stack(own).double().sum(dim=(0, 2))
        if self.heard is None:
            total += self.weight * log_likelihoods(self.problem, codes).double().sum(dim=1)
        return total

    def allowed(self, codes: Tensor) -> tuple[Tensor, float]:
        """True codes [M, N, S] as far as they are possible, and the share of positions where they are."""
        if self.heard is not None:
            return codes, 1.0
        known = log_likelihoods(self.problem, codes) > UNSEEN  # [M, S]
        nearest = from_true_past(self.problem, codes, weight=self.weight)
        return torch.where(known[:, None], codes, nearest), float(known.float().mean())


@dataclass(frozen=True)
class Method:
    """A method of a run with its mixtures, their sources, and what it separates with."""

    run: Run
    name: str
    job: DecodingJob  # of its decoder
    model: Model  # on the device that searches
    batch: Batch

    @property
    def files(self) -> Any:
        """What the decoder asks for beside codec, priors and table."""
        return {name: self.run.measured(name) for name in self.job.decoder.measured}

    def separator(self, hypotheses: int) -> Separator:
        """What finds so many hypotheses."""
        job = widened(self.job, hypotheses)
        likelihood = open_likelihood(self.files, model=self.model, job=job)
        priors = self.model.priors_of(self.run.dataset.source_classes)
        return open_separator(self.model, job, priors=priors, memory=MEMORY, likelihood=likelihood)

    def searched(self, hypotheses: int) -> Searched:
        """Search every mixture by itself; a GPU rehearses, as it records its steps at the first."""
        device, separator, items = self.model.codec.device, self.separator(hypotheses), self.batch.items
        clock = time.process_time if device.type == "cpu" else time.perf_counter
        candidates, seconds, best, below = dict[int, Candidates](), 0.0, list[Tensor](), list[Tensor]()
        mixtures = torch.from_numpy(self.batch.mixtures).to(device).split(1)
        if device.type == "cuda":
            separator.hypotheses(mixtures[0], items[:1])
        for item, mixture in zip(items, mixtures, strict=True):
            began = clock()
            decoded = separator.hypotheses(mixture, [item])
            wait_for(device)
            seconds += clock() - began
            kept = min(hypotheses, self.job.decoder.kept)
            [candidates[item]] = kept_candidates(separator, decoded, mixture, [item], kept=kept)
            scores = decoded.scores[0].cpu()
            best.append(decoded.codes[0, int(scores.argmax())].T.cpu())
            below.append(scores.amax() - scores.mean())
        return Searched(candidates, torch.stack(best), torch.stack(below), seconds / len(items))

    def sdr_of(self, candidates: Mapping[int, Candidates]) -> float:
        """What the method makes of candidates."""
        job, residual = self.run.dataset.latent_job(self.name), self.run.measured("residual")
        method = latent_method(job, codec=self.model.codec, candidates=candidates, residual=residual)
        return sdr(torch.from_numpy(method.separate(self.batch)), torch.from_numpy(self.batch.sources))

    def ceiling(self, codes: Tensor) -> float:
        """What it makes of the true codes [M, N, S]."""
        one, device = torch.zeros(1), self.model.codec.device
        true = {
            item: Candidates(
                own[None].to(device), one.double().to(device), one.to(device), 0, one.long().to(device)
            )
            for item, own in zip(self.batch.items, codes, strict=True)
        }
        return self.sdr_of(true)


def widened(job: DecodingJob, hypotheses: int) -> DecodingJob:
    """`job` with so many hypotheses and one offset; ValueError where its islands cannot share them out."""
    decoder: Any = job.decoder
    values = {"hypotheses": hypotheses, "kept": min(decoder.kept, hypotheses)}
    values |= {"offsets": 1} if decoder.offsets > 1 else {}
    return job.model_copy(update={"decoder": type(decoder)(**(decoder.model_dump() | values))})


def open_method(run: Run, name: str, *, mixtures: int, device: torch.device) -> Method:
    """A method and so many mixtures from all over the list."""
    settings = run.dataset.separation
    job = run.dataset.decoding_job(settings.methods[name].decoder, seed=run.settings.seed)
    priors = [str(path) for path in run.priors]
    model = model_of(job, codec=run.codec(device), likelihood=str(run.likelihood), priors=priors)
    return Method(run, name, job, model, run.mixtures(mixtures))


def posterior_of(method: Method, problem: Problem) -> Posterior:
    """The posterior of a method's decoder, on the CPU."""
    weight, run, job = method.job.decoder.likelihood_weight, method.run, method.job
    if job.decoder.likelihood != "network":
        return Posterior(problem, weight, None)
    likelihood = open_likelihood(method.files, model=Model(run.codec(), {}), job=job)
    assert isinstance(likelihood, ByNetwork)
    return Posterior(problem, weight, hear(likelihood.network, torch.from_numpy(method.batch.mixtures)))


def method_rows(method: Method, problem: Problem, *, hypotheses: Sequence[int]) -> Iterator[dict[str, Any]]:
    """A row for every number of hypotheses."""
    posterior = posterior_of(method, problem)
    codec, sources = method.run.codec(), torch.from_numpy(method.batch.sources)
    truth = torch.stack([codec.encode(item) for item in sources])  # [M, N, S]
    possible, counted = posterior.allowed(truth)
    true_score, ceiling = posterior.of(possible), method.ceiling(truth)
    for number in hypotheses:
        searched = method.searched(number)
        best = posterior.of(searched.best) - true_score  # [M]
        yield {
            "method": method.name,
            "hypotheses": number,
            "mixtures": len(truth),
            "seconds": searched.seconds,
            "best": float(best.mean()) / truth.shape[2],
            "mean": float((best - searched.below).mean()) / truth.shape[2],
            "counted": counted,
            "codes_right": float((searched.best == truth).float().mean()),
            "sdr": method.sdr_of(searched.candidates),
            "ceiling": ceiling,
        }


def check(run: Run, methods: Sequence[str], hypotheses: Sequence[int]) -> None:
    """ValueError, saying which, where a method does not draw by priors of full weight and one likelihood."""
    known = run.dataset.separation.methods
    for name in methods:
        if name not in known:
            raise ValueError(f"the configuration has no method {name!r}, but {', '.join(sorted(known))}")
        decoder = run.dataset.separation.decoder_of(name)
        drawn = decoder.kind in ("ancestral", "particle")
        if not drawn or decoder.prior_weight != 1 or decoder.network_weight or decoder.likelihood == "frames":
            raise ValueError(
                f"the decoder of {name} does not draw from the product of its priors and one likelihood, of "
                "counts or by a network: name another"
            )
        job = run.dataset.decoding_job(known[name].decoder, seed=0)
        for number in hypotheses:
            widened(job, number)


def draw_rows(rows: Sequence[Mapping[str, Any]]) -> Any:
    """SDR against seconds per mixture, a line for every method; dotted: of the true codes."""
    figure = new_figure(6.4, 3.6)
    axes = figure.subplots()
    for index, method in enumerate(dict.fromkeys(row["method"] for row in rows)):
        own, colour = [row for row in rows if row["method"] == method], COLOURS[index + 1]
        seconds, ratios = [row["seconds"] for row in own], [row["sdr"] for row in own]
        axes.plot(seconds, ratios, marker="o", color=colour, label=method)
        axes.axhline(own[0]["ceiling"], color=colour, linestyle=":", label=f"{method}, true codes")
        for row in own:
            place = (row["seconds"], row["sdr"])
            axes.annotate(f"W = {row['hypotheses']}", place, (4, -12), textcoords="offset points", fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel("seconds per mixture, from the mixture to the hypotheses")
    axes.set_ylabel("SDR, dB")
    axes.legend(frameon=False)
    return figure


def main() -> None:
    """Print a table, write search.csv and search.png, anew after every row."""
    parser = oracle_parser(__doc__)
    parser.add_argument("--methods", nargs="+", default=["particles", "learned"])
    parser.add_argument("--hypotheses", type=int, nargs="+", default=[16, 64, 256], help="W")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    arguments = parser.parse_args()
    run = asked_run(parser, arguments)
    try:
        device = choose_device(arguments.device)
        check(run, arguments.methods, arguments.hypotheses)
    except ValueError as error:
        parser.error(str(error))
    machine = hardware() | {"precision": run.codec().precision, "device": name_of(device)}
    rows = list[dict[str, Any]]()
    print(described(machine))
    print("method           W  seconds    best    mean  right    SDR ceiling")
    problem = open_problem(run, mixtures=arguments.mixtures)
    for name in arguments.methods:
        method = open_method(run, name, mixtures=arguments.mixtures, device=device)
        for row in method_rows(method, problem, hypotheses=arguments.hypotheses):
            log_posteriors = f"{row['best']:7.3f} {row['mean']:7.3f}"
            print(
                f"{name:12} {row['hypotheses']:5} {row['seconds']:8.1f} {log_posteriors} "
                f"{row['codes_right']:6.0%} {row['sdr']:6.2f} {row['ceiling']:7.2f}",
                flush=True,
            )
            rows.append(row | machine)
            write_rows(arguments.out / "search.csv", rows)
            write_figure(draw_rows(rows), path=arguments.out / "search.png")


if __name__ == "__main__":
    main()
