"""What holds for every test."""

import os

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # kernels run in Triton's interpreter; read when they are defined


# What takes minutes begins first, or a core is idle at the end. The first two need nothing that others make;
# what they make is there when the others ask for it.
LONGEST = ("toy_run", "utterances", "three_sources", "interruptions", "toy_images", "stems", "changed_inputs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files by how long they take (with pytest-xdist only where it may not reorder them)."""

    def place(item: pytest.Item) -> int:
        if item.get_closest_marker("workflow") is None:
            return len(LONGEST) + 1
        name = item.path.stem.removeprefix("test_")
        return LONGEST.index(name) if name in LONGEST else len(LONGEST)

    items.sort(key=place)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Toy tensors gain nothing from threads, and threads waiting for each other slow a busy machine down."""
    torch.set_num_threads(1)
