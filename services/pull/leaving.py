"""What becomes of the containers of a node that says goodbye."""

import time
from collections.abc import Sequence

from services.core.errors import UnknownContainer, UnknownNode
from services.core.model import STOP, Container
from services.pull.watching import Watches
from services.store import Store
from services.store.versions import CONTAINERS


def await_elsewhere(
    store: Store, watches: Watches, node: str, mine: Sequence[Container], wait_s: float
) -> tuple[list[str], list[str]]:
    """Return which of `mine` run on another node than `node`, and which are waited for.

    Returns once none is waited for, or after wait_s seconds. One that must never run twice is not
    waited for while it runs on `node`: it moves only when it has ended there.
    """
    end_s = time.monotonic() + wait_s
    while True:
        version = store.version(CONTAINERS)
        elsewhere = [one.name for one in mine if store.running_on(one.name) not in (None, node)]
        others = (one for one in mine if one.name not in elsewhere)
        waiting = [one.name for one in others if _is_awaited(store, node, one)]
        left_s = end_s - time.monotonic()
        if not waiting or left_s <= 0:
            return elsewhere, waiting
        if watches.await_change(CONTAINERS, version, left_s) == version:
            return elsewhere, waiting


def _is_awaited(store: Store, node: str, container: Container) -> bool:
    try:
        store.container(container.name)
        runs_here = container.name in store.node(node)[1].running
    except (UnknownContainer, UnknownNode):
        return False
    return not (container.on_disconnect == STOP and runs_here)
