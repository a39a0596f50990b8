"""What every job does first: its log and its device."""

import logging
from pathlib import Path

import pytest
import torch

from lass.runtime import choose_device, logged, memory_for


def test_records_and_the_error_that_ends_a_job_are_logged(tmp_path: Path) -> None:
    path = tmp_path / "job.log"

    def job() -> None:
        with logged(path) as logger:
            logger.info("halfway")
            logging.getLogger("lass.training").warning("a module's own")
            raise ValueError("songs are missing")

    with pytest.raises(ValueError, match="songs are missing"):
        job()
    text = path.read_text()
    for part in ("INFO lass ", "INFO halfway", "WARNING a module's own", "ERROR the job failed"):
        assert part in text
    assert "ValueError: songs are missing" in text
    assert not logging.getLogger("lass").handlers


def test_a_log_begins_anew(tmp_path: Path) -> None:
    for word in ("first", "second"):
        with logged(tmp_path / "job.log") as logger:
            logger.info(word)
    assert "first" not in (tmp_path / "job.log").read_text()


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
