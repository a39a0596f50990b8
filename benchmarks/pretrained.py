"""Decoding with priors of the size of public ones, with random weights, against the memory's bandwidth.

`jukebox`: two priors as the paper's for music (Jukebox's small prior: 162 million numbers, 48 sparse layers,
K = 2,048), beam search with W = 10. `taming`: two priors as taming's for ImageNet (1.4 billion numbers,
K = 16,384), 512 candidates by top-k sampling; they are drawn in as many passes as the memory asks for, of
which one is timed: passes are alike.

What decoding cannot go below is reading the weights once per token and batch and what each layer reads of
the past: once per mixture where hypotheses descend from one another, once per hypothesis where they are
drawn apart. `times_bound` is the measured time over that many bytes at the bandwidth of a copy, measured in
the same run. `whole_seconds` is the time per token times the longest sequence; sequences are shorter where
`tokens` says so, or where a row is stopped at its limit of seconds. Times are after a rehearsal.
"""

import argparse
import gc
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.counting import described, hardware, write_rows
from benchmarks.memory import bandwidth, watched, watched_on_gpu
from benchmarks.randoms import random_likelihood
from lass.compute.devices import choose_device, choose_precision, memory_for, name_of
from lass.likelihood.tensor import Likelihood
from lass.models.pretrained.gpt import Gpt, GptShape
from lass.models.pretrained.jukebox_prior import JukeboxPrior, JukeboxPriorShape, JukeboxTransformer
from lass.models.pretrained.stored import without_memory
from lass.models.transformer import TransformerPrior
from lass.separation.decoding.budget import plan_decoding
from lass.separation.decoding.decoders import Decoder, open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.prior import Prior
from lass.separation.decoding.support import CountedPositions
from lass.separation.likelihoods import sizes_of
from lass.separation.settings import Beam, TopK

SOURCES, SEED = 2, 0
COUNTED = 64  # mixture codes that occur, and have a slice
REHEARSED = 4  # tokens
LOOKS = 8  # tokens between two looks at the clock, which wait for the GPU
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
COLUMNS = "{:8} {:9} {:>8} {:>10} {:>6} {:>7} {:>10} {:>9} {:>8} {:>9} {:>6} {:>9}"


@dataclass(frozen=True)
class Kind:
    """Priors of one layout, and how mixtures are decoded with them."""

    shape: JukeboxPriorShape | GptShape
    settings: Beam | TopK
    tokens: int  # decoded where nothing else is asked for
    entries: int  # tuples in a slice


KINDS = {
    "jukebox": Kind(
        JukeboxPriorShape(
            codes=2048, context=8192, block=128, layers=48, width=1024, attended=256, hidden=1024
        ),
        Beam(kind="beam", hypotheses=10, kept=1, likelihood_weight=3.0),
        tokens=512,
        entries=8192,
    ),
    "taming": Kind(
        GptShape(codes=16384, classes=1000, context=256, layers=48, width=1536, heads=24, hidden=6144),
        TopK(kind="top_k", hypotheses=512, kept=1, likelihood_weight=2.0, top_k=64),
        tokens=256,
        entries=4096,
    ),
}


@dataclass(frozen=True)
class Problem:
    """What the mixtures of a kind are decoded with."""

    kind: Kind
    networks: list[JukeboxTransformer | Gpt]  # one per source
    likelihood: Likelihood

    @property
    def priors(self) -> list[Prior]:
        """The networks as decoding asks for them."""
        return [
            TransformerPrior(each) if isinstance(each, Gpt) else JukeboxPrior(each) for each in self.networks
        ]

    @property
    def bytes_held(self) -> int:
        """By the weights of all networks."""
        return sum(each.nbytes for network in self.networks for each in network.parameters())

    @property
    def bytes_read(self) -> int:
        """By every token, of the weights: all but the rows that are looked up in a table."""
        size = self.networks[0].embed.weight.element_size()
        return size * sum(weights_read(network) for network in self.networks)


@dataclass(frozen=True)
class Load:
    """How much is decoded at once."""

    decoder: Decoder
    mixtures: int
    passes: int  # that all hypotheses of a mixture take


class Stopped(Exception):
    """There is no time left for another token."""


