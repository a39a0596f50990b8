"""An edit of the library's code reruns what uses it; comments and docstrings do not count."""

import shutil
from pathlib import Path

import pytest

from tests.workflow.runner import IMAGE_SCATTER, ROOT, SCATTER, TEST_CONFIG, dry_run

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

SEPARATION = {
    *("draw_candidates", "estimate_sources", "score_separations", "tabulate_sdr", "draw_spectrograms"),
    *("export_examples", "all"),
}

IMAGE_TABLES = {"tabulate_psnr", "draw_separations", "all"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of what a run reads of the repository, times of change included."""
    for name in ("lass", "workflow", "config"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "Snakefile", tmp_path)
    return tmp_path


def rerun(toy: Path, repository: Path) -> dict[str, int]:
    images = toy / "images.yaml"
    shards, configs = (IMAGE_SCATTER, [TEST_CONFIG, images]) if images.is_file() else (SCATTER, [TEST_CONFIG])
    options = [*shards, "--workflow-profile", "none"]
    outcome = dry_run(toy, *options, configs=configs, snakefile=repository / "Snakefile")
    assert outcome.status == 0, outcome.output
    return outcome.jobs


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_comments_and_docstrings_do_not_count(toy: Path, repository: Path) -> None:
    assert rerun(toy, repository) == {}
    for name in ("separation/beam.py", "models/transformer.py", "storage.py", "data/sources.py"):
        path = repository / "lass" / name
        edit(path, '"""', '"""Other words. ')
        edit(path, "\nfrom ", "\n# a remark\n\n\nfrom ")
    assert rerun(toy, repository) == {}


@pytest.mark.parametrize(
    ("module", "old", "new", "rules"),
    [
        ("separation/beam.py", "\n\n\n", "\n\n\nNEW = 1\n\n\n", SEPARATION),
        (
            "evaluation/sdr.py",
            "\n\n\n",
            "\n\n\nNEW = 1\n\n\n",
            {"score_separations", "tabulate_sdr", "draw_spectrograms", "export_examples", "all"},
        ),
        (
            "likelihood/counts.py",
            "\n\n\n",
            "\n\n\nNEW = 1\n\n\n",
            SEPARATION | {"count_tuples", "merge_counts", "measure_density", "gather_tables"},
        ),
    ],
)
def test_code_reruns_what_uses_it(
    toy: Path, repository: Path, module: str, old: str, new: str, rules: set[str]
) -> None:
    edit(repository / "lass" / module, old, new)
    assert set(rerun(toy, repository)) == rules


@pytest.mark.parametrize(
    ("module", "rules"),
    [
        ("baselines/images.py", {"fit_nmf", "estimate_image_references", "score_images", *IMAGE_TABLES}),
        ("evaluation/psnr.py", {"score_images", *IMAGE_TABLES}),
        ("data/slakh.py", set()),
    ],
)
def test_code_of_images(toy: Path, toy_images: Path, repository: Path, module: str, rules: set[str]) -> None:
    edit(repository / "lass" / module, "\n\n\n", "\n\n\nNEW = 1\n\n\n")
    assert set(rerun(toy_images, repository)) == rules
    if rules:
        assert rerun(toy, repository) == {}, "music has nothing to do with it"
