"""What a list of everything costs, with and without an ETag."""

import time

from benchmarks.server.load import Answer, Connection
from benchmarks.server.process import Server
from services.core.errors import ApiRefused

_PATH = "/api/containers"


async def seconds(server: Server, rounds: int) -> dict[str, list[float]]:
    """Return kind of request -> seconds of each of `rounds` requests for the whole list.

    whole: without a condition, while nothing changes. changed: the same, each right after a
    change. etag: with the ETag of the answer before, answered 304.
    """
    connection = Connection(server.admin)
    found: dict[str, list[float]] = {"whole": [], "changed": [], "etag": []}
    try:
        for turn in range(rounds):
            await connection.expect("PUT", f"{_PATH}/c00000", {"on_disconnect": _POLICY[turn % 2]})
            spent_s, _ = await _timed(connection, {})
            found["changed"].append(spent_s)
            spent_s, answer = await _timed(connection, {})
            found["whole"].append(spent_s)
            spent_s, unchanged = await _timed(connection, {"If-None-Match": answer.etag})
            if unchanged.status != 304:
                raise ApiRefused(_PATH, unchanged.status, "the list changed while nothing changed")
            found["etag"].append(spent_s)
    finally:
        await connection.close()
    return found


_POLICY = ("stop", "keep")


async def _timed(connection: Connection, headers: dict[str, str]) -> tuple[float, Answer]:
    began_s = time.monotonic()
    answer = await connection.request("GET", _PATH, headers=headers)
    return time.monotonic() - began_s, answer