class StoppingPrior:
    """A prior that counts its tokens, and raises `Stopped` in place of the next one when time is over."""

    def __init__(self, prior: Prior, *, tokens: int, seconds: float, device: torch.device) -> None:
        """At most `tokens`, and none that begins later than `seconds` from now, looked at now and then."""
        self.prior, self.codebook_size, self.device = prior, prior.codebook_size, device
        self.tokens, self.until, self.done = tokens, time.perf_counter() + seconds, 0

    def start(self, batch: int, length: int, *, shared: int = 1) -> Any:
        return self.prior.start(batch, length, shared=shared)

    def bytes_per_sequence(self, length: int) -> int:
        return self.prior.bytes_per_sequence(length)

    def log_probs(self, previous: Tensor | None, state: Any) -> Tensor:
        if self.done == self.tokens or (self.done and self.done % LOOKS == 0 and self.late()):
            raise Stopped
        self.done += 1
        return self.prior.log_probs(previous, state)

    def reorder(self, state: Any, rows: Tensor) -> None:
        self.prior.reorder(state, rows)

    def late(self) -> bool:
        """Whether time is over, when the GPU has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() > self.until


def random_network(
    shape: JukeboxPriorShape | GptShape, *, device: torch.device, precision: str
) -> JukeboxTransformer | Gpt:
    """An untrained network, made where and as it is used: it never exists in another precision."""
    layout = (
        without_memory(Gpt, shape)
        if isinstance(shape, GptShape)
        else without_memory(JukeboxTransformer, shape)
    )
    network = layout.to(TYPES[precision]).to_empty(device=device).requires_grad_(requires_grad=False)
    for name, parameter in network.named_parameters():
        if parameter.dim() > 1:
            parameter.normal_(std=0.02)
        else:
            parameter.fill_(float(name.endswith("norm.weight")))
    return network


def weights_read(network: JukeboxTransformer | Gpt) -> int:
    """Numbers of a network that every token reads: all but rows that are looked up in a table."""
    if isinstance(network, Gpt):
        parts: list[nn.Module] = [network.blocks, network.norm, network.head or network.embed]
    else:
        parts = [network.layers, network.embed]
    return sum(parameter.numel() for part in parts for parameter in part.parameters())


def past_read(shape: JukeboxPriorShape | GptShape, tokens: int) -> int:
    """Numbers of the keys and values that all layers read of the past, over the first `tokens` positions."""
    if isinstance(shape, GptShape):
        return 2 * shape.layers * shape.width * tokens * (tokens - 1) // 2
    inside, column, before = (len(range(pattern, shape.layers, 3)) for pattern in range(3))
    vectors = 0
    for block, place in (divmod(position, shape.block) for position in range(tokens)):
        vectors += inside * place + column * block + before * (shape.block if block else 0)
    return 2 * shape.attended * vectors


def open_problem(kind: Kind, *, device: torch.device, precision: str) -> Problem:
    """Two priors and a table, random."""
    torch.manual_seed(SEED)
    networks = [random_network(kind.shape, device=device, precision=precision) for _ in range(SOURCES)]
    size = kind.shape.codes
    table = random_likelihood(
        np.random.default_rng(SEED),
        codes=size,
        sources=SOURCES,
        entries=kind.entries,
        counted=min(COUNTED, size),
    )
    return Problem(kind, networks, table.to(device))


def fitting_load(problem: Problem, *, mixtures: int, tokens: int, memory: int) -> Load:
    """So many mixtures, or as many as `memory` bytes hold; else a part of the hypotheses of one.

    ValueError where not even one hypothesis fits, or they hang together.
    """
    whole = open_decoder(problem.kind.settings)
    table = problem.likelihood
    plan = plan_decoding(
        memory,
        priors=problem.priors,
        sizes=sizes_of(table),
        decoder=whole,
        length=tokens,
        on_gpu=table.offsets.is_cuda,
    )
    decoder = whole.split(plan.passes)
    assert decoder is not None, "of passes that were planned"
    return Load(decoder, min(mixtures, plan.mixtures), plan.passes)


def decode(problem: Problem, load: Load, *, tokens: int, most: int, seconds: float) -> int:
    """Begin to decode random mixtures of `tokens` tokens; how many were decoded, `most` at most."""
    rng, device = np.random.default_rng(SEED), problem.likelihood.offsets.device
    counted = int((problem.likelihood.offsets.diff() > 0).sum())
    mixture = torch.from_numpy(rng.integers(counted, size=(load.mixtures, tokens)))
    numbers = torch.from_numpy(rng.random((load.mixtures, tokens, load.decoder.draws)))
    first, *others = problem.priors
    stopping = StoppingPrior(first, tokens=most, seconds=seconds, device=device)
    with suppress(Stopped):
        decode_sequences(
            CountedPositions(problem.likelihood, mixture.to(device)),
            priors=[stopping, *others],
            decoder=load.decoder,
            uniforms=numbers.to(device),
        )
    return stopping.done


def bytes_per_token(problem: Problem, load: Load, *, tokens: int) -> float:
    """Bytes that a token of all mixtures decoded at once cannot do without, over the first `tokens`."""
    size = problem.networks[0].embed.weight.element_size()
    pasts = load.mixtures * (1 if load.decoder.related else load.decoder.hypotheses)
    return problem.bytes_read + SOURCES * size * pasts * past_read(problem.kind.shape, tokens) / tokens


def measure(problem: Problem, load: Load, *, tokens: int, seconds: float, speed: float) -> dict[str, object]:
    """A row, of the memory's `speed` in bytes per second."""
    device = problem.likelihood.offsets.device
    gc.collect()
    decode(problem, load, tokens=tokens, most=min(REHEARSED, tokens), seconds=seconds)
    watch = watched_on_gpu if device.type == "cuda" else watched
    done, taken, mib = watch(lambda: decode(problem, load, tokens=tokens, most=tokens, seconds=seconds))
    needed = bytes_per_token(problem, load, tokens=done)
    per_token = taken / done
    per_mixture = load.passes * taken / load.mixtures
    return {
        "mixtures": load.mixtures,
        "hypotheses": load.passes * load.decoder.hypotheses,
        "passes": load.passes,
        "tokens": done,
        "seconds_per_mixture": round(per_mixture, 4),
        "seconds_per_token": round(per_token, 6),
        "peak_gib": round(mib / 2**10, 2),
        "weights_gib": round(problem.bytes_held / 2**30, 2),
        "gb_per_token": round(needed / 1e9, 3),
        "times_bound": round(per_token * speed / needed, 2),
        "whole_tokens": problem.kind.shape.context,
        "whole_seconds": round(per_mixture / done * problem.kind.shape.context, 2),
    }


