"""Work on a GPU that is recorded once and then replayed: its many small kernels no longer wait for Python."""

from collections.abc import Callable

import torch
from torch import Tensor


class Replayed:
    """Calls `work`, on a GPU from its second call on as a CUDA graph.

    Work reads and writes the same tensors at every call, launches the same kernels and never waits for the
    GPU. Its first call builds and loads the kernels. On a CPU it is called every time.
    """

    def __init__(self, work: Callable[[], Tensor]) -> None:
        """`work` returns a tensor that the next call may overwrite."""
        self.work = work
        self.graph: torch.cuda.CUDAGraph | None = None
        self.result: Tensor | None = None

    def __call__(self) -> Tensor:
        """What `work` returns."""
        if self.result is None or not self.result.is_cuda:
            self.result = self.work()
            return self.result
        if self.graph is None:
            self.graph, self.result = record(self.work)
        self.graph.replay()
        return self.result


def record(work: Callable[[], Tensor]) -> tuple[torch.cuda.CUDAGraph, Tensor]:
    """The kernels of `work`, not run yet, and where their result will lie."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):  # gives back what earlier graphs held
        result = work()
    return graph, result
