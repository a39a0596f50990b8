"""What happens to a run in a week, and whether the results are right afterwards.

Every fault takes a case, disturbs it, and returns the cell of the table: one of `GOOD`, or what is wrong.
"""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lass.bundle.folder import check_model
from tests.workflow.faults.case import Case, NotHit
from tests.workflow.faults.mounts import PAGE, can_mount, read_only, small_disk
from tests.workflow.launching import Outcome, Running

SAME, SAID, SEEN, UNTRIED, NOTHING = "same", "said", "seen", "-", "no input"
GOOD = {
    SAME: "another run of the same command gives the same bytes as an undisturbed run, or this one does",
    SAID: "the job stops with a message that names the file and the remedy; that done, the same bytes",
    SEEN: "no job reads the file, and nothing notices: deleted, it is made again with the same bytes",
    UNTRIED: "not tried: the system lets no program have mounts of its own",
    NOTHING: "the job reads nothing below `results/`",
}
_DAY = 86_400.0
_PATIENCE = 300.0
_BAD = "WRONG: "
_NOT_HIT = "not hit: "  # as bad


def cell_of(name: str, case: Case) -> str:
    """What becomes of a case by a fault: a good cell, or what is wrong."""
    try:
        return FAULTS[name](case)
    except NotHit as error:
        return f"{_NOT_HIT}{error}"
    except Exception as error:
        return f"{_BAD}{type(error).__name__}: {str(error)[-200:]}"


def recovered(case: Case, cell: str = SAME, *, more: tuple[str, ...] = ()) -> str:
    """`cell`, if another run makes the outputs, and those named `more`, as in the undisturbed run."""
    names = (*case.job.outputs, *more)
    if case.differing() and "Nothing to be done" in case.planned(names):
        return f"{_BAD}{case.differing()[0]} looks finished and is not right"
    outcome = case.run(names=names)
    if outcome.status:
        return f"{_BAD}the second run fails: {last_error(outcome)}"
    return at_rest(case, names, cell)


def at_rest(case: Case, names: tuple[str, ...], cell: str) -> str:
    """`cell`, if all results are right and nothing is left to do."""
    if wrong := case.restored():
        return _BAD + wrong
    return cell if "Nothing to be done" in case.planned(names) else f"{_BAD}would run again and again"


def last_error(outcome: Outcome) -> str:
    """The line of the output that is most like an error."""
    lines = [line.strip() for line in outcome.output.splitlines() if "Error" in line or "error" in line]
    return lines[-1][:200] if lines else outcome.output[-200:]


def kill_job(case: Case) -> str:
    """SIGKILL of the job as a file of it is about to be in place: what the kernel does for want of memory."""
    outcome = case.disturbed(fault=case.fault("kill"))
    if not case.hit.exists():
        raise NotHit(f"{case.job.rule} makes fewer than {case.job.files} files, or fails before")
    return recovered(case) if outcome.status else f"{_BAD}was killed, and nothing is said"


def kill_snakemake(case: Case) -> str:
    """SIGKILL of Snakemake alone; its job wakes up again after the next run is through."""
    with held_job(case, "orphan") as running:
        running.wait()
        locked = case.run()
        if locked.status == 0 or "--unlock" not in locked.output:
            return f"{_BAD}the folder is not locked"
        if case.run("--unlock").status:
            return f"{_BAD}cannot be unlocked"
        outcome = case.run()
        if outcome.status:
            return f"{_BAD}the second run fails: {last_error(outcome)}"
    return at_rest(case, case.job.outputs, SAME)


def two_runs(case: Case) -> str:
    """A second Snakemake in the same folder while the job of the first runs."""
    with held_job(case, "hold") as running:
        second = case.run()
        if second.status == 0 or "--unlock" not in second.output:
            return f"{_BAD}the second is let in"
        case.gate.touch()
        if running.wait().status:
            return f"{_BAD}the first fails"
    return at_rest(case, case.job.outputs, SAME)


@contextmanager
def held_job(case: Case, what: str) -> Iterator[Running]:
    """Snakemake in the background, its job held; at the end of the block the job goes on to its end."""
    with case.begun(what) as running:
        wait_until(lambda: case.hit.exists() or running.ended())
        if not case.hit.exists():
            raise NotHit(f"the run ended before the job was held: {last_error(running.wait())}")
        yield running
        case.gate.touch()
        wait_until(lambda: not is_alive(int(case.hit.read_text(encoding="ascii"))))


