"""The table of rules and faults as a document."""

from pathlib import Path

from tests.workflow.faults.faults import FAULTS, GOOD

Cells = dict[str, dict[str, str]]

_BEGIN = """# What a run survives

This page is written by `make fault-test`, which runs the toy run once and then disturbs one job of every
rule in every way, each time in a fresh copy. Afterwards it compares every result byte by byte with that of
the undisturbed run, looks for leftovers, and asks Snakemake whether anything is left to do.

"""
_NOT_HERE = """
Rules whose results are times (`time_separations`) or come from the network (`fetch_mnist`, `fetch_songs`,
`fetch_weights`) have no row: of the former no two runs are alike, the latter have tests of their own.
"""


def write_table(cells: Cells, path: Path) -> None:
    """Write what became of every rule in every fault, what the words mean, and how each fault is made."""
    rows = [["rule", *FAULTS], ["---"] * (1 + len(FAULTS))]
    rows += [[f"`{rule}`", *(row.get(name, "not run") for name in FAULTS)] for rule, row in cells.items()]
    used = {cell for row in cells.values() for cell in row.values()}
    text = _BEGIN + "".join(f"| {' | '.join(row)} |\n" for row in rows) + _NOT_HERE
    text += "\nIn a cell:\n\n" + "".join(
        f"- `{word}`: {said}.\n" for word, said in GOOD.items() if word in used
    )
    text += "\nThe faults:\n\n" + "".join(f"- {name}: {in_a_line(fault)}\n" for name, fault in FAULTS.items())
    path.write_text(text, encoding="utf-8")


def in_a_line(fault: object) -> str:
    """What a fault is, as its function says it."""
    return " ".join((fault.__doc__ or "").split())
