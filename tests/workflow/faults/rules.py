"""Which rules are disturbed: every rule of the workflow has a row, or a reason why it has none."""

import re
from pathlib import Path

from tests.workflow.faults.jobs import JOBS, TARGETS, begin_toy, configs
from tests.workflow.runner import ROOT, SCATTER, dry_run

_FETCHED = "what it makes comes from the network; `tests/workflow/test_downloads.py`"
_TIMES = "what it makes are times, of which no two are alike"
_DIFFUSION = "not of the toy run, which has no diffusion priors; `tests/workflow/test_diffusion.py`"
_FEATURES = "not of the toy run, as it needs the weights of a public network"
_SHIFTS = "not of the toy run, which shifts nothing"
WITHOUT_ROW = {
    "all": "makes nothing",
    "fetch_mnist": _FETCHED,
    "fetch_songs": _FETCHED,
    "fetch_weights": _FETCHED,
    "time_method": _TIMES,
    "draw_seconds": _DIFFUSION,
    "train_denoiser": _DIFFUSION,
    "measure_features": _FEATURES,
    "measure_reference": _FEATURES,
    "tabulate_distances": _FEATURES,
    "shift_sources": _SHIFTS,
    "tabulate_shifts": _SHIFTS,
    "tabulate_failures": "not of the toy run, which asks for no table of failures",
    "unpack_packages": "not of the toy run, which has no packages; `tests/workflow/test_utterances.py`",
}


def rules_of_workflow() -> set[str]:
    """Every rule, as the files of rules have them."""
    paths = [ROOT / "Snakefile", *(ROOT / "workflow" / "rules").glob("*.smk")]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return {name for text in texts for name in re.findall(r"^rule (\w+):", text, re.MULTILINE)}


def rules_of_run(folder: Path) -> set[str]:
    """The rules that the toy run has jobs of, as Snakemake plans it in `folder`."""
    begin_toy(folder)
    planned = dry_run(folder, *SCATTER, "--forceall", targets=TARGETS, configs=configs(folder))
    if not planned.jobs:
        raise RuntimeError(f"Snakemake plans no job of the toy run:\n{planned.output[-1000:]}")
    return set(planned.jobs)


def what_is_wrong(planned: set[str], written: set[str]) -> list[str]:
    """What rows and reasons lack or have too much; `planned` are the rules of the run, `written` all."""
    rows = {job.rule for job in JOBS}
    checks = {
        "has neither a row (faults/jobs.py) nor a reason (faults/rules.py)": written
        - rows
        - set(WITHOUT_ROW),
        "has a row, but the toy run has no job of it": rows - planned,
        "has a row and a reason to have none": rows & set(WITHOUT_ROW),
        "has a reason, but is no rule": set(WITHOUT_ROW) - written,
        "is in the toy run, and its reason says that it is not": {
            rule for rule in planned & set(WITHOUT_ROW) if "not of the toy run" in WITHOUT_ROW[rule]
        },
    }
    return [f"{rule} {wrong}" for wrong, rules in checks.items() for rule in sorted(rules)]
