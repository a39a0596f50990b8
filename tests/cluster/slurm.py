"""A small Slurm on this machine: munge, one controller, two nodes, a GPU that is none; no root, no systemd.

Node `one` has CPUs, node `two` has a GPU as well, which stands for /dev/null. Partition `cpu` has both
nodes, partition `gpu` the second. A job that holds more memory than it asked for is killed. All daemons are
children of this process and are ended by their own numbers.
"""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "srun", "scancel", "squeue", "scontrol", "sinfo")
TOOLS = ("setpriv",)
PLACES = ("/usr/sbin", "/sbin", "/usr/local/sbin")
NODES = ("one", "two")
COLUMNS = {
    "id": "JobID",
    "state": "State",
    "partition": "Partition",
    "node": "NodeList",
    "memory": "MinMemory",
    "gpus": "tres-per-job",
    "restarts": "RestartCnt",
    "rule": "Comment",
}
WIDTH = 300  # of a column
PATIENCE = 60.0  # seconds for a daemon to answer
TERMINATED = 143  # exit status of a process that a SIGTERM ended

CONFIG = """\
ClusterName=small
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0
ReturnToService=2
SlurmdTimeout=30
MinJobAge=3600
KillWait=2
SlurmdParameters=config_overrides
GresTypes=gpu
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
NodeName=one NodeHostname={host} NodeAddr=127.0.0.1 Port={one} CPUs={cpus} RealMemory={memory} Weight=1
NodeName=two NodeHostname={host} NodeAddr=127.0.0.1 Port={two} CPUs={cpus} RealMemory={memory} Weight=9 \\
    Gres=gpu:none:1
PartitionName=cpu Nodes=one,two Default=YES MaxTime=INFINITE
PartitionName=gpu Nodes=two MaxTime=INFINITE
"""


def find_program(name: str) -> str | None:
    """Path of a program; daemons are also looked for where a user's PATH does not lead."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(PLACES))


def missing_programs() -> list[str]:
    """Which of Slurm's and munge's programs this machine lacks."""
    return [name for name in (*DAEMONS, *CLIENTS, *TOOLS) if find_program(name) is None]


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


@dataclass
class Slurm:
    """A running cluster: `environment` is what its clients need to find it."""

    folder: Path
    environment: dict[str, str]
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *line: str) -> None:
        """Start a daemon as a child with a log of its own, which ends where this process is killed."""
        program = find_program(line[0])
        assert program is not None, line[0]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", program, *line[1:]],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_node(self, name: str) -> None:
        """Start the daemon of a node, for the first time or after it was ended."""
        self.start(name, "slurmd", "-D", "-N", name)

    def end(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End a daemon by its own number; one that does not listen is killed."""
        daemon = self.daemons.pop(name)
        daemon.send_signal(number)
        try:
            daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def ask(self, *line: str, check: bool = True) -> str:
        """What a client of Slurm's answers."""
        done = subprocess.run(
            line, env=self.environment, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert not check or done.returncode == 0, f"{' '.join(line)}: {done.stderr}"
        return done.stdout.strip()

    def jobs(self, *states: str) -> list[dict[str, str]]:
        """Every job of these states, or of any: the answers of squeue by the names in COLUMNS."""
        form = ",".join(f"{column}:{WIDTH}" for column in COLUMNS.values())
        wanted = ",".join(states) if states else "all"
        text = self.ask("squeue", "--noheader", f"--states={wanted}", f"--Format={form}")
        rows = [
            [row[at : at + WIDTH].strip() for at in range(0, len(row), WIDTH)] for row in text.splitlines()
        ]
        return [dict(zip(COLUMNS, row, strict=False)) for row in rows]

    def processes(self, job: str) -> list[int]:
        """Numbers of the processes that keep a job's steps, oldest first."""
        found = []
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                with contextlib.suppress(OSError):
                    line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if line.startswith(f"slurmstepd: [{job}."):
                        found.append(int(place.name))
        return sorted(found)

    def down(self, node: str) -> None:
        """What a power cut does: the node's daemon and all that its jobs run are gone at once."""
        running = [job["id"] for job in self.jobs("RUNNING", "COMPLETING") if job["node"] == node]
        self.end(node, signal.SIGKILL)
        for job in running:
            for number in self.processes(job):
                end_tree(number)
        self.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=power")
        for job in running:  # Slurm would wait two minutes
            self.ask("scontrol", "update", f"jobid={job}", "starttime=now", check=False)


def children_of(number: int) -> list[int]:
    """Numbers of a process's children."""
    text = ""
    with contextlib.suppress(OSError):
        for place in Path(f"/proc/{number}/task").iterdir():
            text += (place / "children").read_text()
    return [int(word) for word in text.split()]


def end_tree(number: int) -> None:
    """Kill a process and all below it, from the top: no parent may live to report its child's end."""
    below = children_of(number)
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)
    for child in below:
        end_tree(child)


