"""Where networks run, and how much memory there is."""

import pytest
import torch

from lass.compute.devices import choose_device, memory_for


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    for found in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda found=found: found)
        assert choose_device("cpu").type == "cpu"
        assert choose_device("auto").type == ("cuda" if found else "cpu")
    with pytest.raises(ValueError, match="torch sees no GPU: use device=cpu or auto"):
        choose_device("cuda")
    with pytest.raises(ValueError, match="device 'gpu': choose auto, cpu or cuda"):
        choose_device("gpu")


def test_memory_is_what_the_job_has_beside_its_process() -> None:
    cpu = torch.device("cpu")
    assert memory_for(cpu, 8000) == 5_000_000_000
    with pytest.raises(ValueError, match="mem_mb = 3000: a job needs more than 3000 MB"):
        memory_for(cpu, 3000)
