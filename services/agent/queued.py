"""What systemd was asked for a moment ago, and may not show yet.

`systemctl --no-block` returns when a job is queued; until it runs, a container that starts has
no processes, and one that stops has them still. Whoever looks every 150 ms sees both.
"""

from collections.abc import Mapping, Sequence

from services.core.model import Act, Task, UnitState


class Queued:
    """Tasks of the last patience_s seconds. Times are the caller's, of one clock."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._starts: dict[str, tuple[float, str]] = {}
        self._stops: dict[str, float] = {}

    def note(self, tasks: Sequence[Task], now_s: float) -> None:
        """Remember that `tasks` were performed at now_s, in their order."""
        for task in tasks:
            name = task.container.name
            self._starts.pop(name, None)
            if task.act is Act.START:
                self._starts[name] = (now_s, task.container.image)
                self._stops.pop(name, None)
            else:
                self._stops[name] = now_s

    def with_starting(
        self, observed: Mapping[str, UnitState], now_s: float
    ) -> dict[str, UnitState]:
        """Return `observed` and what may start any moment, as not ready.

        So nobody starts it again at once, not even if it fails at once; whoever wants it no
        longer stops it, which takes the job from the queue; and no report leaves it out.
        """
        starting = {
            name: UnitState(image, ready=False)
            for name, (at_s, image) in self._starts.items()
            if now_s - at_s < self._patience_s
        }
        return {**starting, **observed}

    def fresh(self, tasks: Sequence[Task], now_s: float) -> tuple[Task, ...]:
        """Return `tasks` without those stops that were asked for a moment ago.

        A stop for the sake of a start stays: it is waited for, so it has shown.
        """
        started = {task.container.name for task in tasks if task.act is Act.START}
        return tuple(
            task
            for task in tasks
            if task.act is Act.START
            or task.container.name in started
            or now_s - self._stops.get(task.container.name, -self._patience_s) >= self._patience_s
        )
