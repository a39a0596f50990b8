"""What is known of the true codes of a position: by priors, counts and network, alone and together.

Reads a finished run of music, as `benchmarks.attribution` does. For positions spread over the mixtures it
normalises the posterior over all K² pairs, and prints the mean log-probability of the true pair, in nats, and
how often the most probable pair is the true one: with unigram priors (how frequent a code is), where the
likelihood has to know everything, and with the priors given the true past, as decoding would have them that
has made no error. A pair that was never counted has `UNSEEN` in place of its log-likelihood.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.attribution import UNSEEN, log_priors, open_truth
from benchmarks.counting import described, hardware, write_rows
from benchmarks.problems import Problem, Run, asked_run, open_problem, oracle_parser
from lass.likelihood.tensor import Likelihood
from lass.models.likelihood_network import LikelihoodNetwork, read_network
from lass.separation.decoding.factored import dense_slices
from lass.separation.likelihoods import hear

APART = 10  # positions from one that is looked at to the next


@dataclass(frozen=True)
class Weights:
    """A likelihood: lambda of the counts and of the network; 0 leaves it out."""

    counts: float
    network: float


LIKELIHOODS = {
    "none": Weights(0.0, 0.0),
    "counts": Weights(1.0, 0.0),
    "counts, lambda 2": Weights(2.0, 0.0),
    "counts, lambda 8": Weights(8.0, 0.0),
    "network": Weights(0.0, 1.0),
    "counts and network": Weights(0.5, 1.0),
}


@dataclass(frozen=True)
class Known:
    """Of R positions: nats of the true pair, and whether it is the most probable one."""

    nats: Tensor  # [R]
    right: Tensor  # [R] bool


def pair_information(singles: Sequence[Tensor], pairs: Tensor, truth: Tensor) -> Known:
    """What a posterior says of the true pairs.

    Args:
        singles: terms of each of the two sources' codes [R, K].
        pairs: terms of both [R, K, K].
        truth: the true codes [R, 2].
    """
    joint = (singles[0][:, :, None] + singles[1][:, None] + pairs).flatten(1)
    place = truth[:, 0] * singles[0].shape[1] + truth[:, 1]
    known = joint.gather(1, place[:, None])[:, 0]
    return Known(known - joint.logsumexp(dim=1), known >= joint.amax(dim=1))


def counted_pairs(likelihood: Likelihood, mixture: Tensor) -> Tensor:
    """`log p(m | z_1, z_2)` of all pairs [R, K, K] for mixture codes [R]; UNSEEN where never counted."""
    dense = dense_slices(likelihood.slices(mixture), likelihood.codebook_size)
    return torch.where(torch.isfinite(dense), dense, UNSEEN)


def tabulate(
    problem: Problem, codes: Tensor, heard: Tensor, unigrams: Tensor
) -> dict[tuple[str, str], tuple[float, float]]:
    """(likelihood, priors) -> mean nats, and the share of positions whose most probable pair is right.

    `codes` are the true ones [M, 2, S], `heard` is the network's log-likelihood [M, 2, S, K], and `unigrams`
    are the log-probabilities of the codes [2, K].
    """
    past = log_priors(problem, codes)
    known: dict[tuple[str, str], list[Known]] = {}
    positions = torch.arange(APART // 2, codes.shape[2], APART)
    for item, mixture in enumerate(problem.mixture):
        counts = counted_pairs(problem.likelihood, mixture[positions])
        truth = codes[item][:, positions].T
        for name, weights in LIKELIHOODS.items():
            for priors in ("unigram", "true past"):
                singles = [
                    (unigrams[n] if priors == "unigram" else past[n][item, positions])
                    + weights.network * heard[item, n, positions]
                    for n in range(2)
                ]
                found = pair_information(singles, weights.counts * counts, truth)
                known.setdefault((name, priors), []).append(found)
    return {
        key: (
            float(torch.cat([one.nats for one in found]).mean()),
            float(torch.cat([one.right for one in found]).float().mean()),
        )
        for key, found in known.items()
    }


def open_network(run: Run, codebook: str) -> LikelihoodNetwork:
    """The network of a run."""
    dataset, path = run.dataset, run.measured("network")
    return read_network(path, sources=dataset.source_classes, weights=dataset.weights, codebook=codebook)


def main() -> None:
    """Print a table and write information.csv."""
    parser = oracle_parser(__doc__)
    arguments = parser.parse_args()
    run = asked_run(parser, arguments)
    if run.dataset.sources != 2:
        parser.error("this is about two sources")
    problem = open_problem(run, mixtures=arguments.mixtures)
    truth = open_truth(run, mixtures=arguments.mixtures)
    network = open_network(run, truth.codec.identity)
    heard = hear(lambda rows: network.log_likelihood(rows, truth.codec.latents(rows)), truth.mixtures)
    table = tabulate(problem, truth.codes, heard, network.log_prior)
    machine = hardware() | {"precision": truth.codec.precision}
    print(described(machine))
    print(f"{'likelihood':20} {'priors':10} {'nats':>7} {'right':>6}  {len(heard)} mixtures")
    for (name, priors), (nats, right) in table.items():
        print(f"{name:20} {priors:10} {nats:7.2f} {right:6.0%}")
    rows = [
        {"likelihood": name, "priors": priors, "nats": nats, "right": right} | machine
        for (name, priors), (nats, right) in table.items()
    ]
    write_rows(arguments.out / "information.csv", rows)


if __name__ == "__main__":
    main()
