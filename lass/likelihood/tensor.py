"""The likelihood p(m | z_1..z_N) as a sparse tensor grouped by m (step 3 of docs/method.md).

Separation sees the mixture's code m and needs log p(m | z_1..z_N) for every tuple that was counted with it:
the slice of m. A tuple outside the slice has likelihood zero and is not stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lass.likelihood.counts import SparseCounts
from lass.likelihood.keys import encode_keys, find_keys, flatten_codes, run_starts
from lass.likelihood.settings import Counted
from lass.storage import damaged, read_header, read_sizes, write_tensors

FORM = "lass.likelihood"
VERSION = 1


@dataclass(frozen=True)
class RaggedSlices:
    """The slices of B mixture codes, one after the other."""

    tuples: Tensor  # [total, N] long: z_1..z_N
    log_likelihood: Tensor  # [total] float32: log p(m | z_1..z_N)
    offsets: Tensor  # [B + 1] long: entries offsets[b] to offsets[b + 1] belong to code b

    @property
    def row(self) -> Tensor:
        """Which of the B codes an entry belongs to [total] long."""
        return torch.repeat_interleave(self.offsets.diff(), output_size=len(self.log_likelihood))

    def only(self, row: int) -> "RaggedSlices":
        """The slice of one of the B codes alone."""
        first, last = self.offsets[row : row + 2].tolist()
        return RaggedSlices(
            self.tuples[first:last],
            self.log_likelihood[first:last],
            self.offsets.new_tensor([0, last - first]),
        )


@dataclass(frozen=True)
class Likelihood:
    """log p(m | z_1..z_N) of every counted tuple, grouped by m, tuples ascending inside a group."""

    offsets: Tensor  # [K + 1] long: entries offsets[m] to offsets[m + 1] belong to mixture code m
    tuples: Tensor  # [nnz, N] uint16, or int32 where K > 65,536
    log_likelihood: Tensor  # [nnz] float32
    codebook_size: int  # K
    sources: int  # N

    def to(self, device: torch.device | str) -> "Likelihood":
        """Return the same likelihood with its tensors on `device`."""
        return Likelihood(
            offsets=self.offsets.to(device),
            tuples=self.tuples.to(device),
            log_likelihood=self.log_likelihood.to(device),
            codebook_size=self.codebook_size,
            sources=self.sources,
        )

    def slice_of(self, code: int) -> tuple[Tensor, Tensor]:
        """Return the tuples [n, N] (long) counted with mixture code `code` and their log-likelihoods [n].

        Both are empty when the code was never counted. Raises ValueError for a code outside [0, K).
        """
        slices = self.slices(torch.tensor([code], device=self.offsets.device))
        return slices.tuples, slices.log_likelihood

    def slices(self, codes: Tensor) -> RaggedSlices:
        """Return the slices of mixture codes [B] (long), on the device of the likelihood.

        Raises ValueError when `codes` is no vector of integers in [0, K).
        """
        if codes.ndim != 1 or codes.is_floating_point() or codes.dtype == torch.bool:
            raise ValueError(
                f"mixture codes are {codes.dtype} of shape {tuple(codes.shape)}; give integers [B]"
            )
        codes = codes.to(self.offsets.device, torch.long)
        outside = (codes < 0) | (codes >= self.codebook_size)
        if bool(outside.any()):
            raise ValueError(
                f"mixture code {int(codes[outside][0])} lies outside [0, {self.codebook_size}); "
                "use the tokens of this codebook"
            )
        lengths = self.offsets[codes + 1] - self.offsets[codes]  # [B]
        bounds = torch.stack([self.offsets[codes], self.offsets[codes + 1]], dim=1).tolist()
        tuples = torch.cat(
            [self.tuples[:0], *(self.tuples[first:last] for first, last in bounds)]
        )  # [total, N]
        return RaggedSlices(
            tuples=tuples.long(),
            log_likelihood=torch.cat(
                [self.log_likelihood[:0], *(self.log_likelihood[first:last] for first, last in bounds)]
            ),
            offsets=torch.nn.functional.pad(lengths.cumsum(0), (1, 0)),
        )


@dataclass(frozen=True)
class HeldOut:
    """How well a likelihood explains tuples that it was not counted from."""

    log_likelihood: float  # mean log p(m | z_1..z_N) in nats over covered positions; NaN when none is
    coverage: float  # share of positions whose exact tuple was counted
    positions: int  # how many positions were looked at


def build_likelihood(counts: SparseCounts) -> Likelihood:
    """Normalise counts to p(m | z_1..z_N) = F[z_1..z_N, m] / sum over m of F[z_1..z_N, m].

    Sums are exact integers; the logarithm is taken in float64 and kept in float32.
    """
    size, sources = counts.codebook_size, counts.sources
    mixture, tuple_keys = np.divmod(counts.keys, size**sources)
    offsets = np.searchsorted(mixture, np.arange(size + 1))
    del mixture
    log_likelihood = np.log(counts.counts / sums_over_mixture(tuple_keys, counts.counts)).astype(np.float32)
    tuples = np.empty((counts.keys.size, sources), dtype=tuple_dtype(size))
    for n in range(sources - 1, -1, -1):
        tuple_keys, code = np.divmod(tuple_keys, size)
        tuples[:, n] = code
    return Likelihood(
        offsets=torch.from_numpy(offsets.astype(np.int64)),
        tuples=torch.from_numpy(tuples),
        log_likelihood=torch.from_numpy(log_likelihood),
        codebook_size=size,
        sources=sources,
    )


def write_likelihood(
    path: Path,
    likelihood: Likelihood,
    *,
    counted: Counted | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write a likelihood to a file that says what was `counted`; equal likelihoods give equal bytes.

    `provenance` is kept as it is, where a table is made of a file from elsewhere.
    """
    tensors = {
        "offsets": likelihood.offsets.cpu().numpy(),
        "tuples": likelihood.tuples.cpu().numpy(),
        "log_likelihood": likelihood.log_likelihood.cpu().numpy(),
    }
    fields: dict[str, Any] = {
        "codebook_size": likelihood.codebook_size,
        "sources": likelihood.sources,
        "counted": counted and counted.model_dump(mode="json"),
    }
    if provenance is not None:
        fields["provenance"] = dict(provenance)
    write_tensors(Path(path), tensors, form=FORM, version=VERSION, fields=fields)


