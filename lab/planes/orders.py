"""What was ordered from push, as its API's log says: push itself keeps no list of it."""

import re
from typing import NamedTuple

# Since the API started: nothing tells whether an order from before still counts.
LOG = (
    "journalctl",
    "--quiet",
    "--no-pager",
    "--output=cat",
    "--unit=push-api.service",
    "--invocation=0",
)
# From now on, with the place of each line in the journal.
FOLLOW = (
    "journalctl",
    "--quiet",
    "--no-pager",
    "--follow",
    "--output=json",
    "--output-fields=MESSAGE",
    "--unit=push-api.service",
)
# services/push/api.py writes these, an order a line; without "on" it has failed.
_ORDER = re.compile(r"(start|stop) ([a-z0-9-]+): ([a-z_]+ on )?")


class Order(NamedTuple):
    """One order that push's API was given. done: it was carried out."""

    name: str
    start: bool
    done: bool


def read(line: str) -> Order | None:
    """Return the order in `line` of the log; None where it is about something else."""
    found = _ORDER.match(line)
    return Order(found[2], found[1] == "start", bool(found[3])) if found else None


def standing(log: str) -> tuple[str, ...]:
    """Return the containers whose last order in `log` is to start, sorted, whatever came of it."""
    last = {order.name: order.start for order in map(read, log.splitlines()) if order}
    return tuple(sorted(name for name, start in last.items() if start))
