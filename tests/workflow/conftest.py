"""One small run of every rule of audio, and one of images, that the tests of the workflow share."""

from pathlib import Path

import pytest

from tests.data.images.idx_files import write_mnist
from tests.workflow.runner import IMAGE_SCATTER, IMAGE_TARGETS, SCATTER, TEST_CONFIG, image_config, run


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished run with config/test.yaml. Copy it before changing anything in it."""
    directory = tmp_path_factory.mktemp("toy")
    outcome = run(directory, *SCATTER)
    assert outcome.status == 0, outcome.output
    return directory


@pytest.fixture(scope="session")
def toy_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished run of images, with the digits that it is about and its `images.yaml`."""
    directory = tmp_path_factory.mktemp("images")
    write_mnist(directory / "digits", train=1400, test=300)
    configs = [TEST_CONFIG, image_config(directory)]
    targets = [*IMAGE_TARGETS, "results/timing.csv"]
    outcome = run(directory, *IMAGE_SCATTER, configs=configs, targets=targets)
    assert outcome.status == 0, outcome.output
    return directory
