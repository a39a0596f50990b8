"""What a longer search finds: log posterior against that of the truth, SDR, and processor time.

Reads a finished run of music, as `benchmarks.attribution` does. Each of the methods separates the same
mixtures with more and more hypotheses, as many islands as configured. Log posteriors are of whole sequences
at the decoder's own lambda, less that of the true codes, in nats per position of all sources:

    best    of the most probable candidate. Below 0 it is the search that missed something
    mean    over the candidates, which are draws: were the posterior right about the truth and the search
            exact, it would be 0 on average. Above 0 the posterior trusts in codes that are wrong

Seconds are of the processor, or of the clock where a GPU searches. Writes search.csv, and search.png: SDR
against time.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.attribution import log_likelihoods, log_priors, sdr
from benchmarks.counting import described, hardware, write_rows
from benchmarks.problems import CPU, Problem, Run, open_problem, open_run, oracle_parser
from lass.compute.devices import choose_device, name_of
from lass.compute.timing import wait_for
from lass.evaluation.figures.drawing import COLOURS, new_figure, write_figure
from lass.evaluation.separations import spread_items
from lass.methods.candidates import candidates_of, model_of, open_likelihood
from lass.methods.latent import latent_method
from lass.methods.settings import DecodingJob
from lass.models.parts import Model
from lass.separation.estimation.candidates import Candidates
from lass.separation.likelihoods import ByNetwork, hear

MEMORY = 8 * 2**30  # bytes, as of the rule `draw_candidates`


@dataclass(frozen=True)
class Searched:
    """What one method with so many hypotheses found of M mixtures."""

    candidates: dict[int, Candidates]  # of every mixture, by its number
    seconds: float  # per mixture, from the mixture to the candidates

    @property
    def best(self) -> Tensor:
        """The codes of the highest log posterior [M, N, S], on the CPU."""
        kept = self.candidates.values()
        return torch.stack([one.codes[int(one.log_posterior.argmax())].cpu() for one in kept])

    @property
    def below_best(self) -> Tensor:
        """By how much the mean log posterior of the candidates is below the highest [M]."""
        kept = [one.log_posterior.cpu() for one in self.candidates.values()]
        return torch.stack([values.amax() - values.mean() for values in kept])


def widened(job: DecodingJob, hypotheses: int) -> DecodingJob:
    """`job` with so many hypotheses; no more candidates are kept than there are."""
    decoder: Any = job.decoder
    values = {"hypotheses": hypotheses, "kept": min(decoder.kept, hypotheses)}
    values = type(decoder)(**(decoder.model_dump() | values))  # checked
    return job.model_copy(update={"decoder": values})


def searched(run: Run, job: DecodingJob, model: Model, *, mixtures: int) -> Searched:
    """Search so many mixtures, one at a time."""
    opened = run.opened()
    rows = spread_items(len(opened), mixtures)
    files = {name: run.measured(name) for name in job.decoder.measured}
    clock = time.process_time if model.codec.device.type == "cpu" else time.perf_counter
    began = clock()
    found = candidates_of(
        opened,
        rows,
        model=model,
        job=job.model_copy(update={"batch": 1}),
        memory=lambda: MEMORY,
        measured=files,
    )
    candidates = dict(found)
    wait_for(model.codec.device)
    seconds = (clock() - began) / len(rows)
    return Searched({row: candidates[row] for row in rows}, seconds)


def log_posterior_of(
    run: Run, job: DecodingJob, model: Model, problem: Problem, mixtures: Tensor
) -> Callable[[Tensor], Tensor]:
    """The log posterior [M] of codes [M, N, S] under the decoder of `job`, up to a constant per mixture."""
    weight = job.decoder.likelihood_weight
    files = {name: run.measured(name) for name in job.decoder.measured}
    likelihood = open_likelihood(files, model=model, job=job)
    heard = hear(likelihood.network, mixtures) if isinstance(likelihood, ByNetwork) else None

    def of(codes: Tensor) -> Tensor:
        tables = log_priors(problem, codes)  # N of [M, S, K]
        if heard is not None:
            tables = [table + weight * heard[:, n] for n, table in enumerate(tables)]
        own = [table.gather(2, codes[:, n, :, None])[..., 0] for n, table in enumerate(tables)]
        total = torch.stack(own).double().sum(dim=(0, 2))
        return total if heard is not None else total + weight * log_likelihoods(problem, codes).sum(dim=1)

    return of


def opened_model(run: Run, job: DecodingJob, *, device: torch.device) -> Model:
    """The codec, priors and table of a run on `device`."""
    priors = [str(path) for path in run.priors]
    return model_of(job, codec=run.codec(device), likelihood=str(run.likelihood), priors=priors)


def method_rows(
    run: Run, method: str, *, hypotheses: Sequence[int], mixtures: int, device: torch.device
) -> Iterator[dict[str, Any]]:
    """A row for every number of hypotheses, searched on `device`.

    `ceiling` is what the true codes decode to, in dB.
    """
    name = run.dataset.separation.methods[method].decoder
    job = run.dataset.decoding_job(name, seed=run.settings.seed)
    model = opened_model(run, job, device=CPU)
    searching = model if device.type == "cpu" else opened_model(run, job, device=device)
    batch, problem = run.mixtures(mixtures), open_problem(run, mixtures=mixtures)
    sources, data = torch.from_numpy(batch.sources), torch.from_numpy(batch.mixtures)
    truth = torch.stack([model.codec.encode(item) for item in sources])  # [M, N, S]
    score = log_posterior_of(run, job, model, problem, data)
    for number in hypotheses:
        found = searched(run, widened(job, number), searching, mixtures=mixtures)
        best = score(found.best) - score(truth)  # [M]
        estimates = latent_method(
            run.dataset.latent_job(method),
            codec=searching.codec,
            candidates=found.candidates,
            residual=run.measured("residual"),
        ).separate(batch)
        yield {
            "method": method,
            "hypotheses": number,
            "seconds": found.seconds,
            "best": float(best.mean()) / truth.shape[2],
            "mean": float((best - found.below_best).mean()) / truth.shape[2],
            "codes_right": float((found.best == truth).float().mean()),
            "sdr": sdr(torch.from_numpy(estimates), sources),
            "ceiling": sdr(torch.stack([model.codec.decode(codes) for codes in truth]), sources),
        }


def check(run: Run, methods: Sequence[str]) -> None:
    """ValueError, saying which, where a method does not draw candidates by priors of full weight."""
    known, decoders = run.dataset.separation.methods, run.dataset.separation.decoders
    for name in methods:
        if name not in known:
            raise ValueError(f"the configuration has no method {name!r}, but {', '.join(sorted(known))}")
        decoder = decoders[known[name].decoder]
        if decoder.kind == "greedy" or decoder.prior_weight != 1 or decoder.network_weight:
            raise ValueError(
                f"{name} goes by the decoder {known[name].decoder}, which has one hypothesis, or a posterior "
                "of more than priors and one likelihood: name another"
            )


def draw_rows(rows: Sequence[dict[str, Any]], *, ceiling: float) -> Any:
    """SDR against seconds per mixture, a line for every method."""
    figure = new_figure(6.4, 3.6)
    axes = figure.subplots()
    for index, method in enumerate(dict.fromkeys(row["method"] for row in rows)):
        own = [row for row in rows if row["method"] == method]
        seconds, ratios = [row["seconds"] for row in own], [row["sdr"] for row in own]
        axes.plot(seconds, ratios, marker="o", color=COLOURS[index + 1], label=method)
        for row in own:
            place = (row["seconds"], row["sdr"])
            axes.annotate(f"W = {row['hypotheses']}", place, (4, -12), textcoords="offset points", fontsize=8)
    axes.axhline(ceiling, color=COLOURS[0], linestyle=":", label="true codes, decoded")
    axes.set_xscale("log")
    axes.set_xlabel("seconds per mixture, from the mixture to the candidates")
    axes.set_ylabel("SDR, dB")
    axes.legend(frameon=False)
    return figure


def main() -> None:
    """Print a table, write search.csv and search.png."""
    parser = oracle_parser(__doc__)
    parser.add_argument("--methods", nargs="+", default=["particles", "learned"])
    parser.add_argument("--hypotheses", type=int, nargs="+", default=[16, 64, 256], help="W")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    arguments = parser.parse_args()
    given = {"results": arguments.results, "config": arguments.config, "split": arguments.split}
    run = open_run(arguments.dataset, **given)
    try:
        device = choose_device(arguments.device)
        check(run, arguments.methods)
    except ValueError as error:
        parser.error(str(error))
    machine, rows = hardware() | {"precision": run.codec().precision}, list[dict[str, object]]()
    machine |= {"device": name_of(device)}
    print(described(machine))
    print(f"{'method':12} {'W':>5} {'seconds':>8} {'best':>7} {'mean':>7} {'right':>6} {'SDR':>6}")
    ceiling = 0.0
    for method in arguments.methods:
        asked = {"hypotheses": arguments.hypotheses, "mixtures": arguments.mixtures}
        for row in method_rows(run, method, **asked, device=device):
            ceiling = float(row.pop("ceiling"))
            print(
                f"{method:12} {row['hypotheses']:5} {row['seconds']:8.1f} {row['best']:7.3f} "
                f"{row['mean']:7.3f} {row['codes_right']:6.0%} {row['sdr']:6.2f}",
                flush=True,
            )
            rows.append(row | machine)
    print(f"true codes, decoded: {ceiling:.2f} dB")
    write_rows(arguments.out / "search.csv", rows)
    write_figure(draw_rows(rows, ceiling=ceiling), path=arguments.out / "search.png")


if __name__ == "__main__":
    main()
