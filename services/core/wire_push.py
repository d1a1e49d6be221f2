"""What the push API answers, as JSON. Apart from wire.py because an agent needs none of it."""

from collections.abc import Iterable, Mapping, Sequence

from services.core.fields import Json


def dump_running(pairs: Iterable[tuple[str, str]], unreachable: Sequence[str]) -> Json:
    """Push's list. pairs: (container, node) as read live from the nodes that answered."""
    containers = [{"name": name, "node": node} for name, node in pairs]
    return {
        "total": len(containers),
        "containers": containers,
        "unreachable": list(unreachable),
    }


def dump_started(status: str, container: str, node: str, unreachable: Sequence[str] = ()) -> Json:
    """Push's answer to start and stop. unreachable: nodes that could not be looked at."""
    return {
        "status": status,
        "container": container,
        "node": node,
        "unreachable": list(unreachable),
    }


def dump_reached(running: Mapping[str, Sequence[str]], errors: Mapping[str, str]) -> Json:
    """Push's nodes: first those that answered, with what runs there; then the others, and why."""
    up = [
        {"name": name, "status": "up", "running": list(names), "error": ""}
        for name, names in running.items()
    ]
    silent = [
        {"name": name, "status": "unreachable", "running": [], "error": error}
        for name, error in errors.items()
    ]
    return {"nodes": up + silent}
