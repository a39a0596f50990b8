"""What holds for every test."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Toy tensors gain nothing from threads, and threads waiting for each other slow a busy machine down."""
    torch.set_num_threads(1)