def measure_kind(
    name: str, kind: Kind, arguments: argparse.Namespace, *, device: torch.device, speed: float
) -> list[dict[str, object]]:
    """Rows of one kind, printed as they come; batches that do not fit are decoded in smaller ones."""
    began = time.perf_counter()
    problem = open_problem(kind, device=device, precision=arguments.precision)
    tokens = min(arguments.tokens or kind.tokens, kind.shape.context)
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    print(f"{name}: made in {time.perf_counter() - began:.1f} s")
    memory = memory_for(device, arguments.mem_mb)
    loads = [
        fitting_load(problem, mixtures=batch, tokens=tokens, memory=memory) for batch in arguments.batches
    ]
    rows = []
    for load in dict.fromkeys(loads):
        row = {"kind": name, "layers": kind.shape.layers, "precision": arguments.precision}
        row |= measure(problem, load, tokens=tokens, seconds=arguments.seconds_limit, speed=speed)
        print(described_row(row), flush=True)
        rows.append(row)
    return rows


def described_row(row: dict[str, object]) -> str:
    """A line of the printed table."""
    hypotheses = f"{row['hypotheses']} in {row['passes']}"
    names = ["mixtures", "tokens", "seconds_per_mixture", "seconds_per_token", "peak_gib", "gb_per_token"]
    first, *others = (row[name] for name in [*names, "times_bound", "whole_seconds"])
    return COLUMNS.format(row["kind"], row["precision"], first, hypotheses, row["layers"], *others)


def read_arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The command's arguments, checked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", choices=sorted(KINDS), default=sorted(KINDS))
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--precision", choices=sorted(TYPES), help="by default what the device multiplies")
    parser.add_argument("--tokens", type=int, help="positions; by default 512 of jukebox, 256 of taming")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16], help="mixtures at once")
    parser.add_argument("--layers", type=int, help="of the networks, where all are too many")
    parser.add_argument("--seconds-limit", type=float, default=600.0, help="after which a row is stopped")
    parser.add_argument("--mem-mb", type=int, default=16_000, help="of the process, on a CPU")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args(given)
    if min(*arguments.batches, arguments.tokens or 1, arguments.layers or 1) < 1:
        parser.error("--batches, --tokens and --layers must be at least 1")
    return arguments


def main(given: Sequence[str] | None = None) -> None:
    """Measure, print a table, write pretrained.csv."""
    arguments = read_arguments(given)
    device = choose_device(arguments.device)
    arguments.precision = arguments.precision or choose_precision("auto", device)
    speed = bandwidth(device.type)
    machine = hardware() | {"device": name_of(device), "torch": torch.__version__}
    machine |= {"threads": torch.get_num_threads(), "gigabytes_per_second": round(speed / 1e9, 1)}
    print(described(machine))
    titles = ("kind", "precision", "mixtures", "hypotheses", "layers", "tokens")
    print(COLUMNS.format(*titles, "s/mixture", "s/token", "GiB", "GB/token", "bound", "whole s"))
    rows = []
    for name in arguments.kinds:
        kind = KINDS[name]
        if arguments.layers:
            kind = replace(kind, shape=replace(kind.shape, layers=arguments.layers))
        rows += measure_kind(name, kind, arguments, device=device, speed=speed)
    write_rows(arguments.out / "pretrained.csv", [row | machine for row in rows])


if __name__ == "__main__":
    main()