def processes_in(folder: Path) -> list[int]:
    """Numbers of the processes that have files of the cluster in `folder` in their environment."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and int(place.name) != os.getpid():
            with contextlib.suppress(OSError):
                if f"{folder}/".encode() in (place / "environ").read_bytes():
                    found.append(int(place.name))
    return sorted(found)


@contextlib.contextmanager
def left_by_sigterm() -> Iterator[None]:
    """A SIGTERM leaves the block as Ctrl-C does: what was started in it is ended, and so is the session."""

    def leave(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pytest.exit("terminated", returncode=TERMINATED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def write_shims(folder: Path, names: Sequence[str]) -> Path:
    """Programs of the same names that find this cluster where SLURM_CONF was taken from the environment."""
    place = folder / "bin"
    place.mkdir()
    for name in names:
        shim = place / name
        shim.write_text(
            f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {find_program(name)} "$@"\n', encoding="utf-8"
        )
        shim.chmod(0o755)
    return place


def write_cluster(folder: Path, *, cpus: int, memory: int) -> None:
    """The files of a cluster in `folder`; every node has `cpus` CPUs and `memory` MB on paper."""
    (folder / "state").mkdir()
    port, *nodes = free_ports(1 + len(NODES))
    text = CONFIG.format(
        folder=folder,
        host=socket.gethostname().split(".")[0],
        user=getpass.getuser(),
        port=port,
        cpus=cpus,
        memory=memory,
        **dict(zip(NODES, nodes, strict=True)),
    )
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    (folder / "gres.conf").write_text("NodeName=two Name=gpu Type=none File=/dev/null\n", encoding="utf-8")
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))


def wait_for(slurm: Slurm, states: Mapping[str, str]) -> None:
    """Wait until every node says the state that is asked for."""
    end = time.monotonic() + PATIENCE
    while True:
        ended = [name for name, daemon in slurm.daemons.items() if daemon.poll() is not None]
        assert not ended, f"{ended} ended at once; the logs are in {slurm.folder}"
        said = slurm.ask("sinfo", "--noheader", "--Node", "--format=%N %T", check=False)
        found = dict(line.split() for line in said.splitlines())
        if all(found.get(node, "").startswith(state) for node, state in states.items()):
            return
        assert time.monotonic() < end, f"nodes say {found}; the logs are in {slurm.folder}"
        time.sleep(0.1)


@contextlib.contextmanager
def small_cluster(folder: Path, *, cpus: int = 8, memory: int = 64_000) -> Iterator[Slurm]:
    """Start a cluster with its files in `folder`; at the end of the block it is gone, whatever happened."""
    write_cluster(folder, cpus=cpus, memory=memory)
    path = f"{write_shims(folder, CLIENTS)}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
    slurm = Slurm(folder, {**kept, "PATH": path, "SLURM_CONF": str(folder / "slurm.conf")})
    with left_by_sigterm():
        yield from _running(slurm)


def _running(slurm: Slurm) -> Iterator[Slurm]:
    folder = slurm.folder
    try:
        files = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "seed", "log")]
        slurm.start("munged", "munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *files)
        slurm.start("slurmctld", "slurmctld", "-D", "-i")
        for node in NODES:
            slurm.start_node(node)
        wait_for(slurm, dict.fromkeys(NODES, "idle"))
        yield slurm
    finally:
        with contextlib.suppress(Exception):
            slurm.ask("scancel", f"--user={getpass.getuser()}", "--signal=KILL", "--full", check=False)
        for name in reversed(list(slurm.daemons)):
            slurm.end(name)
        for number in processes_in(folder):  # steps of jobs outlive the daemon that started them
            end_tree(number)
