"""What stands between the beam search of the paper and perfect separation: each part replaced by its oracle.

Reads a finished run of music, as `benchmarks.separation` does. Every row is the mean whole-chunk SDR of
mixtures from all over a split after decoding alone, and after what the codec loses is shared out
(`consistency: residual`):

    beam          as in the paper: what is to be explained
    particles     a particle filter in its place
    coverage      beam search in a table to which the true tuple of every position is added
    search        the true codes where their log posterior is higher than that of what beam search found
    true past     every position decoded from the true codes before it: no error follows from another
    true codes    neither likelihood nor prior nor search can do better: what is left is the codec's
"""

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.counting import described, hardware, write_rows
from benchmarks.problems import Problem, Run, asked_run, open_problem, oracle_parser
from benchmarks.separation import uniforms
from lass.likelihood.residual import read_residual
from lass.models.codec import CodecAt
from lass.separation.decoding.decoders import Decoder, open_decoder
from lass.separation.decoding.factored import dense_slices
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.support import CountedPositions, FramePositions, Positions
from lass.separation.estimation.consistency import share_residual
from lass.separation.settings import DecoderSettings

DECODERS = ("beam", "particles")
UNSEEN = -12.0  # log p(m | z) of a true tuple that was never counted, where it is added


@dataclass(frozen=True)
class Truth:
    """The sources of the mixtures and what turns codes into estimates of them."""

    sources: Tensor  # [M, N, T]
    weights: Tensor  # [N]
    variance: Tensor  # [N, K, D]
    codec: CodecAt
    codes: Tensor  # [M, N, S]: E(x_n)

    @property
    def mixtures(self) -> Tensor:
        """y [M, T]."""
        return (self.weights[:, None] * self.sources).sum(dim=1)

    def scores(self, codes: Tensor) -> tuple[float, float]:
        """Mean SDR in dB of codes [M, N, S] after decoding, and after what the codec loses is shared out."""
        with torch.inference_mode():
            decoded = self.codec.decode(codes.flatten(0, 1)).unflatten(0, codes.shape[:2])
        variance = self.variance[torch.arange(codes.shape[1])[:, None], codes]  # [M, N, S, D]
        shared = share_residual(decoded, self.mixtures, weights=self.weights, variance=variance)
        return sdr(decoded, self.sources), sdr(shared, self.sources)


def sdr(estimates: Tensor, sources: Tensor) -> float:
    """Mean whole-chunk signal-to-distortion ratio in dB."""
    ratio = sources.square().sum(dim=-1) / (sources - estimates).square().sum(dim=-1)
    return float(10 * ratio.log10().mean())


def log_likelihoods(problem: Problem, codes: Tensor) -> Tensor:
    """`log p(m_s | z_s)` [M, S] of codes [M, N, S]; UNSEEN where the tuple was never counted."""
    found = torch.full(problem.mixture.shape, UNSEEN)
    for item, mixture in enumerate(problem.mixture):
        for position, code in enumerate(mixture.tolist()):
            tuples, values = problem.likelihood.slice_of(code)
            same = (tuples == codes[item, :, position]).all(dim=1)
            if same.any():
                found[item, position] = values[same][0]
    return found


def log_priors(problem: Problem, codes: Tensor) -> list[Tensor]:
    """`log p_n(z_s | z_<s)` [M, S, K] of every source n along codes [M, N, S]."""
    tables = []
    for source, prior in enumerate(problem.priors):
        with torch.inference_mode():
            logits = prior.network(codes[:, source], torch.full((len(codes),), prior.class_index))
        tables.append(logits.float().log_softmax(dim=-1))
    return tables


def log_posterior(problem: Problem, codes: Tensor, *, weight: float) -> Tensor:
    """Log posterior [M] of codes [M, N, S], up to a constant."""
    priors = [
        table.gather(2, codes[:, source, :, None])[..., 0].sum(dim=1)
        for source, table in enumerate(log_priors(problem, codes))
    ]
    return torch.stack(priors).sum(dim=0) + weight * log_likelihoods(problem, codes).sum(dim=1)


def named_decoders(parser: ArgumentParser, run: Run) -> dict[str, DecoderSettings]:
    """The decoders of DECODERS; `parser` ends the program where the configuration lacks one."""
    decoders = run.dataset.separation.decoders
    if any(name not in decoders for name in DECODERS):
        parser.error(f"the configuration needs the decoders {', '.join(DECODERS)}")
    return {name: decoders[name] for name in DECODERS}


