"""`lab bench converge`: how long pull takes to make the world what it should be.

How long depends on when in a loop's cycle one begins, so the runs of a measurement begin at
different parts of the cycle of the loop that acts first: at 1/6, 3/6 and 5/6 of it for three
runs. In `seed` a cycle is the period and a pass, in `fast` mostly the watch within a pass. One look
over SSH before each run tells where the loop stands; what the other loops do is left to chance.
"""

import time
from collections.abc import Callable, Sequence

from lab.bench.idle import cpu_s_per_minute
from lab.bench.phase import await_phase, fraction, lived_s
from lab.bench.stats import Summary, summary
from lab.bringup import bringup
from lab.demo import timing
from lab.demo.stage import LATE, NAMES, Stage, busiest, victims
from lab.faults import chaos
from lab.host.speed import deadline_s
from lab.machines import vagrant
from lab.machines.units import FAKE, container_unit
from lab.planes.client import Declared
from lab.terminal.progress import Progress
from lab.waiting import until
from provisioning.topology import Topology
from services.core.profiles import profile

# A word for the command line -> what it measures.
DECLARED, DRIFT, CUT, IDLE = "declared", "drift", "power-cut", "idle"
TITLES = {
    DECLARED: "declared -> running (s)",
    DRIFT: "drift -> corrected (s)",
    CUT: "power cut -> running elsewhere (s)",
    IDLE: "idle agent (CPU s per minute)",
}

Results = dict[str, dict[str, Summary | None]]


def declared(stage: Stage, part: float) -> float:
    """Return the seconds from declaring a container to pull's API reporting that it serves.

    Begins at `part` of the scheduler's cycle. Includes our own HTTP exchanges through the door:
    the declaration, a look, and watches of the list, which the API answers when it changes: the
    same question in every profile. Nothing is looked at in between; no SSH.
    """
    service = "pull-scheduler.service"
    await_phase(stage, stage.lab.api, service, part, stage.profile.scheduler_s)
    began_s = time.monotonic()
    stage.declare("pull", LATE)
    stage.await_pull(LATE)
    took_s = time.monotonic() - began_s
    stage.withdraw("pull", LATE)
    _await(stage, lambda: LATE not in stage.where()["pull"], f"{LATE} is gone")
    return took_s


def drifted(stage: Stage, part: float) -> float:
    """Return the seconds from systemd starting a stray to its having stopped it for the agent.

    Begins at `part` of the agent's cycle, later by the commands that start the stray. Both
    moments are the node's own, from its journal: no SSH is in the figure.
    """
    node = stage.lab.nodes[0]
    unit = container_unit("pull", FAKE)
    cursor = stage.cursor(node)
    await_phase(stage, node, "pull-agent.service", part, stage.profile.agent_s)
    chaos.corrupt(node, FAKE, ["pull"])
    journal = ["journalctl", "--quiet", "--no-pager", "--no-hostname", "--output=short-unix"]
    journal += [f"--unit={unit}", f"--after-cursor={cursor}"]
    # Nobody looks while it happens: a look costs an emulated node as much as its correction.
    time.sleep(timing.drift_s(stage.profile))
    lived: list[float] = []

    def corrected() -> bool:
        lived_now_s = lived_s(stage.command(node, *journal))
        if lived_now_s is not None:
            lived.append(lived_now_s)
        return bool(lived)

    _await(stage, corrected, f"{FAKE} is gone from {node.name}")
    return lived[0]


def cut_off(stage: Stage, part: float) -> float:
    """Return the seconds from pulling a node's plug to all its containers serving elsewhere.

    Begins at `part` of the node controller's cycle. Includes what libvirt takes to pull the plug,
    and watches of the list through the door; no SSH.
    """
    where = stage.where()
    node = busiest(where, stage.lab.nodes)
    lost = set(victims(where, node.name)["pull"])

    def healed(seen: Declared) -> bool:
        elsewhere = {placed.name for placed in seen.containers if placed.node != node.name}
        return lost <= elsewhere & seen.running

    service = "pull-node-controller.service"
    await_phase(stage, stage.lab.api, service, part, stage.profile.controller_s)
    began_s = time.monotonic()
    vagrant.cut(node.name)
    stage.await_declared(healed, f"the containers of {node.name} run elsewhere")
    took_s = time.monotonic() - began_s
    vagrant.start(node.name)
    stage.await_nodes()
    _spread(stage)
    return took_s


def _spread(stage: Stage) -> None:
    """Declare our containers anew: the scheduler moves nothing back to a node that returned."""
    for name in NAMES:
        stage.withdraw("pull", name)
    _await(stage, lambda: not set(NAMES) & set(stage.where()["pull"]), "the stage is empty")
    stage.set()


def _await(stage: Stage, probe: Callable[[], bool], what: str) -> None:
    limit_s = deadline_s(timing.healing_s(stage.profile))
    until(probe, what, timeout_s=limit_s, hint="lab status shows why", every_s=0.05)


# What is measured -> how, given the part of a cycle at which to begin; each leaves the stage as
# it found it. IDLE is the other one: it is not played, but looked at.
MEASURES: dict[str, Callable[[Stage, float], float]] = {
    DECLARED: declared,
    DRIFT: drifted,
    CUT: cut_off,
}


def measure(
    lab: Topology,
    modes: Sequence[str],
    names: Sequence[str],
    runs: int,
    progress: Progress,
    only: Sequence[str] = (),
) -> Results:
    """Return measurement -> profile -> summary, over `runs` runs in each profile of `names`.

    modes: those that the lab is in, and keeps. only: which of TITLES; empty: all. All profiles are
    measured in this one call, so that their ratio is of one machine at one time.
    """
    mode = "both" if len(modes) > 1 else modes[0]
    chosen = [what for what in TITLES if what in only or not only]
    results: Results = {}
    for name in names:
        with progress.phase(f"profile {name}: switch"):
            bringup.up(mode, name, progress)
        stage = Stage(lab, ["pull"], profile(name), progress)
        for what, values in _in_profile(stage, runs, progress, chosen).items():
            results.setdefault(TITLES[what], {})[name] = summary(values)
    return results


def _in_profile(
    stage: Stage, runs: int, progress: Progress, chosen: Sequence[str]
) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {what: [] for what in chosen}
    name = stage.profile.name
    stage.heal()
    try:
        stage.set()
        if IDLE in chosen:
            values[IDLE] = cpu_s_per_minute(stage, stage.lab.nodes[0], runs)
        for run in range(1, runs + 1):
            for what in (word for word in chosen if word in MEASURES):
                values[what].append(MEASURES[what](stage, fraction(run, runs)))
                progress(f"{name}, run {run} of {runs}: {TITLES[what]} {values[what][-1]:.2f}")
    finally:
        stage.heal()
        stage.clear()
    return values
