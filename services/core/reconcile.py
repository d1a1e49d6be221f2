"""Decide what one node must do next.

The agent and the property tests call this same function. Push has no use for it: nobody
there compares what is wanted with what is, and that is the lesson.
"""

from collections.abc import Iterator, Mapping

from services.core.model import Act, Container, Task, UnitState

UNWANTED = "not assigned here"
MISSING = "assigned here but not running"
STALE = "running from another image"


def reconcile(
    desired: Mapping[str, Container], observed: Mapping[str, UnitState]
) -> tuple[Task, ...]:
    """Return the tasks that turn `observed` into `desired`, in execution order.

    desired: container name -> the container this node must run.
    observed: container name -> its unit. Only units of the pull mode may appear.

    The result is empty exactly when the node has converged. Every stop comes before every
    start, so a node never runs two versions of a container at once. Equal inputs give
    equal plans: names are visited in sorted order. Total function; it never raises.
    """
    tasks = [
        task
        for name in sorted(desired.keys() | observed.keys())
        for task in _for_container(name, desired.get(name), observed.get(name))
    ]
    return tuple(sorted(tasks, key=lambda task: task.act is Act.START))


def _for_container(name: str, want: Container | None, have: UnitState | None) -> Iterator[Task]:
    if want is None:
        if have is not None:
            yield Task(Act.STOP, Container(name, have.image), UNWANTED)
    elif have is None:
        yield Task(Act.START, want, MISSING)
    elif have.image != want.image:
        # systemd ignores `start` on a unit that is active, whatever its files say now.
        yield Task(Act.STOP, Container(name, have.image), STALE)
        yield Task(Act.START, want, STALE)