def decode(problem: Problem, settings: DecoderSettings, *, truth: Tensor | None = None) -> Tensor:
    """The most probable hypothesis [M, N, S] found; with `truth` [M, N, S] those tuples are possible, too."""
    items, decoder = range(len(problem.mixture)), open_decoder(settings)
    if truth is None:
        counted = CountedPositions(problem.likelihood, problem.mixture)
        return best_hypotheses(problem, items, decoder, counted)
    found, size = [], problem.likelihood.codebook_size
    for item in items:  # one at a time: bounds the memory
        mixture = problem.mixture[item]
        every_pair = dense_slices(problem.likelihood.slices(mixture), size)  # [S, K, K]
        positions = torch.arange(len(mixture))
        known = every_pair[positions, *truth[item]]
        every_pair[positions, *truth[item]] = torch.where(torch.isfinite(known), known, UNSEEN)
        found.append(best_hypotheses(problem, [item], decoder, FramePositions(every_pair[None])))
    return torch.cat(found)


def best_hypotheses(
    problem: Problem, items: Sequence[int], decoder: Decoder, likelihood: Positions
) -> Tensor:
    """The most probable hypothesis [B, N, S] of the mixtures `items`, whose likelihood is given."""
    decoded = decode_sequences(
        likelihood,
        priors=problem.priors,
        decoder=decoder,
        uniforms=uniforms(decoder.draws, likelihood.length, items),
    )
    best = decoded.scores.argmax(dim=1)
    return decoded.codes[torch.arange(len(best)), best].transpose(1, 2)


def from_true_past(problem: Problem, codes: Tensor, *, weight: float) -> Tensor:
    """The best tuple [M, N, S] of every position given the true codes [M, N, S] before it."""
    first, second = log_priors(problem, codes)
    found = torch.empty_like(codes)
    for item, mixture in enumerate(problem.mixture):
        for position, code in enumerate(mixture.tolist()):
            tuples, values = problem.likelihood.slice_of(code)
            scores = weight * values + first[item, position, tuples[:, 0]]
            scores = scores + second[item, position, tuples[:, 1]]
            found[item, :, position] = tuples[scores.argmax()]
    return found


def open_truth(run: Run, *, mixtures: int) -> Truth:
    """The sources of mixtures from all over the list, their codes, and what the codec loses of them."""
    codec, dataset = run.codec(), run.dataset
    sources = torch.from_numpy(run.mixtures(mixtures).sources)
    sums = read_residual(run.measured("residual"), classes=dataset.classes, codebook=codec.identity)
    return Truth(
        sources,
        torch.tensor(dataset.weights),
        sums.variance(strength=dataset.strength or 0.0),
        codec,
        torch.stack([codec.encode(item) for item in sources]),
    )


def main() -> None:
    """Print a table and write attribution.csv."""
    parser = oracle_parser(__doc__)
    arguments = parser.parse_args()
    run = asked_run(parser, arguments)
    if run.dataset.sources != 2:
        parser.error("the oracles are for two sources")
    decoders = named_decoders(parser, run)
    beam = decoders["beam"]
    problem = open_problem(run, mixtures=arguments.mixtures)
    truth = open_truth(run, mixtures=arguments.mixtures)
    codes = truth.codes
    weight = beam.likelihood_weight
    found = decode(problem, beam)
    better = log_posterior(problem, codes, weight=weight) > log_posterior(problem, found, weight=weight)
    estimates = {
        "beam": found,
        "particles": decode(problem, decoders["particles"]),
        "coverage": decode(problem, beam, truth=codes),
        "search": torch.where(better[:, None, None], codes, found),
        "true past": from_true_past(problem, codes, weight=weight),
        "true codes": codes,
    }
    rows = []
    machine = hardware() | {"precision": truth.codec.precision}
    print(described(machine))
    print(f"{'oracle':12} {'decoded':>8} {'shared':>8}  dB, {len(codes)} mixtures")
    for name, chosen in estimates.items():
        decoded, shared = truth.scores(chosen)
        right = np.mean((chosen == codes).numpy())
        row = {"oracle": name, "sdr_decoded": decoded, "sdr_shared": shared, "codes_right": right}
        rows.append(row | machine)
        print(f"{name:12} {decoded:8.2f} {shared:8.2f}  {right:.0%} of the codes", flush=True)
    share = float(better.float().mean())
    print(f"the truth has the higher log posterior in {share:.0%} of the mixtures (lambda = {weight:g})")
    write_rows(arguments.out / "attribution.csv", rows)


if __name__ == "__main__":
    main()
