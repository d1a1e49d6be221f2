"""How what is wanted, what an API claims and what really runs differ. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from lab.experiment.check.timeline import HALTED
from lab.stage.fold import Fold

# What an API lists is true a moment later: before that it is no difference.
GRACE_S = 3.0
# Push acknowledges an order when it is carried out: until then its container is no stray.
ORDER_S = 10.0
# One that was never seen to run is not gone, but on its way, so long.
STARTS_S = 30.0
_AT_ONCE = ("gone", "twice", "silent")


class Difference(NamedTuple):
    """kind: docs/stage.md says what each one means. name: of a container; node: where."""

    kind: str
    name: str = ""
    node: str = ""


class Differences:
    """since: (mode, difference) -> when it was first there."""

    def __init__(self) -> None:
        self.since: dict[tuple[str, Difference], float] = {}

    def note(self, fold: Fold) -> None:
        """Take note of what differs by the latest record of `fold`."""
        found = {(mode, one) for mode in fold.modes for one in _all(fold, mode, fold.clock_s)}
        self.since = {key: self.since.get(key, fold.clock_s) for key in found}

    def lasting(self, fold: Fold, mode: str, now_s: float) -> list[Difference]:
        """Return, in order, what differs at now_s, and has for long enough to be worth a word."""

        def lasts(one: Difference) -> bool:
            since_s = self.since.get((mode, one), now_s)
            ordered = one.kind == "stray" and not fold.is_hit(one.node)
            return one.kind in _AT_ONCE or now_s - since_s >= (ORDER_S if ordered else GRACE_S)

        return sorted(one for one in set(_all(fold, mode, now_s)) if lasts(one))


def _all(fold: Fold, mode: str, now_s: float) -> Iterator[Difference]:
    nodes = {node: fold.running(mode, node) for node in fold.nodes}
    known = {node for node in nodes if fold.known(mode, node, now_s)}
    wanted = fold.wanted.get(mode, ())
    # Until it was heard what is wanted, nothing is known to be unwanted.
    heard = mode in fold.wanted or mode in fold.listed
    running = {name for names in nodes.values() for name in names} if heard else set()
    strange = running - {*wanted} - fold.users(mode)
    where: dict[str, list[str]] = {}
    for node in known:
        for name in nodes[node]:
            where.setdefault(name, []).append(node)
    for name, places in where.items():
        for node in places if len(places) > 1 else ():
            yield Difference("twice", name, node)
        for node in places if name in strange else ():
            yield Difference("stray", name, node)
    for name in wanted:
        # On a node of which nothing is known it may run.
        if name not in where and len(known) == len(nodes) and _due(fold, mode, name, now_s):
            yield Difference("gone", name)
    if fold.silent(mode, now_s):
        yield Difference("silent")
    else:
        yield from _untrue(fold, mode, known)


def _due(fold: Fold, mode: str, name: str, now_s: float) -> bool:
    since_s = fold.wanted_s.get((mode, name), now_s)
    return (mode, name) in fold.ran or now_s - since_s >= STARTS_S


def _untrue(fold: Fold, mode: str, known: set[str]) -> Iterator[Difference]:
    """Yield what the API of `mode` says and is not so."""
    claim = fold.claims.get(mode)
    if claim is None:
        return
    for name, node in claim.placed:
        # Pull lists what is wanted, and says apart from that what runs.
        says = mode == "push" or name in claim.running
        if says and node in known and name not in fold.running(mode, node):
            yield Difference("claimed", name, node)
    for node in fold.nodes:
        # Push names only those that did not answer.
        if fold.machines.get(node) in HALTED and claim.nodes.get(node, "up") == "up":
            yield Difference("unaware", "", node)
