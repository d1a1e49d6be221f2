"""Decide what one node must do next.

The agent calls this in every pass (services/agent/tick.py), and so do the property tests. Push has
no use for it: nothing there compares what is desired with what is observed. That is the lesson.
"""

from collections.abc import Iterator

from services.core.model import Act, Container, Desired, Observed, Task, UnitState

UNWANTED = "not assigned here"
MISSING = "assigned here but not running"
STALE = "running from another image"


def reconcile(desired: Desired, observed: Observed) -> tuple[Task, ...]:
    """Return the tasks that turn `observed` into `desired`, in execution order.

    desired: what this node must run. If that is unknown there are no tasks: "unknown" never means
    "nothing".
    observed: container name -> its unit. Only units of the pull mode may appear.

    The result is empty when the node has converged, and while systemd still works on what is
    missing. Every stop comes before every start, so a node never runs two versions of a container
    at once. Equal inputs give equal plans: names are visited in sorted order.
    Total function; it never raises.
    """
    if desired.containers is None:
        return ()
    tasks = [
        task
        for name in sorted(desired.containers.keys() | observed.keys())
        for task in _for_container(
            name, desired.containers.get(name), observed.get(name), desired.withheld.get(name)
        )
    ]
    return tuple(sorted(tasks, key=lambda task: task.act is Act.START))


def _for_container(
    name: str, want: Container | None, have: UnitState | None, withheld: str | None
) -> Iterator[Task]:
    if want is None:
        if have is not None and have.job is not Act.STOP:
            yield Task(Act.STOP, Container(name, have.image), withheld or UNWANTED)
    elif have is None:
        yield Task(Act.START, want, MISSING)
    elif have.image != want.image:
        # systemd ignores `start` on a unit that is active, whatever its files say now.
        yield Task(Act.STOP, Container(name, have.image), STALE)
        yield Task(Act.START, want, STALE)
