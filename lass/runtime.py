"""What every job does first: open its log."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lass import __version__

logger = logging.getLogger("lass")


@contextmanager
def logged(path: str | Path) -> Iterator[logging.Logger]:
    """Write log records and an error that ends the block to `path` and to standard error."""
    file = logging.FileHandler(path, mode="w", encoding="utf-8", errors="backslashreplace")
    handlers: list[logging.Handler] = [file, logging.StreamHandler()]
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    torch = sys.modules.get("torch")  # a job that does without it does not wait for it
    threads = f", {torch.get_num_threads()} threads" if torch else ""
    logger.info("lass %s%s", __version__, threads)
    try:
        yield logger
    except Exception:
        logger.exception("the job failed")
        raise
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
