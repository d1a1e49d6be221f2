"""What can go wrong between an order and the node that should carry it out.

Each class has an HTTP status in api.py; other problems of this process are plain LabErrors.
"""

from collections.abc import Sequence

from services.core.errors import LabError


class NodeDistrusted(LabError):
    """A machine that answers under a node's address but is not the node we know."""

    def __init__(self, node: str, detail: str) -> None:
        super().__init__(
            f"node {node!r} does not show the host key that is pinned for it: {detail}",
            hint=f"if {node} is a new machine, restart the lab so that its key is pinned: lab up",
        )
        self.node = node
        self.detail = detail


class NodeBusy(LabError):
    """A node that was busy with other orders for so long that ours was taken back."""

    def __init__(self, node: str, waited_s: float) -> None:
        super().__init__(
            f"{node} has been busy with other orders for {waited_s:g} s; nothing was done",
            hint="try again when they are done; GET /nodes shows whether it answers at all",
        )
        self.node = node
        self.waited_s = waited_s


class TooManyOrders(LabError):
    """More requests at once than have a thread to wait in."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} requests of this kind are waiting for nodes already; nothing was done",
            hint="try again when some of them are answered",
        )
        self.limit = limit


class OrderUnderWay(LabError):
    """An order for the same container that is not finished yet."""

    def __init__(self, name: str, waited_s: float) -> None:
        super().__init__(
            f"another order for container {name!r} is not finished after {waited_s:g} s; "
            "nothing was done",
            hint="give the next order for a container after the answer to the last one",
        )
        self.name = name
        self.waited_s = waited_s


class LoginRefused(LabError):
    """A node that does not accept our key."""

    def __init__(self, node: str, user: str, detail: str) -> None:
        super().__init__(
            f"node {node!r} refused the login as {user!r}: {detail}",
            hint=f"check the authorized key of {node} against the key of the inventory",
        )
        self.node = node
        self.user = user
        self.detail = detail


class NotRunning(LabError):
    """A container that no node runs, or not the one named."""

    def __init__(self, name: str, node: str | None) -> None:
        place = f"on {node!r}" if node else "on any node"
        super().__init__(
            f"container {name!r} is not running {place}", hint="GET /containers lists what runs"
        )
        self.name = name
        self.node = node


class RunsTwice(LabError):
    """A container on several nodes; one of them was started by hand."""

    def __init__(self, name: str, nodes: Sequence[str]) -> None:
        super().__init__(
            f"container {name!r} runs on {' and '.join(nodes)}",
            hint=f'say which one: {{"name": "{name}", "node": "{nodes[0]}"}}',
        )
        self.name = name
        self.nodes = tuple(nodes)


class WhereaboutsUnknown(LabError):
    """A container on no node that answers, while others do not answer."""

    def __init__(self, name: str, unreachable: Sequence[str]) -> None:
        silent = ", ".join(unreachable)
        super().__init__(
            f"container {name!r} is on no node that answers; unreachable: {silent}",
            hint=f"start {silent} again, or see what is left: GET /containers",
        )
        self.name = name
        self.unreachable = tuple(unreachable)
