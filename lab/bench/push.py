"""`lab bench push`: how long push takes to start many containers that are ordered at once."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.bench.ansible import Ansible
from lab.host.speed import deadline_s
from lab.planes.client import ORDER_S, PushClient, connect
from lab.terminal.progress import Progress
from provisioning.topology import Topology
from services.core.errors import LabError

PUSH, STOPPED, ANSIBLE = "push: start", "push: stop", "Ansible: start"
# Measurement -> its seconds, run by run.
Results = dict[str, list[float]]


def names(count: int) -> list[str]:
    """Return the names of `count` containers that no user of the lab would choose."""
    return [f"bench-{number}" for number in range(1, count + 1)]


def measure(
    lab: Topology, count: int, runs: int, progress: Progress, *, baseline: bool = False
) -> Results:
    """Return the seconds of each run: `count` orders at once, until the last one is answered.

    baseline: Ansible, too, starts the same units, in the same runs and on the same nodes.
    It is installed for that and removed afterwards. All containers are stopped after each start.
    Raises LabError if one does not start.
    """
    push, _ = connect(lab)
    wanted = names(count)
    results: Results = {}
    stop_all(push, wanted)
    try:
        with TemporaryDirectory(prefix="lab-bench-push-") as scratch:
            starts: dict[str, Callable[[], float]] = {PUSH: lambda: start_all(push, wanted)}
            if baseline:
                with progress.phase("install ansible-core"):
                    ansible = Ansible(Path(scratch), lab.nodes)
                starts[ANSIBLE] = lambda: ansible.start(wanted, deadline_s(60 + 2 * count))
            for run in range(1, runs + 1):
                for what, start in starts.items():
                    results.setdefault(what, []).append(start())
                    progress(f"run {run} of {runs}: {what} {results[what][-1]:.1f} s")
                    results.setdefault(STOPPED, []).append(stop_all(push, wanted))
    finally:
        stop_all(push, wanted)
    return results


def start_all(push: PushClient, wanted: Sequence[str]) -> float:
    """Order all of `wanted` at once; return the seconds until all of them serve."""

    def start(name: str) -> None:
        answer = push.request(
            "POST", "/container/start", {"name": name}, read_s=deadline_s(ORDER_S)
        )
        if answer.get("status") != "started":
            raise LabError(f"push did not start {name!r}: {answer}", hint="lab status")

    return _at_once(start, wanted)


def stop_all(push: PushClient, wanted: Sequence[str]) -> float:
    """Stop all of `wanted` at once; return the seconds until they are gone."""
    return _at_once(push.stop, wanted)


def _at_once(order: Callable[[str], None], wanted: Sequence[str]) -> float:
    with ThreadPoolExecutor(len(wanted)) as pool:
        began_s = time.monotonic()
        list(pool.map(order, wanted))  # raises what an order raised
        return time.monotonic() - began_s
