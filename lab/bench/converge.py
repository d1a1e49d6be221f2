"""`lab bench converge`: how long pull takes to make the world what it should be.

How long depends on when in a loop's cycle one begins, so the runs of a measurement begin at
different parts of the cycle of the loop that acts first: at 1/6, 3/6 and 5/6 of it for three
runs. In `seed` a cycle is the period and a pass, in `fast` mostly the watch within a pass. One look
over SSH before each run shows where the loop stands; what the other loops do is left to chance.
"""

import time
from collections.abc import Callable, Sequence

from lab.bench.idle import cpu_s_per_minute
from lab.bench.phase import await_phase, fraction, lived_s
from lab.bench.playground import LATE, NAMES, Playground, busiest, victims
from lab.bench.stats import Summary, summary
from lab.bringup import bringup
from lab.experiment import timing
from lab.faults import chaos
from lab.host.speed import deadline_s
from lab.machines import power
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


def declared(playground: Playground, part: float) -> float:
    """Return the seconds from declaring a container to pull's API reporting that it serves.

    Begins at `part` of the scheduler's cycle. Includes our own HTTP exchanges through the door:
    the declaration, a look, and watches of the list, which the API answers when it changes: the
    same question in every profile. Nothing is looked at in between; no SSH.
    """
    service = "pull-scheduler.service"
    await_phase(playground, playground.lab.api, service, part, playground.profile.scheduler_s)
    began_s = time.monotonic()
    playground.declare(LATE)
    playground.await_pull(LATE)
    took_s = time.monotonic() - began_s
    playground.withdraw(LATE)
    _await(playground, lambda: LATE not in playground.where(), f"{LATE} is gone")
    return took_s


def drifted(playground: Playground, part: float) -> float:
    """Return the seconds from systemd starting a stray to its having stopped it for the agent.

    Begins at `part` of the agent's cycle, later by the commands that start the stray. Both
    moments are the node's own, from its journal: no SSH is in the figure.
    """
    node = playground.lab.nodes[0]
    unit = container_unit("pull", FAKE)
    cursor = playground.cursor(node)
    await_phase(playground, node, "pull-agent.service", part, playground.profile.agent_s)
    chaos.corrupt(playground.lab, node, FAKE, ["pull"])
    journal = ["journalctl", "--quiet", "--no-pager", "--no-hostname", "--output=short-unix"]
    journal += [f"--unit={unit}", f"--after-cursor={cursor}"]
    # No look meanwhile: it costs an emulated node as much as the correction.
    time.sleep(timing.drift_s(playground.profile))
    lived: list[float] = []

    def corrected() -> bool:
        lived_now_s = lived_s(playground.command(node, *journal))
        if lived_now_s is not None:
            lived.append(lived_now_s)
        return bool(lived)

    _await(playground, corrected, f"{FAKE} is gone from {node.name}")
    return lived[0]


def cut_off(playground: Playground, part: float) -> float:
    """Return the seconds from pulling a node's plug to all its containers serving elsewhere.

    Begins at `part` of the node controller's cycle. Includes what libvirt takes to pull the plug,
    and watches of the list through the door; no SSH.
    """
    where = playground.where()
    node = busiest(where, playground.lab.nodes)
    lost = set(victims(where, node.name))

    def healed(seen: Declared) -> bool:
        elsewhere = {placed.name for placed in seen.containers if placed.node != node.name}
        return lost <= elsewhere & seen.running

    service = "pull-node-controller.service"
    await_phase(playground, playground.lab.api, service, part, playground.profile.controller_s)
    began_s = time.monotonic()
    power.cut(node.name)
    playground.await_declared(healed, f"the containers of {node.name} run elsewhere")
    took_s = time.monotonic() - began_s
    power.start(node.name)
    playground.await_nodes()
    _spread(playground)
    return took_s


def _spread(playground: Playground) -> None:
    """Declare our containers again: the scheduler moves nothing back to a node that returned."""
    for name in NAMES:
        playground.withdraw(name)
    _await(
        playground,
        lambda: not set(NAMES) & set(playground.where()),
        "the playground is empty",
    )
    playground.prepare()


def _await(playground: Playground, probe: Callable[[], bool], what: str) -> None:
    limit_s = deadline_s(timing.healing_s(playground.profile))
    until(probe, what, timeout_s=limit_s, hint="lab status shows why", every_s=0.05)


# What is measured -> how, given the part of a cycle at which to begin; each leaves the
# playground as it found it. IDLE is not among them: it needs no fault, only a look.
MEASURES: dict[str, Callable[[Playground, float], float]] = {
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

    modes: those that the lab is in, and stays in. only: which of TITLES; empty: all. All profiles
    are measured in this one call, so that their ratio is of one machine at one time.
    """
    mode = "both" if len(modes) > 1 else modes[0]
    chosen = [what for what in TITLES if what in only or not only]
    results: Results = {}
    for name in names:
        with progress.phase(f"profile {name}: switch"):
            bringup.up(mode, name, progress)
        playground = Playground(lab, profile(name), progress)
        for what, values in _in_profile(playground, runs, progress, chosen).items():
            results.setdefault(TITLES[what], {})[name] = summary(values)
    return results


def _in_profile(
    playground: Playground, runs: int, progress: Progress, chosen: Sequence[str]
) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {what: [] for what in chosen}
    name = playground.profile.name
    playground.heal()
    try:
        playground.prepare()
        if IDLE in chosen:
            values[IDLE] = cpu_s_per_minute(playground, playground.lab.nodes[0], runs)
        for run in range(1, runs + 1):
            for what in (word for word in chosen if word in MEASURES):
                values[what].append(MEASURES[what](playground, fraction(run, runs)))
                progress(f"{name}, run {run} of {runs}: {TITLES[what]} {values[what][-1]:.2f}")
    finally:
        playground.heal()
        playground.clear()
    return values
