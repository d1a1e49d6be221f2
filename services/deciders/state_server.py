"""The state server as scheduler and node controller see it: what they read, wait for and write.

Standard library only, and little of it: a timer starts these programs again and again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from services.core import wire, wire_nodes
from services.core.address import Address
from services.core.errors import ApiRefused, printable
from services.core.model import Placed, Placement
from services.deciders.watched import Watched
from services.lib.http_client import Pending, Reply

NEVER_S = float("inf")
# Somebody decided otherwise in the meantime, or deleted the container: theirs is newer.
_OVERTAKEN = 412


class Wait(NamedTuple):
    """When to decide anew: as soon as `on` says so, at the latest after at_most_s."""

    on: Callable[[float], bool | None]
    at_most_s: float = NEVER_S


# Takes the reason why nothing (more) is decided.
Held = Callable[[str], None]
# One decision: reads, writes, and says when to decide anew. The number: tick_s of the profile.
Decide = Callable[["Api", Held, float], Wait]


class Api:
    """The state server at `address`. Methods raise ApiUnreachable and ApiRefused."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        path = "/api/containers"
        self.containers = Watched(self._ask, path, wire.load_placed)
        self.unassigned = Watched(self._ask, f"{path}?unassigned=true", wire.load_placed)
        # How long nodes are silent grows without a new version.
        self.nodes = Watched(self._ask, "/api/nodes", wire_nodes.load_nodes, ages=True)

    def write(self, placement: Placement, revision: int) -> None:
        """Write `placement` unless anybody changed the container since `revision`."""
        headers = {"If-Match": f'"{revision}"', "Prefer": "return=minimal"}
        body = wire.dump_patch(placement)
        self._ask("PATCH", f"/api/containers/{placement.name}", headers, body, 0.0)

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: object, wait_s: float
    ) -> Reply:
        timeout_s = self._timeout_s + wait_s
        pending = Pending(method, self._address, path, body, headers=headers, timeout_s=timeout_s)
        return pending.result()


class HeldOnce:
    """Prints why nothing more is decided, when that begins or changes; "" when nothing is held."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, reason: str) -> None:
        if reason and reason != self._said:
            print(printable(f"HELD: {reason}"), flush=True)
        self._said = reason


def write_all(
    api: Api, verb: str, placements: Sequence[Placement], containers: Sequence[Placed]
) -> bool:
    """Write each placement and print a line for it; return whether somebody was faster.

    containers: what the placements were decided from. A decision holds for a container as it was
    then: from old data nothing is written over a newer decision.
    """
    revisions = {placed.name: placed.revision for placed in containers}
    overtaken = False
    for placement in placements:
        try:
            api.write(placement, revisions[placement.name])
        except ApiRefused as error:
            if error.status != _OVERTAKEN:
                raise
            overtaken = True
            line = f"SKIP {placement.name}: decided otherwise meanwhile: {error.error}"
            print(printable(line), flush=True)
        else:
            target = f" -> {placement.node}" if placement.node else ""
            print(printable(f"{verb} {placement.name}{target}: {placement.reason}"), flush=True)
    return overtaken