def wait_until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError("the job never got as far")
        time.sleep(0.02)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def full_disk(case: Case) -> str:
    """No room for more than half of what the job writes; then there is room again."""
    if not can_mount():
        return UNTRIED
    wanted = sum(path.stat().st_size for path in files_of(case.toy / "results", case.job.outputs))
    shutil.rmtree(case.results / "logs", ignore_errors=True)  # whose room would come free
    with small_disk(case.results, PAGE * (1 + wanted // 2 // PAGE)) as filler:  # a page is the log's
        outcome = case.disturbed()
        if outcome.status == 0:
            raise NotHit("there was room enough")
        told = any(case.explained(outcome, word) for word in ("No space left", "full"))
        filler.unlink()
        return recovered(case, SAID if told else f"{_BAD}not explained: {last_error(outcome)}")


def read_only_results(case: Case) -> str:
    """Nobody may write to results/; then it is allowed again."""
    if not can_mount():
        return UNTRIED
    with read_only(case.results):
        outcome = case.disturbed()
    if outcome.status == 0:
        raise NotHit("nothing was written")
    told = "Read-only file system" in outcome.output and "results" in outcome.output
    return recovered(case, SAID if told else f"{_BAD}not explained: {last_error(outcome)}")


def clock_back(case: Case) -> str:
    """The job's inputs are of tomorrow, as after a clock that went wrong; then they are touched."""
    inputs = [path for name in case.inputs() for path in walked(case.results / name)]
    if not inputs:
        return NOTHING
    tomorrow = time.time() + _DAY
    for path in inputs:
        os.utime(path, (tomorrow, tomorrow))
    outcome = case.disturbed()
    if outcome.status:
        told = any(case.explained(outcome, path.name) for path in inputs)
        cell = SAID if told else f"{_BAD}not explained: {last_error(outcome)}"
    else:
        wrong = case.restored()
        cell = _BAD + wrong if wrong else SAME
    for path in inputs:
        with suppress(FileNotFoundError):  # made anew by another job, as it was to
            os.utime(path, (time.time() - 1, time.time() - 1))
    return recovered(case, cell)


def truncated_input(case: Case) -> str:
    """Each input in turn is cut in half after it was made, and keeps its time."""
    cells, inputs = set(), case.inputs()
    if not inputs:
        return NOTHING
    for path in victims(case.results, inputs):
        with changed(path, path.read_bytes()[: path.stat().st_size // 2]):
            cells.add(read_by(case, path, case.job.outputs))
    return worst(cells, recovered(case))


def garbage_output(case: Case) -> str:
    """Each output in turn is replaced by random bytes of its size, and keeps its time; a reader comes."""
    outcome = case.run()
    if outcome.status:
        return f"{_BAD}fails undisturbed: {last_error(outcome)}"
    cells = set()
    for path in victims(case.results, case.job.outputs):
        garbage = random.Random(0).randbytes(path.stat().st_size)
        with changed(path, garbage):
            if case.job.rule == "pack_model":
                cells.add(checked_model(case, path))
            elif case.job.reader:
                case.forget(case.job.reader)
                cells.add(read_by(case, path, case.job.reader))
            else:
                cells.add(SEEN if "Nothing to be done" in case.planned() else SAME)
    case.forget(case.job.outputs)
    return worst(cells, recovered(case, more=case.job.reader))


def checked_model(case: Case, path: Path) -> str:
    """What `lass` says of a model of which a part is garbage; people read its card."""
    try:
        check_model(case.results / "slakh/model")
    except (ValueError, OSError) as error:
        return SAID if path.name in str(error) else f"{_BAD}{error}"
    return SEEN if path.suffix == ".md" else f"{_BAD}nobody notices {path.name}"


def read_by(case: Case, path: Path, names: tuple[str, ...]) -> str:
    """What becomes of a job that makes `names` of a spoilt file; its outputs are taken away again."""
    before = set(case.differing())
    outcome = case.run(names=names)
    if outcome.status == 0 and not outcome.jobs:
        raise NotHit(f"nobody reads {path.name}: {outcome.output[-200:]}")
    made = set(case.differing()) - before
    there = [name for name in names if (case.results / name).exists()]
    for name in there:
        case.forget((name,))
    if outcome.status == 0:
        return f"{_BAD}{path.name} is spoilt, and {sorted(made)[0]} is made of it" if made else SAME
    if there:
        return f"{_BAD}{path.name} is spoilt, and {there[0]} is there"
    told = case.explained(outcome, path.name)
    return SAID if told else f"{_BAD}{path.name} is not explained: {last_error(outcome)}"


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    """The file has other bytes in the block, and the same times all along."""
    times, before = path.stat(), path.read_bytes()

    def write(what: bytes) -> None:
        path.unlink()
        path.write_bytes(what)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    write(content)
    try:
        yield
    finally:
        write(before)


def victims(results: Path, names: tuple[str, ...] | list[str]) -> list[Path]:
    """Of every kind of file among `names` and in folders the largest: kinds differ in place or suffix.

    NotHit where none of them has a byte that could be spoilt.
    """
    kinds: dict[tuple[str, str], Path] = {}
    for name in names:
        for path in files_of(results, (name,)):
            kind = (place_of(path.relative_to(results), name), path.suffix)
            if kind not in kinds or path.stat().st_size > kinds[kind].stat().st_size:
                kinds[kind] = path
    if not (found := [path for path in kinds.values() if path.stat().st_size]):
        raise NotHit(f"no file with content among {', '.join(names)}")
    return found


def place_of(path: Path, name: str) -> str:
    """What files of a kind share: their depth in a folder, or all but a method or decoder and a shard."""
    if str(path) != name:
        return f"{name}, {len(path.parts)}"
    return name if len(path.parts) < 3 else str(path.parent.parent)


def walked(path: Path) -> list[Path]:
    return [path, *path.rglob("*")]


def files_of(results: Path, names: tuple[str, ...]) -> list[Path]:
    """The files `names` and those in the folders `names`, no hidden ones."""
    found = [path for name in names for path in walked(results / name)]
    return [path for path in found if path.is_file() and not path.name.startswith(".")]


def worst(cells: set[str], last: str) -> str:
    """One cell for several trials."""
    everything = {*cells, last}
    if wrong := sorted(cell for cell in everything if cell.startswith(_BAD)):
        return "; ".join(wrong)
    return next(cell for cell in (SAID, SEEN, SAME) if cell in everything)


FAULTS: dict[str, Callable[[Case], str]] = {
    "job killed": kill_job,
    "Snakemake killed": kill_snakemake,
    "disk full": full_disk,
    "input cut": truncated_input,
    "output garbage": garbage_output,
    "clock back": clock_back,
    "results read-only": read_only_results,
    "two Snakemakes": two_runs,
}
