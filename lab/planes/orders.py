"""What was ordered from push, as its API's log says: push itself keeps no list of it."""

import re

# Since the API started: nothing tells whether an order from before still counts.
LOG = (
    "journalctl",
    "--quiet",
    "--no-pager",
    "--output=cat",
    "--unit=push-api.service",
    "--invocation=0",
)
# services/push/api.py writes these, an order a line.
_ORDER = re.compile(r"(start|stop) ([a-z0-9-]+): ")


def standing(log: str) -> tuple[str, ...]:
    """Return the containers whose last order in `log` is to start, sorted, whatever came of it."""
    last = {found[2]: found[1] for found in map(_ORDER.match, log.splitlines()) if found}
    return tuple(sorted(name for name, order in last.items() if order == "start"))
