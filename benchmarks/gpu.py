"""The engine on a GPU: against the published algorithm there, and at the paper's size against the memory.

`music` rows need a finished run, as in `benchmarks.separation`, and are left out without one. `paper's size`
rows have random weights: two priors of 48 layers, width 1024 and one head, K = 2048, 1,024 tokens, 10 beams.
What they cannot go below is reading the weights once per token and batch, and the common past of every
mixture once per token: `times_bound` is the measured time over that many bytes at the bandwidth of a copy,
measured in the same run.
"""

from collections.abc import Sequence

import torch

from benchmarks.counting import described, hardware, write_rows
from benchmarks.memory import bandwidth
from benchmarks.problems import RandomSizes, needed_files, run_parser
from benchmarks.separation import (
    HEAD,
    Case,
    in_native_precisions,
    measure_apart,
    plain_case,
    print_row,
    row_of,
)
from lass.models.transformer import Transformer
from lass.separation.decoding.decoders import open_decoder
from lass.separation.settings import Beam, Particle

PAPER = RandomSizes(codes=2048, entries=8192, length=1024, layers=48, width=1024, heads=1)
PARTICLES = Particle(kind="particle", hypotheses=64, kept=1, likelihood_weight=2.0, resampling=0.5)
BYTES = {"float32": 4, "bfloat16": 2}


def music_cases(device: str, dataset: str, *, music: int, plain: int) -> list[Case]:
    """The published algorithm, the engine that is compared with it, and its particle filter."""
    beam = Beam(kind="beam", hypotheses=10, kept=1, likelihood_weight=8.0)
    engine = Case("music, beam search, W = 10", beam, music, music, dataset=dataset, device=device)
    return [
        plain_case(engine, mixtures=plain),
        *in_native_precisions(engine),
        Case("music, particle filter, W = 64", PARTICLES, 16, 16, dataset=dataset, device=device),
    ]


def paper_cases(device: str, sizes: RandomSizes, *, batches: Sequence[int]) -> list[Case]:
    """Random priors of the paper's size, in batches of several sizes."""
    beam = Beam(kind="beam", hypotheses=10, kept=1, likelihood_weight=3.0)
    return [
        Case("paper's size", beam, batch, batch, precision="bfloat16", device=device, sizes=sizes)
        for batch in batches
    ]


def bytes_read(case: Case) -> float:
    """Bytes per mixture that decoding cannot do without: weights, and the common past of its hypotheses."""
    sizes, size = case.sizes, BYTES[case.precision]
    with torch.device("meta"):
        network = Transformer(sizes.prior)
    weights = sum(parameter.numel() for parameter in network.parameters()) * sizes.length / case.batch
    head_width = sizes.width // sizes.heads
    past = 2 * sizes.layers * head_width * sizes.length * (sizes.length - 1) / 2  # keys and values
    return sizes.sources * (weights + past) * size


def main() -> None:
    """Measure, print a table, write gpu.csv."""
    parser = run_parser(__doc__, mixtures=64)
    parser.add_argument("--plain", type=int, default=4, help="of them for the published algorithm")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16], help="of the paper's size")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("no CUDA device is there; python -m benchmarks.separation measures on a CPU")
    speed = bandwidth("cuda")
    machine = hardware() | {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    machine |= {"gigabytes_per_second": round(speed / 1e9)}
    print(described(machine))
    print(HEAD)
    cases = paper_cases("cuda", PAPER, batches=arguments.batches)
    missing = [path for path in needed_files(arguments.results, arguments.dataset) if not path.exists()]
    if missing:
        print(f"music: left out, {missing[0]} is not there")
    else:
        cases = (
            music_cases("cuda", arguments.dataset, music=arguments.mixtures, plain=arguments.plain) + cases
        )
    rows, reference = [], None
    for case in cases:
        result = measure_apart(case, arguments.results, arguments.config)
        if case.version == "plain":
            reference = result
        compared = case.dataset != "random" and open_decoder(case.decoder).draws == 0
        row = row_of(case, result, reference if compared else None)
        if case.dataset == "random":
            row["times_bound"] = round(result.seconds / case.mixtures * speed / bytes_read(case), 2)
            print(f"{row['times_bound']} times the bound of the memory:")
        print_row(row)
        rows.append({"times_bound": None} | row | machine)
    write_rows(arguments.out / "gpu.csv", rows)


if __name__ == "__main__":
    main()
