"""What every job does first: its log."""

import ast
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from lass.runtime import logged


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


def test_names_in_any_letters_are_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Or pytest keeps the record, and one process cannot tell it to another.
    monkeypatch.setattr(logging.getLogger("lass"), "propagate", False)
    path = tmp_path / "job.log"
    with logged(path) as logger:
        logger.info("Track été, and a byte that is no letter: \udcc3")
    assert "Track été, and a byte that is no letter: \\udcc3" in path.read_text(encoding="utf-8")


def test_a_log_begins_anew(tmp_path: Path) -> None:
    for word in ("first", "second"):
        with logged(tmp_path / "job.log") as logger:
            logger.info(word)
    assert "first" not in (tmp_path / "job.log").read_text()


@pytest.mark.parametrize(
    "script",
    [
        "compose_songs",
        "draw_mixtures",
        "extract_sources",
        "fetch_mnist",
        "gather_tables",
        "prepare_images",
        "score_estimates",
        "separate_mixtures",
        "show_separations",
        "tabulate_scores",
    ],
)
def test_jobs_without_networks_do_not_wait_for_torch(script: str) -> None:
    """Importing it takes seconds of every job, and most jobs of a run compute nothing with it."""
    source = (Path(__file__).parents[1] / f"workflow/scripts/{script}.py").read_text(encoding="utf-8")
    imports = [line for line in ast.parse(source).body if isinstance(line, ast.Import | ast.ImportFrom)]
    lines = "\n".join(ast.unparse(line) for line in imports)
    loaded = f"{lines}\nimport sys\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


def test_methods_without_networks_do_not_wait_for_torch() -> None:
    loaded = "import sys, lass.methods.blind, lass.methods.oracles\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


def test_jobs_do_not_wait_for_what_they_do_not_use() -> None:
    """Scores are not drawn, tables show no spectrogram, and most methods make no masks."""
    modules = "lass.evaluation.opening, lass.methods.latent, lass.methods.oracles"
    unused = "{'matplotlib', 'scipy', 'sklearn'} & {*sys.modules}"
    loaded = f"import sys, {modules}\nsys.exit(sorted({unused}))"
    done = subprocess.run([sys.executable, "-c", loaded], check=False, capture_output=True, text=True)
    assert done.stderr == "[]\n"
