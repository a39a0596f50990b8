"""What holds for every test."""

import os

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # kernels run in Triton's interpreter; read when they are defined


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs of the whole workflow first, as they take longest; tests that share them in one process."""
    for item in items:
        if {"toy", "toy_images"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("toy"))
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Toy tensors gain nothing from threads, and threads waiting for each other slow a busy machine down."""
    torch.set_num_threads(1)
