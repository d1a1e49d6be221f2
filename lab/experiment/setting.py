"""Under what an experiment runs, and the words that it may use."""

import os
import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple

from lab.experiment.check.judge import CHECKS
from lab.experiment.check.timeline import BEFORE, ROLLBACK
from lab.experiment.parse import Experiment, Vocabulary
from lab.faults import catalogue, targets
from lab.faults.plan import API, complete
from lab.history.history import Writer
from lab.history.record import VERSION
from lab.host import settings
from provisioning import topology as topology_file
from provisioning.box import build as box_build
from provisioning.topology import Topology
from services.core.profiles import Profile, stretched


class Setting(NamedTuple):
    """Under what an experiment runs. number: of this run, from 1."""

    lab: Topology
    modes: Sequence[str]
    profile: Profile
    seed: int
    number: int

    @property
    def timings(self) -> Profile:
        """The profile as this machine's speed makes it."""
        return stretched(self.profile, settings.load().accel.slowness)

    def begin(self, writer: Writer, experiment: Experiment) -> None:
        """Write the first record of a history."""
        accel = settings.load().accel
        writer.put(
            "begin",
            version=VERSION,
            experiment={"name": experiment.name, **experiment.document},
            modes=list(self.modes),
            profile=self.timings._asdict(),
            seed=self.seed,
            run=self.number,
            nodes=[node.name for node in self.lab.nodes],
            api=self.lab.api.name,
            machine={
                "accelerator": accel.name,
                "slowness": accel.slowness,
                "cpus": os.cpu_count(),
                "model": platform.processor() or platform.machine(),
            },
            versions={"lab": version("pushpull-lab"), "box": box_build.wanted().key},
            at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )


def known() -> Vocabulary:
    """Return the words that an experiment may use."""
    lab = topology_file.load()
    faults = catalogue.CATALOGUE.values()
    return Vocabulary(
        faults=list(catalogue.CATALOGUE),
        complete=lambda name, options: complete(catalogue.find(name), options),
        aimless=[fault.name for fault in faults if fault.aims == API],
        momentary=[fault.name for fault in faults if fault.momentary],
        machines=[machine.name for machine in lab.machines],
        rules=targets.RULES,
        checks=CHECKS,
        reserved=(BEFORE, ROLLBACK),
    )
