"""`lab`, whose machines are doubles: what a test plays on a terminal, in a process of its own.

    python -m tests.demo.theatre FOLDER WORDS...

Each step says `played STEP`. In the environment, MISSED is a step at which pull misses its
deadline, and HANGS one that does not end.
"""

import os
import sys
import threading
from pathlib import Path

from lab import cli, paths
from lab.bringup import bringup
from lab.experiment import runner
from lab.experiment.pace import Waited
from lab.planes import modes
from services.core.profiles import profile
from tests.experiment.histories import healed

MISSED, HANGS = os.environ.get("MISSED"), os.environ.get("HANGS")


def run(experiment, setting, folder, progress, pace, reset=None):
    made = healed(checks={"repaired": True})
    for number, step in enumerate(experiment.method):
        name, more = step["name"], "until" in step
        pace.before(name, lambda: "lab chaos cut node1")
        print(f"played {name}", flush=True)
        made.put(4 + number, "step", name=name, phase="begin")
        if name == HANGS:
            threading.Event().wait()
        while more:
            came_s = None if name == MISSED else 1.0
            more = pace.again(name, Waited({"push": None, "pull": came_s}, 12.0))
        if "until" in step:
            made.put(30, "came", step=name, mode="pull")
    made.end(40)
    (folder / "history.jsonl").write_text(made.text())


def build(folder):
    """Let the lab be of doubles, with all that it writes in `folder`."""
    paths.STATE, paths.RUNS, paths.SHARED = folder, folder / "runs", folder
    runner.run = run
    modes.on = lambda topology: ["push", "pull"]
    modes.profile = lambda topology: profile("fast")
    bringup.reset = lambda progress: print("the lab was reset", flush=True)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
    sys.argv = ["lab", *sys.argv[2:]]
    sys.exit(cli.run())
