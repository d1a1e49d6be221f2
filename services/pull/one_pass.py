"""What scheduler and node controller share: one pass over the state server's HTTP API.

Standard library only, and little of it: a timer starts a pass once a second, so argparse
would be imported for nothing 86 400 times a day. A pass reads, decides, writes, and ends;
what it could not write, the next one decides anew.
"""

import sys
from collections.abc import Callable, Sequence

from services.core import wire, wire_nodes
from services.core.address import Address, parse_address
from services.core.errors import ApiRefused, ApiUnreachable, LabError
from services.core.model import Placed, Placement
from services.plain_http import request

# An answer over loopback takes milliseconds; the unit ends a pass after 20 s.
_TIMEOUT_S = 5.0
_USAGE = 2
# Somebody decided otherwise in the meantime, or deleted the container: theirs is newer.
_OVERTAKEN = (404, 409)


class Api:
    """The state server as a decider sees it. Methods raise ApiUnreachable and ApiRefused."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def containers(self) -> tuple[Placed, ...]:
        """Return everything that is declared."""
        return wire.load_placed(self._request("GET", "/api/containers"))

    def nodes(self) -> wire_nodes.NodeList:
        """Return every node that the server heard of."""
        return wire_nodes.load_nodes(self._request("GET", "/api/nodes"))

    def write(self, placement: Placement, if_node: str | None) -> None:
        """Write `placement` unless the container is no longer on `if_node`."""
        path = f"/api/containers/{placement.name}"
        self._request("PATCH", path, wire.dump_patch(placement, if_node))

    def _request(self, method: str, path: str, body: object = None) -> object:
        return request(method, self._address, path, body, timeout_s=_TIMEOUT_S)


def write_all(api: Api, verb: str, placements: Sequence[tuple[Placement, str | None]]) -> None:
    """Write each (placement, where the container is now) and print a line for it."""
    for placement, if_node in placements:
        try:
            api.write(placement, if_node)
        except ApiRefused as error:
            if error.status not in _OVERTAKEN:
                raise
            print(f"SKIP {placement.name}: decided otherwise meanwhile: {error.error}")
        else:
            target = f" -> {placement.node}" if placement.node else ""
            print(f"{verb} {placement.name}{target}: {placement.reason}")


def main(decide: Callable[[Api], None], arguments: Sequence[str]) -> int:
    """Run one pass of `decide` against the API that `--api ADDRESS:PORT` names.

    An API that does not answer is one line and exit code 0: the outage is the API's failure,
    not this unit's, and systemd would bury the line under its own about a failed pass.
    """
    try:
        decide(Api(_parse(arguments)))
    except _Usage as error:
        print(error, file=sys.stderr)
        return _USAGE
    except ApiUnreachable as error:
        print(f"nothing decided: {error}", file=sys.stderr)
    except LabError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        return 1
    return 0


class _Usage(LabError):
    pass


def _parse(arguments: Sequence[str]) -> Address:
    if len(arguments) != 2 or arguments[0] != "--api":
        raise _Usage("usage: --api ADDRESS:PORT")
    try:
        return parse_address(arguments[1])
    except LabError as error:
        raise _Usage(f"--api: {error}; {error.hint}") from None
