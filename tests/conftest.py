"""What holds for every test."""

import os

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # kernels run in Triton's interpreter; read when they are defined


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs of the whole workflow come first, as they take longest."""
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Toy tensors gain nothing from threads, and threads waiting for each other slow a busy machine down."""
    torch.set_num_threads(1)
