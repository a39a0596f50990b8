"""The table of rules and faults as a document."""

from collections.abc import Iterable
from pathlib import Path

from tests.workflow.faults.faults import FAULTS, GOOD
from tests.workflow.faults.jobs import JOBS
from tests.workflow.faults.rules import WITHOUT_ROW

Cells = dict[str, dict[str, str]]
NOT_RUN = "not run"

_BEGIN = """# What a run survives

This page is written by `make fault-test`, which runs the toy run once and then disturbs one job of every
rule in every way, each time in a fresh copy. Afterwards it compares every result byte by byte with that of
the undisturbed run, looks for leftovers, and asks Snakemake whether anything is left to do.

"""


def write_table(cells: Cells, path: Path) -> None:
    """Write what became of every rule in every fault, what the words mean, and how each fault is made."""
    rows = [["rule", *FAULTS], ["---"] * (1 + len(FAULTS))]
    found = {job.rule: cells.get(job.rule, {}) for job in JOBS}
    rows += [[f"`{rule}`", *(row.get(name, NOT_RUN) for name in FAULTS)] for rule, row in found.items()]
    used = {cell for row in cells.values() for cell in row.values()}
    text = _BEGIN + "".join(f"| {' | '.join(row)} |\n" for row in rows)
    text += "\nIn a cell:\n\n" + "".join(
        f"- `{word}`: {said}.\n" for word, said in GOOD.items() if word in used
    )
    text += "\nRules without a row:\n\n" + "".join(
        f"- `{rule}`: {why}.\n" for rule, why in WITHOUT_ROW.items()
    )
    text += "\nThe faults:\n\n" + "".join(f"- {name}: {in_a_line(fault)}\n" for name, fault in FAULTS.items())
    path.write_text(text, encoding="utf-8")


def unfinished(cells: Cells, rules: Iterable[str], faults: Iterable[str]) -> list[str]:
    """Cells of these rules and faults that are not good: what was not hit or not run is none of them."""
    wanted = [(rule, name, cells.get(rule, {}).get(name, NOT_RUN)) for rule in rules for name in faults]
    return [f"{rule}, {name}: {cell}" for rule, name, cell in wanted if cell not in GOOD]


def in_a_line(fault: object) -> str:
    """What a fault is, as its function says it."""
    return " ".join((fault.__doc__ or "").split())
