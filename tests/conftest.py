"""What holds for every test."""

import os

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # kernels run in Triton's interpreter; read when they are defined


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Toy tensors gain nothing from threads, and threads waiting for each other slow a busy machine down."""
    torch.set_num_threads(1)
