"""`lab bench converge`: how long pull takes to make the world what it should be."""

import time
from collections.abc import Callable, Sequence

from lab import bringup, chaos
from lab.bench.idle import idle_ms
from lab.bench.stats import Summary, summary
from lab.demo import timing
from lab.demo.stage import LATE, NAMES, Stage, busiest, victims
from lab.progress import Progress
from lab.provider import vagrant
from lab.speed import deadline_s
from lab.units import FAKE, container_unit
from lab.waiting import until
from provisioning.topology import Topology
from services.core.profile import profile

# What is measured -> how; each leaves the stage as it found it.
MEASURES: dict[str, Callable[[Stage], float]] = {}
IDLE = "idle agent pass (CPU ms)"

Results = dict[str, dict[str, Summary | None]]


def measure(
    lab: Topology, modes: Sequence[str], names: Sequence[str], runs: int, progress: Progress
) -> Results:
    """Return measurement -> profile -> summary, over `runs` runs in each profile of `names`.

    modes: those that the lab is in, and keeps. All profiles are measured in this one call, so
    that their ratio is of one machine at one time.
    """
    mode = "both" if len(modes) > 1 else modes[0]
    results: Results = {}
    for name in names:
        with progress.phase(f"profile {name}: switch"):
            bringup.up(mode, name, progress)
        stage = Stage(lab, ["pull"], profile(name), progress)
        for what, values in _in_profile(stage, runs, progress).items():
            results.setdefault(what, {})[name] = summary(values)
    return results


def _in_profile(stage: Stage, runs: int, progress: Progress) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {what: [] for what in MEASURES}
    name = stage.profile.name
    stage.heal()
    try:
        stage.set()
        idle = idle_ms(stage, stage.lab.nodes[0], runs)
        for run in range(1, runs + 1):
            for what, play in MEASURES.items():
                values[what].append(play(stage))
                progress(f"{name}, run {run} of {runs}: {what} {values[what][-1]:.1f} s")
    finally:
        stage.heal()
        stage.clear()
    return {**values, IDLE: idle}


def declared(stage: Stage) -> float:
    """Return the seconds from declaring a container to pull's API reporting that it serves."""
    began_s = time.monotonic()
    stage.declare("pull", LATE)
    stage.await_pull(LATE)
    took_s = time.monotonic() - began_s
    stage.withdraw("pull", LATE)
    _await(stage, lambda: LATE not in stage.where()["pull"], f"{LATE} is gone")
    return took_s


def drifted(stage: Stage) -> float:
    """Return the seconds from starting a stray by hand to its agent having stopped it."""
    node = stage.lab.nodes[0]
    cursor = stage.cursor(node)
    began_s = time.monotonic()
    chaos.corrupt(node, FAKE, ["pull"])
    unit = container_unit("pull", FAKE)

    def corrected() -> bool:
        gone = all(seen.name != unit for seen in stage.seen([node])[node.name])
        return gone and any(FAKE in line for line in stage.log(node, cursor))

    _await(stage, corrected, f"{FAKE} is gone from {node.name}")
    return time.monotonic() - began_s


def cut_off(stage: Stage) -> float:
    """Return the seconds from pulling a node's plug to all its containers serving elsewhere."""
    where = stage.where()
    node = busiest(where, stage.lab.nodes)
    lost = set(victims(where, node.name)["pull"])

    def healed() -> bool:
        seen = stage.pull.declared()
        elsewhere = {placed.name for placed in seen.containers if placed.node != node.name}
        return lost <= elsewhere & seen.running

    began_s = time.monotonic()
    vagrant.cut(node.name)
    _await(stage, healed, f"the containers of {node.name} run elsewhere")
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


MEASURES.update(
    {
        "declared -> running (s)": declared,
        "drift -> corrected (s)": drifted,
        "power cut -> running elsewhere (s)": cut_off,
    }
)
