"""Where the lab keeps things on your machine."""

import hashlib
import os
from pathlib import Path

from lab import kind
from provisioning import host

ROOT = Path(__file__).resolve().parents[1]
KIND = kind.look(ROOT)
# This checkout's own: keys, settings, logs of long commands. Delete it after `lab down` only.
STATE = ROOT / ".lab"
SETTINGS = STATE / "lab.json"
LOGS = STATE / "log"
# NAME/TIME of each run of an experiment; what is there is yours to delete.
RUNS = STATE / "runs"
# What `lab stage` recorded for itself, while nothing else did: the latest few.
STAGE = STATE / "stage"
ACCEL = STATE / "accel.json"

if KIND.name == kind.QEMU:
    # An ordinary user's own, so that two labs on one computer do not meet. Sockets have short
    # paths (unix(7)), and a checkout may have a long one.
    SHARED = STATE / "qemu"
    _LAB = f"{os.geteuid()}-{hashlib.sha256(os.fspath(ROOT).encode()).hexdigest()[:8]}"
    RUN = Path(f"/tmp/pushpull-lab-{_LAB}")  # noqa: S108
else:
    # What QEMU opens itself, as another user where a system-wide libvirt runs it; and the lock.
    SHARED = host.SHARED
    # Of this boot: sockets, and the process ids of what the lab started.
    RUN = (
        Path("/run/pushpull-lab")
        if os.geteuid() == 0
        else Path(f"/tmp/pushpull-lab-{os.geteuid()}")  # noqa: S108
    )
