"""The smallest kernel that shows whether Triton and its C compiler work."""

import torch
import triton
import triton.language as tl


@triton.jit  # type: ignore[untyped-decorator]
def add_one(numbers) -> None:  # type: ignore[no-untyped-def]
    """Add 1 to the first of `numbers`."""
    tl.store(numbers, tl.load(numbers) + 1)


def try_out() -> None:
    """Build and run a kernel on the current GPU; RuntimeError where that fails."""
    numbers = torch.zeros(1, device="cuda")
    add_one[(1,)](numbers)
    if numbers.item() != 1:
        raise RuntimeError("a kernel of Triton ran without effect")
