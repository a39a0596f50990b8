"""What is done on a GPU alone: kernels are tried out, and steps are recorded and replayed."""

import logging
from functools import cache

logger = logging.getLogger(__name__)


@cache
def has_triton() -> bool:
    """Whether Triton builds and runs kernels for the current GPU; a warning where it does not."""
    try:
        from lass.compute import trial  # noqa: PLC0415 (nobody needs Triton on a CPU)

        trial.try_out()
    except Exception as error:  # a compiler fails in many ways, and this is to find out
        logger.warning("decoding goes on without Triton's kernels, more slowly: %s", error)
        return False
    return True
