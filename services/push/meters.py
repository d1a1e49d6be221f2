"""What push counts: its commands, its SSH, and what it found when it last looked.

A scrape asks no node; it shows what orders and questions found out.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.core.errors import CommandFailed, LabError, NodeUnreachable
from services.core.model import Container
from services.push.errors import LoginRefused, NodeBusy, NodeDistrusted
from services.push.push import Runner, Sight

T = TypeVar("T")

OK = "ok"
_OUTCOMES: dict[type[BaseException], str] = {
    CommandFailed: "failed",
    NodeBusy: "busy",
    NodeUnreachable: "unreachable",
    NodeDistrusted: "distrusted",
    LoginRefused: "login_refused",
}
# From a list on a machine that is near to a start on an emulated one.
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


def outcome(error: BaseException | None) -> str:
    """Return one word for how a command ended; a label of metrics, so there are few of them."""
    return OK if error is None else _OUTCOMES.get(type(error), "error")


class PushMetrics:
    """Push's own metrics, in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ssh = Histogram(
            "push_ssh_seconds", "One command over SSH, with the login if there was one.",
            ["node", "outcome"], buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.commands = Counter(
            "push_commands_total", "Orders and questions to nodes.",
            ["command", "node", "outcome"], registry=registry,
        )  # fmt: skip
        self.unreachable = Gauge(
            "push_node_unreachable", "1 if the node did not answer when it was last asked, else 0.",
            ["node"], registry=registry,
        )  # fmt: skip
        self.listed = Gauge(
            "push_containers_listed", "What the node ran when it last answered.",
            ["node"], registry=registry,
        )  # fmt: skip

    def ssh(self, node: str, error: BaseException | None, spent_s: float) -> None:
        """Record one command over SSH to `node`. error: what it ended with, None for success."""
        self._ssh.labels(node, outcome(error)).observe(spent_s)


class Metered:
    """A Runner that does what another one does, and counts."""

    def __init__(self, runner: Runner, meters: PushMetrics) -> None:
        self.names = runner.names
        self._runner = runner
        self._meters = meters

    def look(self, nodes: Sequence[str]) -> Sight:
        """Ask as the other does, and keep what was found for the next scrape."""
        sight = self._runner.look(nodes)
        for node, found in sight.items():
            error = found if isinstance(found, LabError) else None
            self._count("list", node, error)
            self._meters.unreachable.labels(node).set(error is not None)
            if not isinstance(found, LabError):
                self._meters.listed.labels(node).set(len(found.running))
        return sight

    def start(self, node: str, container: Container) -> bool:
        """Start as the other does."""
        return self._counted("start", node, lambda: self._runner.start(node, container))

    def stop(self, node: str, name: str) -> bool:
        """Stop as the other does."""
        return self._counted("stop", node, lambda: self._runner.stop(node, name))

    def _counted(self, command: str, node: str, order: Callable[[], T]) -> T:
        try:
            done = order()
        except Exception as error:
            self._count(command, node, error)
            raise
        self._count(command, node, None)
        return done

    def _count(self, command: str, node: str, error: BaseException | None) -> None:
        self._meters.commands.labels(command, node, outcome(error)).inc()
