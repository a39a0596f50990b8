"""An edit of the library's code reruns what uses it; comments and docstrings do not count."""

import re
import shutil
from pathlib import Path

import pytest

from tests.workflow.launching import Outcome
from tests.workflow.runner import IMAGE_TARGETS, ROOT, SCATTER, TEST_CONFIG, dry_run

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TABLES = {"tabulate_scores", "show_separations", "draw_page", "all"}
AFTER_A_METHOD = {"separate_mixtures", "score_estimates", *TABLES}
ORACLES = {"mixture", "codec_ceiling", "ideal_mask"}
LATENT = {"lass", "particles", "masked", "learned"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of what a run reads of the repository, times of change included."""
    for name in ("lass", "workflow", "config"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "Snakefile", tmp_path)
    return tmp_path


def planned(toy: Path, repository: Path) -> Outcome:
    """What would run in a finished run with the code in `repository`; the output names every job."""
    configs, targets = [TEST_CONFIG], ["all"]
    if (toy / "images.yaml").is_file():
        configs, targets = [TEST_CONFIG, toy / "images.yaml"], IMAGE_TARGETS
    options = [*SCATTER, "--workflow-profile", "none", "--quiet", "host"]
    outcome = dry_run(toy, *options, configs=configs, targets=targets, snakefile=repository / "Snakefile")
    assert outcome.status == 0, outcome.output
    return outcome


def rerun(toy: Path, repository: Path) -> set[str]:
    """The rules that would run again."""
    return set(planned(toy, repository).jobs)


def methods_of(outcome: Outcome) -> set[str]:
    """The methods whose mixtures would be separated again."""
    jobs = re.findall(r"^rule separate_mixtures:\n((?: .*\n)+)", outcome.output, re.MULTILINE)
    return {re.findall(r"wildcards:.*\bmethod=(\w+)", job)[0] for job in jobs}


def edit(path: Path, old: str = "", new: str = "") -> None:
    """Put `new` in the place of `old` in a module; without them, add a name to it."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1) if old else f"{text}\n\nNEW = 1\n", encoding="utf-8")


def test_comments_and_docstrings_do_not_count(toy: Path, repository: Path) -> None:
    assert rerun(toy, repository) == set()
    for name in ("separation/decoding/beam.py", "models/transformer.py", "storage.py", "data/mixtures.py"):
        path = repository / "lass" / name
        edit(path, '"""', '"""Other words. ')
        edit(path, "\nfrom ", "\n# a remark\n\n\nfrom ")
    edit(repository / "lass" / "compute" / "__init__.py", '"""', '"""Other words. ')
    edit(repository / "lass" / "separation" / "settings.py", 'key("W, ', 'key("W, other words, ')
    assert rerun(toy, repository) == set()


@pytest.mark.parametrize(
    ("module", "rules"),
    [
        ("separation/decoding/beam.py", AFTER_A_METHOD | {"draw_candidates"}),
        ("evaluation/metrics/sdr.py", {"score_estimates", *TABLES}),
        (
            "likelihood/merging.py",
            {*AFTER_A_METHOD, "draw_candidates", "merge_counts", "measure_density", "gather_tables"},
        ),
        ("models/separators.py", {*AFTER_A_METHOD, "train_separator"}),
        ("songs/grooves.py", None),
        ("data/audio/stems.py", set()),
        ("data/images/mnist.py", set()),
        ("models/diffusion_headers.py", set()),  # what tells of denoisers is none of the codec's business
        ("config/reference.py", set()),
        ("config/registry.py", set()),  # a reader or a row more
    ],
)
def test_code_reruns_what_uses_it(toy: Path, repository: Path, module: str, rules: set[str] | None) -> None:
    edit(repository / "lass" / module)
    found = rerun(toy, repository)
    if rules is None:
        assert {"compose_songs", "extract_sources", "train_codec", "tabulate_scores"} <= found
    else:
        assert found == rules


@pytest.mark.parametrize(
    ("module", "methods"),
    [
        ("oracles.py", ORACLES - {"codec_ceiling"}),
        ("ceiling.py", {"codec_ceiling"}),
        ("blind/repeating.py", {"hpss"}),
        ("blind/__init__.py", {"hpss"}),
        ("supervised.py", {"conv_tasnet"}),
        ("latent.py", LATENT),
        ("class_nmf.py", set()),
        ("protocol.py", ORACLES | LATENT | {"hpss", "conv_tasnet"}),
    ],
)
def test_code_of_a_method_reruns_its_family(
    toy: Path, repository: Path, module: str, methods: set[str]
) -> None:
    edit(repository / "lass" / "methods" / module)
    outcome = planned(toy, repository)
    assert methods_of(outcome) == methods
    assert set(outcome.jobs) == (AFTER_A_METHOD if methods else set())
    assert outcome.jobs.get("score_estimates", 0) == len(methods)


def test_another_kind_of_public_file_trains_no_codec(toy: Path, repository: Path) -> None:
    """What opens codecs looks it up in the registry; what makes one does not."""
    edit(repository / "lass" / "models" / "pretrained" / "registry.py")
    found = rerun(toy, repository)
    assert "tokenize_sources" in found
    assert "train_codec" not in found


def test_a_package_belongs_to_its_modules(toy: Path, repository: Path) -> None:
    """Importing a module runs the `__init__.py` of every package above it."""
    edit(repository / "lass" / "compute" / "__init__.py")
    found = rerun(toy, repository)
    assert {"train_codec", "train_prior", "draw_candidates", *AFTER_A_METHOD} <= found
    assert "compose_songs" not in found
    edit(repository / "lass" / "songs" / "__init__.py")
    assert "compose_songs" in rerun(toy, repository)


def test_a_template_is_code(toy: Path, repository: Path) -> None:
    """And so are the style sheet and the script that a page is made of."""
    for suffix in ("html", "css", "js"):
        path = repository / "lass" / "evaluation" / "page" / f"page.{suffix}"
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        assert rerun(toy, repository) == {"draw_page", "all"}
        path.write_text(path.read_text(encoding="utf-8")[:-1], encoding="utf-8")
        assert rerun(toy, repository) == set()


def test_a_reader_is_code_of_its_data_set(toy: Path, repository: Path) -> None:
    """It is imported by a name that the configuration gives."""
    edit(repository / "lass" / "data" / "audio" / "slakh.py")
    found = rerun(toy, repository)
    assert {"extract_sources", "train_codec", "tokenize_sources", "draw_mixtures"} <= found
    assert "compose_songs" not in found


@pytest.mark.parametrize(
    ("module", "rules"),
    [
        ("methods/class_nmf.py", {"fit_nmf", *AFTER_A_METHOD}),
        ("evaluation/metrics/psnr.py", {"score_estimates", *TABLES}),
        ("data/audio/slakh.py", set()),
    ],
)
def test_code_of_images(toy: Path, toy_images: Path, repository: Path, module: str, rules: set[str]) -> None:
    edit(repository / "lass" / module)
    assert rerun(toy_images, repository) == rules
    if module == "methods/class_nmf.py":
        assert rerun(toy, repository) == set(), "music has nothing to do with it"
