"""qsub, qstat and qdel of a queue that there is not: jobs run at once; what they asked for is written down.

Copied to a folder of the PATH under each of the three names. The first job is killed, as a queue kills one
for its memory: no word of it is left but its exit status.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

QUEUE = Path(__file__).resolve().parent
KILLED = 137
STEPS = '/bin/sh "$0" > "$1.log" 2>&1; echo $? > "$1.part"; mv "$1.part" "$1.exit"'


def submit(line: list[str]) -> None:
    """Start the script at the end of the line, and print the number of its job."""
    number = len(list(QUEUE.glob("*.json"))) + 1
    (QUEUE / f"{number}.json").write_text(json.dumps(line), encoding="utf-8")
    if number == 1:
        (QUEUE / f"{number}.exit").write_text(str(KILLED), encoding="utf-8")
    else:
        subprocess.Popen(
            ["/bin/sh", "-c", STEPS, line[-1], str(QUEUE / str(number))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    sys.stdout.write(f"{number}\n")


def tell(number: str) -> None:
    """Say the state of a job as `qstat -x -f` does."""
    ended = QUEUE / f"{number}.exit"
    state = "F" if ended.exists() else "R"
    text = f"    Exit_status = {ended.read_text().strip()}\n" if ended.exists() else ""
    sys.stdout.write(f"Job Id: {number}\n    job_state = {state}\n{text}")


if __name__ == "__main__":
    name = os.path.basename(sys.argv[0])  # noqa: PTH119 (as short as a name)
    if name == "qsub":
        submit(sys.argv[1:])
    elif name == "qstat":
        tell(sys.argv[-1])