def read_likelihood(
    path: Path,
    *,
    codebook_size: int | None = None,
    sources: int | None = None,
    counted: Counted | None = None,
) -> Likelihood:
    """Open a likelihood file; entries are mapped from the file and read when they are first used.

    K and N must equal `codebook_size` and `sources` where these are given, and so what was `counted`.
    Raises FileNotFoundError, or ValueError for a damaged file, another format or version, other sizes, or
    a table of other sources.
    """
    path = Path(path)
    expected = {"codebook_size": codebook_size, "sources": sources}
    sizes = read_sizes(path, form=FORM, version=VERSION, expected=expected)
    if counted is not None:
        counted.check(path, read_header(path, form=FORM, version=VERSION).get("counted"))
    try:
        with safe_open(path, framework="pt") as file:
            parts = {name: file.get_tensor(name) for name in ("offsets", "tuples", "log_likelihood")}
    except SafetensorError as error:
        raise damaged(path, str(error)) from error
    likelihood = Likelihood(**parts, codebook_size=sizes["codebook_size"], sources=sizes["sources"])
    _check_layout(path, likelihood)
    return likelihood


def read_counted(path: Path) -> Counted:
    """What the table at `path` was counted from, by its header; errors as of `read_likelihood`."""
    try:
        return Counted.model_validate(read_header(path, form=FORM, version=VERSION).get("counted"))
    except ValidationError as error:
        raise damaged(
            path, f"its header does not say what was counted ({error.error_count()} faults)"
        ) from error


def nearest_counted(likelihood: Likelihood, codebook: Tensor) -> Tensor:
    """Map every mixture code to itself when it was counted, else to the nearest counted code.

    `codebook` holds the vectors [K, C]; nearest is in L2, the lowest index wins a tie. Returns [K] long.

    Raises ValueError when nothing was counted, or when the codebook has another size or is not finite.
    """
    if codebook.ndim != 2 or len(codebook) != likelihood.codebook_size:
        raise ValueError(
            f"codebook of shape {tuple(codebook.shape)} does not fit a likelihood with "
            f"K = {likelihood.codebook_size}; give the codebook [K, C] that the tokens were made with"
        )
    if not bool(torch.isfinite(codebook).all()):
        raise ValueError(
            "the codebook holds NaN or infinity; give a checkpoint whose training did not diverge"
        )
    seen = (likelihood.offsets.diff() > 0).to(codebook.device)  # [K]
    counted = seen.nonzero().squeeze(1)
    if not counted.numel():
        raise ValueError("the likelihood is empty: no tuple was counted; count at least one mixture")
    vectors = codebook.detach().double()
    nearest = torch.arange(len(vectors), device=codebook.device)
    for missing in torch.split((~seen).nonzero().squeeze(1), 1024):  # bounds the matrix of distances
        distance = torch.cdist(
            vectors[missing], vectors[counted], compute_mode="donot_use_mm_for_euclid_dist"
        )  # exact: equal distances stay equal
        nearest[missing] = counted[distance.argmin(1)]
    return nearest


