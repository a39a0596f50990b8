"""One small run of every rule of audio, and one of images, that the tests of the workflow share."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data.images.idx_files import write_mnist
from tests.workflow.runner import IMAGE_TARGETS, SCATTER, TEST_CONFIG, image_config, run


def made_once(name: str, make: Callable[[Path], None], factory: pytest.TempPathFactory) -> Path:
    """The folder that `make` fills: by the first process of a session that asks, while others wait."""
    own = factory.getbasetemp()
    base = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    directory, done = base / name, base / f"{name}.done"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            directory.mkdir(exist_ok=True)
            make(directory)
            done.touch()
    return directory


def run_toy(directory: Path) -> None:
    outcome = run(directory, *SCATTER)
    assert outcome.status == 0, outcome.output


def run_toy_images(directory: Path) -> None:
    write_mnist(directory / "digits", train=1400, test=300)
    configs = [TEST_CONFIG, image_config(directory)]
    targets = [*IMAGE_TARGETS, "results/timing.csv", "results/mnist_candidates.png"]
    outcome = run(directory, *SCATTER, configs=configs, targets=targets)
    assert outcome.status == 0, outcome.output


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished run with config/test.yaml. Copy it before changing anything in it."""
    return made_once("toy", run_toy, tmp_path_factory)


@pytest.fixture(scope="session")
def toy_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished run of images, with the digits that it is about and its `images.yaml`."""
    return made_once("images", run_toy_images, tmp_path_factory)
