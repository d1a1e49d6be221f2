"""Decide what one node must do next.

The agent calls this in every pass (services/agent/tick.py), and so do the property tests. Push has
no use for it: nothing there compares what is desired with what is observed. That is the lesson.
"""

from services.core.model import Act, Container, Desired, Observed, Task, UnitState

UNWANTED = "not assigned here"
MISSING = "assigned here but not running"
STALE = "running from another image"
REPLACED = "deleted and declared again"


def reconcile(desired: Desired, observed: Observed) -> tuple[Task, ...]:
    """Return the tasks that turn `observed` into `desired`, in execution order.

    desired: what this node must run. If that is unknown only what is withheld is stopped: "unknown"
    never means "nothing".
    observed: container name -> its unit. Only units of the pull mode may appear.

    The result is empty when the node has converged, and while systemd still works on what is
    missing. Every stop comes before every start, so a node never runs two versions of a container
    at once. Equal inputs give equal plans: names are visited in sorted order.
    Total function; it never raises.
    """
    wanted = desired.containers
    if wanted is None:
        observed = {name: observed[name] for name in desired.withheld if name in observed}
        wanted = {}
    tasks: list[Task] = []
    for name in sorted(wanted.keys() | observed.keys()):
        want, have = wanted.get(name), observed.get(name)
        tasks += _for_container(name, want, have, desired.withheld.get(name, UNWANTED))
    return tuple(sorted(tasks, key=lambda task: task.act is Act.START))


def _for_container(
    name: str, want: Container | None, have: UnitState | None, unwanted: str
) -> tuple[Task, ...]:
    if want is None:
        if have is None or have.job is Act.STOP:
            return ()
        return (Task(Act.STOP, Container(name, have.image), unwanted),)
    if have is None:
        return (Task(Act.START, want, MISSING),)
    if have.runs(want):
        return ()
    reason = STALE if have.image != want.image else REPLACED
    # systemd ignores `start` on a unit that is active, whatever its files say now.
    return (Task(Act.STOP, Container(name, have.image), reason), Task(Act.START, want, reason))
