"""One small run of every rule that the tests of the workflow share."""

from pathlib import Path

import pytest

from tests.workflow.runner import SCATTER, run


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished run with config/test.yaml. Copy it before changing anything in it."""
    directory = tmp_path_factory.mktemp("toy")
    outcome = run(directory, *SCATTER)
    assert outcome.status == 0, outcome.output
    return directory
