"""What a cycle of `lab soak` does to the real lab, and where its logs go."""

import shutil
from pathlib import Path

from lab import paths
from lab.bringup import bringup
from lab.bringup.watchdog import watched
from lab.soak.cycles import Steps
from lab.soak.remains import remains
from provisioning import topology


def steps(mode: str, profile: str) -> Steps:
    """Return the steps of a cycle; the logs of an earlier soak go."""
    lab = topology.load()
    folder = paths.STATE / "soak"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return Steps(
        up=lambda progress: bringup.up(mode, profile, progress, cold=True),
        down=bringup.down,
        remains=lambda: remains(lab),
        # A line at a time, so that `tail -f` shows where it is.
        log=lambda number: watched((folder / f"cycle-{number}.log").open("a", buffering=1)),
        keep=lambda number: str(keep(folder / f"cycle-{number}")),
    )


def keep(folder: Path) -> Path:
    """Copy what explains a failure into `folder`: consoles, Vagrant, libvirt, the ports."""
    folder.mkdir()
    for source in (paths.SHARED / "console", paths.LOGS, paths.RUN):
        for file in source.glob("*.log"):
            shutil.copyfile(file, folder / file.name)
    return folder