def density(likelihood: Likelihood) -> float:
    """Return the share of the K^(N+1) entries that are not zero (paper, table 1)."""
    entries: int = likelihood.codebook_size ** (likelihood.sources + 1)
    return len(likelihood.log_likelihood) / entries


def held_out_log_likelihood(likelihood: Likelihood, sources: np.ndarray, mixture: np.ndarray) -> HeldOut:
    """Measure mean log p(m | z_1..z_N) and coverage on codes `sources` [N, P] and `mixture` [P].

    Raises ValueError for codes that do not fit the likelihood, and when there is no position.
    """
    size = likelihood.codebook_size
    codes, mixed = flatten_codes(sources, mixture, codebook_size=size, addends=likelihood.sources)
    if not mixed.size:
        raise ValueError("held-out log-likelihood of no positions; give at least one")
    counted_mixture = np.repeat(np.arange(size), np.diff(likelihood.offsets.cpu().numpy()))
    counted = encode_keys(likelihood.tuples.cpu().numpy().T, counted_mixture, codebook_size=size)
    places = find_keys(counted, encode_keys(codes, mixed, codebook_size=size))
    covered = places[places >= 0]
    values = likelihood.log_likelihood.cpu().numpy()[covered]
    return HeldOut(
        log_likelihood=float(values.mean(dtype=np.float64)) if values.size else float("nan"),
        coverage=covered.size / mixed.size,
        positions=mixed.size,
    )


def sums_over_mixture(tuple_keys: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, for every entry, the sum of the counts of all entries with its tuple."""
    if not tuple_keys.size:
        return counts
    order = np.argsort(tuple_keys)
    starts = run_starts(tuple_keys[order])
    totals = np.add.reduceat(counts[order], starts)
    sums = np.empty_like(counts)
    sums[order] = np.repeat(totals, np.diff(starts, append=tuple_keys.size))
    return sums


def tuple_dtype(codebook_size: int) -> type[np.uint16] | type[np.int32]:
    """The smallest type that a code of this codebook fits into and safetensors knows."""
    return np.uint16 if codebook_size <= 2**16 else np.int32


def _check_layout(path: Path, likelihood: Likelihood) -> None:
    """Raise ValueError unless shapes, types and bounds fit together."""
    size, sources = likelihood.codebook_size, likelihood.sources
    offsets, nnz = likelihood.offsets, len(likelihood.log_likelihood)
    wanted = torch.uint16 if size <= 2**16 else torch.int32
    if likelihood.tuples.dtype != wanted or likelihood.tuples.shape != (nnz, sources):
        raise damaged(path, f"tuples are {likelihood.tuples.dtype} of shape {tuple(likelihood.tuples.shape)}")
    if likelihood.log_likelihood.dtype != torch.float32 or likelihood.log_likelihood.ndim != 1:
        raise damaged(path, f"log-likelihoods are {likelihood.log_likelihood.dtype}, expected float32 [nnz]")
    if offsets.dtype != torch.int64 or offsets.shape != (size + 1,):
        raise damaged(path, f"offsets are {offsets.dtype} of shape {tuple(offsets.shape)}")
    if int(offsets[0]) != 0 or int(offsets[-1]) != nnz or bool((offsets.diff() < 0).any()):
        raise damaged(path, "offsets do not cut the entries into K groups")
    if nnz and int(likelihood.tuples.numpy().max()) >= size:
        raise damaged(path, f"a tuple has a code beyond the codebook of {size}")
    if nnz and not float(likelihood.log_likelihood.max()) <= 1e-3:  # NaN is not, either
        raise damaged(path, "a log-likelihood is above 0, or no number")
