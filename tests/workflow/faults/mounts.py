"""A disk that is nearly full, and a folder that must not be written to, also for the superuser.

Both are mounts in a name space of the program's own: nothing of them is seen outside, nor stays.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = 4096
INSIDE = "LASS_FAULTS_INSIDE"
UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]


def can_mount() -> bool:
    """Whether this process may mount what it likes, seen by itself and its children alone."""
    return os.environ.get(INSIDE) == "yes"


def enter(module: str) -> None:
    """Run this program again in a name space of its own, where the system lets it have one."""
    if INSIDE in os.environ:
        return
    allowed = shutil.which("unshare") and not subprocess.run([*UNSHARE, "true"], check=False).returncode
    os.environ[INSIDE] = "yes" if allowed else "no"
    if allowed:
        sys.stdout.flush()
        os.execvp("unshare", [*UNSHARE, sys.executable, "-m", module, *sys.argv[1:]])


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing in `folder` can be changed while the block runs."""
    mount("--bind", folder, folder)
    mount("-o", "remount,bind,ro", folder)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def small_disk(folder: Path, room: int) -> Iterator[Path]:
    """`folder` with what it holds on a disk of its own with `room` bytes left; yields what fills it up.

    Delete that file, and the disk has room again. At the end of the block what is on it is kept.
    """
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=256m", "tmpfs", folder)
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        filler = folder / ".filler"
        free = os.statvfs(folder)
        taken = max(0, free.f_bavail - -(-room // PAGE)) * PAGE
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, taken)
        yield filler
        filler.unlink(missing_ok=True)
        shutil.rmtree(aside)
        shutil.copytree(folder, aside)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()
    aside.rename(folder)
