"""How many mixtures fit into a given memory: decoding is split where they do not all fit at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lass.separation.decoding.decoders import Decoder
from lass.separation.decoding.factored import AT_ONCE
from lass.separation.decoding.independent import NUMBERS
from lass.separation.decoding.prior import Prior
from lass.separation.decoding.weighted import FrequencyPrior

FLOAT, LONG = 4, 8  # bytes
TABLES = 16  # numbers held per code, source and hypothesis while one position is decoded
SCORES = 8  # numbers held per tuple and hypothesis of the one mixture whose slice is looked at
PADDING = 16  # sequences that a prior may carry beside those that there are
EXACT = 48  # bytes per pair that is drawn exactly
RECORDED = 128 * 2**20  # bytes that recordings of the priors' steps hold on a GPU
DENSE = 4  # numbers held per pair of codes of a mixture


@dataclass(frozen=True)
class Sizes:
    """What a likelihood holds while it is searched."""

    codes: int  # K
    together: int  # sources that are searched together: all of them, or one after the other
    longest: int  # tuples that a position allows, at most
    every_pair: bool = False  # whether there is a number for every pair of codes at every position
    heard: int = 0  # sources of whose every code a network says a number at every position
    weighed: int = 0  # numbers of a table, which a GPU holds multiplied by lambda


def mixtures_at_once(
    memory: int,
    *,
    priors: Sequence[Prior],
    sizes: Sizes,
    decoder: Decoder,
    length: int,
    on_gpu: bool = False,
) -> int:
    """How many mixtures of `length` tokens may be decoded together within `memory` bytes.

    The bound is on what decoding allocates beyond priors and likelihood, and is never exceeded; it counts
    every hypothesis as if it shared nothing with others. Raises ValueError where not even one mixture fits.
    """
    width, codes, sources, longest = decoder.hypotheses, sizes.codes, sizes.together, sizes.longest
    independent = sources == 1 and any(isinstance(prior, FrequencyPrior) for prior in priors)
    once = SCORES * FLOAT * width * longest
    held = [prior.bytes_per_sequence(length) for prior in priors]
    sequences = max(held) if sources == 1 else sum(held)  # of one hypothesis
    heard = 2 * FLOAT * length * codes * sizes.heard
    numbers = TABLES * FLOAT * codes * sources + LONG * length * (2 * sources + 2)
    slices = longest * (LONG * (2 * sources + 2) + 2 * FLOAT)
    dense = 0 if sources != 2 else DENSE * FLOAT * codes**2
    every_pair = 4 * FLOAT * length * codes**2 if sizes.every_pair else 0
    each = width * (sequences + numbers) + slices + dense + every_pair + heard
    spare = sum(prior.bytes_per_sequence(length) for prior in dict.fromkeys(priors)) * PADDING
    exact = EXACT * AT_ONCE if sources == 2 and decoder.draws > 0 else 0  # what float32 would lose
    weighed = FLOAT * sizes.weighed + RECORDED if on_gpu else 0
    held_at_once = min(NUMBERS, length * codes)
    drawn = (4 * LONG * held_at_once + 2 * FLOAT * length * codes) if independent else 0
    fixed = once + spare + exact + weighed + drawn
    if memory < fixed + each:
        raise ValueError(
            f"one mixture needs {-(-(fixed + each) // 2**20)} MiB for {width} hypotheses of {length} tokens, "
            f"but {memory // 2**20} MiB are allowed: allow more (in the workflow, mem_mb of the rule), or "
            "decode with fewer hypotheses"
        )
    return int((memory - fixed) // each)


@dataclass(frozen=True)
class Plan:
    """How decoding stays within a memory."""

    passes: int  # in which the hypotheses of a mixture are decoded, one after the other
    mixtures: int  # at once


def plan_decoding(
    memory: int, *, decoder: Decoder, priors: Sequence[Prior], length: int, **problem: Any
) -> Plan:
    """As many mixtures as `memory` bytes hold; where there is no room for one, as few passes as it takes.

    All passes have equally many hypotheses: a W with many divisors is split best. The rest as of
    `mixtures_at_once`, and so is the ValueError where hypotheses hang together, or not even one fits.
    """
    first: ValueError | None = None
    for passes in range(1, decoder.hypotheses + 1):
        part = decoder.split(passes)
        if part is None:
            continue
        kept = 0 if passes == 1 else kept_by_all(decoder, sources=len(priors), length=length)
        try:
            mixtures = mixtures_at_once(memory - kept, decoder=part, priors=priors, length=length, **problem)
        except ValueError as error:
            first = first or error
            continue
        return Plan(passes, mixtures)
    assert first is not None, "every decoder has one pass"
    raise first


def kept_by_all(decoder: Decoder, *, sources: int, length: int) -> int:
    """Bytes that all hypotheses of a mixture hold from pass to pass: codes, their copies, numbers."""
    return LONG * length * (3 * sources * decoder.hypotheses + 2 * sources * decoder.draws)
