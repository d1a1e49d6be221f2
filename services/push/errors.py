"""What can go wrong between an order and the node that should carry it out."""

from collections.abc import Sequence

from services.core.errors import LabError


class NodeDistrusted(LabError):
    """A machine that answers under a node's address but is not the node we know."""

    def __init__(self, node: str, detail: str) -> None:
        super().__init__(
            f"node {node!r} does not show the host key that is pinned for it: {detail}",
            hint=f"if {node} was made anew, restart the lab so that its new key is pinned: lab up",
        )
        self.node = node
        self.detail = detail


class NodeBusy(LabError):
    """A node whose orders are carried out one after the other, and before ours too many."""

    def __init__(self, node: str, waited_s: float) -> None:
        super().__init__(
            f"no turn within {waited_s:g} s: {node} is busy with other orders; nothing was done",
            hint="try again when they are done; GET /nodes tells whether it answers at all",
        )
        self.node = node
        self.waited_s = waited_s


class TooManyOrders(LabError):
    """More orders at once than are kept waiting."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} orders are being carried out already; nothing was done",
            hint="try again when some are done, or give the next order after the last answer",
        )
        self.limit = limit


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
    """A container that somebody started by hand beside ours."""

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
            hint=f"bring {silent} back, or see what is left: GET /containers",
        )
        self.name = name
        self.unreachable = tuple(unreachable)
