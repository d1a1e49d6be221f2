"""Where the lab keeps things on your machine."""

import os
from pathlib import Path

from provisioning.host import SHARED as SHARED

ROOT = Path(__file__).resolve().parents[1]
# This checkout's own: keys, settings, logs of long commands. Delete it after `lab down` only.
STATE = ROOT / ".lab"
SETTINGS = STATE / "lab.json"
LOGS = STATE / "log"
# NAME/TIME of each run of an experiment; what is there is yours to delete.
RUNS = STATE / "runs"
# What `lab stage` recorded for itself, while nothing else did: the latest few.
STAGE = STATE / "stage"
ACCEL = STATE / "accel.json"
# Of this boot: sockets, and the process ids of what the lab started.
RUN = Path("/run/pushpull-lab") if os.geteuid() == 0 else Path(f"/tmp/pushpull-lab-{os.geteuid()}")  # noqa: S108
