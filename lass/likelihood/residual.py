"""What the codec loses: the variance of x - D(E(x)) in the frames of every code, class by class.

Counted once on the training songs, as the table is. It tells how what is missing of a mixture, once the
sources' codes are decoded, is to be shared out among them
(`lass.separation.estimation.consistency.share_residual`).
This step is not in the paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lass.storage import check_sums, damaged, read_header, read_tensors, write_tensors

FORM = "lass.residual"
VERSION = 1


@dataclass(frozen=True)
class ResidualSums:
    """Sums over the frames of every class and code; variances are taken at the end, as with the table."""

    count: Tensor  # [N, K] float64
    squares: Tensor  # [N, K, D] float64: of the coefficients of x - D(E(x)) in an orthonormal basis

    @classmethod
    def empty(cls, *, sources: int, codes: int, frame: int) -> "ResidualSums":
        """No frame yet, for N classes, K codes and frames of D samples."""
        shapes = ((sources, codes), (sources, codes, frame))
        return cls(*(torch.zeros(shape, dtype=torch.float64) for shape in shapes))

    def add(self, source: int, coefficients: Tensor, codes: Tensor) -> None:
        """Count the coefficients [S, D] of frames of class `source` with their codes [S]."""
        self.count[source].index_add_(0, codes, torch.ones(len(codes), dtype=torch.float64))
        self.squares[source].index_add_(0, codes, coefficients.double().square())

    def variance(self, *, strength: float) -> Tensor:
        """Variances [N, K, D] float32; each counts `strength` frames of its class's mean beside its own.

        A class without any frame has the variance 0.
        """
        pooled = self.squares.sum(dim=1) / self.count.sum(dim=1).clamp_min(1)[:, None]  # [N, D]
        total = self.squares + strength * pooled[:, None]
        return (total / (self.count + strength)[..., None]).float()


def write_residual(path: Path, sums: ResidualSums, *, classes: Sequence[str], codebook: str) -> None:
    """Write the sums of the codes of `codebook`; equal sums give equal bytes."""
    fields = {"classes": list(classes), "codebook": codebook}
    write_tensors(path, vars(sums), form=FORM, version=VERSION, fields=fields)


def read_residual(path: Path, *, classes: Sequence[str], codebook: str) -> ResidualSums:
    """Read what `write_residual` wrote; ValueError, naming the file, for other classes or codebooks."""
    header, tensors = read_header(path, form=FORM, version=VERSION), read_tensors(path)
    if header.get("classes") != list(classes) or header.get("codebook") != codebook:
        raise ValueError(
            f"{path}: made for classes {header.get('classes')} and codebook {header.get('codebook')}, not "
            f"for {list(classes)} and {codebook}; make it again"
        )
    if {name: tensor.dim() for name, tensor in tensors.items()} != {"count": 2, "squares": 3}:
        raise damaged(path, f"it holds {sorted(tensors)}")
    count, squares = tensors["count"], tensors["squares"]
    if squares.shape[:2] != count.shape or len(count) != len(classes):
        raise damaged(path, f"counts are {tuple(count.shape)}, and squares {tuple(squares.shape)}")
    check_sums(path, count, squares)
    return ResidualSums(**tensors)
