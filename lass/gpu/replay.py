"""Work on a GPU that is recorded once and then replayed: its many small kernels no longer wait for Python."""

from collections.abc import Callable

import torch
from torch import Tensor


class Replayed:
    """Calls `work`, on a GPU from its third call on as a CUDA graph.

    Work reads and writes the same tensors at every call, launches the same kernels and never waits for the
    GPU. Its first calls load and build the kernels. On a CPU it is called every time.
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
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        graph.capture_begin()
        try:
            result = work()
        finally:
            graph.capture_end()
    torch.cuda.current_stream().wait_stream(stream)
    return graph, result
