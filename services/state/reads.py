"""What can be asked of the state: each answer costs what it returns, not what is stored."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from services.core.at_most_once import knows
from services.core.errors import UnknownContainer, UnknownNode
from services.core.lease import Terms
from services.core.liveness import health
from services.core.messages import EventPage
from services.core.model import STOP, Assignment, Health, Node, Placed
from services.state.answers import Beat, Listing, Roll, Stats
from services.state.freshness import Freshness
from services.state.keys import Keys
from services.state.mirror import Mirror
from services.state.rows import Marking, Sign
from services.state.topics import CONTAINERS, EVENTS, NODES, UNASSIGNED


class Reads:
    """The reading half of State, over a view of it. Nothing here waits for the store."""

    def __init__(self, view: Mirror, keys: Keys, terms: Terms, now_s: Callable[[], float]) -> None:
        self._keys = keys
        self._fresh = Freshness(keys, view, now_s)
        self.terms = terms
        self.lease_s = terms.lease_s
        self.epoch = view.epoch
        self._view = view
        self._listing: Listing | None = None

    def container(self, name: str) -> Placed:
        """Return the container `name`. Raises UnknownContainer."""
        with self._view.reading():
            kept = self._view.placements.get(name)
        if kept is None:
            raise UnknownContainer(name)
        return kept.placed

    def running_on(self, name: str) -> str | None:
        """Return the node on which `name` serves, as that reported within its lease, or None."""
        with self._view.reading():
            kept = self._view.placements.get(name)
            return self._running((kept.placed,)).get(name) if kept is not None else None

    def listing(self) -> Listing:
        """Return everything that is wanted, where it was put, and where it serves."""
        with self._view.reading():
            version = self._view.topics.version(CONTAINERS)
            if self._listing is None or self._listing.version != version:
                placed = self._view.placements.everything()
                shown = MappingProxyType(self._running(placed))
                self._listing = Listing(placed, shown, self._view.declared, version)
            return self._listing

    def unassigned(self) -> Listing:
        """Return the containers that are nowhere."""
        with self._view.reading():
            version = self._view.topics.version(UNASSIGNED)
            return Listing(self._view.placements.on(None), {}, self._view.declared, version)

    def assignment(self, node: str) -> Assignment:
        """Return what `node` must run; nothing for a node that was never heard of."""
        with self._view.reading():
            mine = tuple(item.container for item in self._view.placements.on(node))
            return Assignment(self.epoch, self._view.assigned(node), mine, self.lease_s)

    def nodes(self) -> Roll:
        """Return the nodes that spoke since the start, and those that only did before it."""
        with self._view.reading():
            version = self._view.topics.version(NODES)
            heard = tuple(
                self._node(name, sign)
                for name, sign in sorted(self._view.signs.items())
                if sign.wall
            )
            spoke = {node.name for node, _ in heard}
            awaited = tuple(sorted(self._view.marked.keys() - spoke))
            left = {node: sorted(gone) for node, gone in self._view.left.items()}
            by_node = ((node, unheard_by(self._view, node)) for node in self._view.marked)
            unheard = {node: names for node, names in by_node if names}
            uptime_s, hold_s = self._uptime_s(), self._view.hold.value["hold_s"]
            return Roll(heard, awaited, uptime_s, version, left, unheard, hold_s)

    def node(self, name: str) -> tuple[Node, Beat]:
        """Return a node that ever spoke, with its last sign of life. Raises UnknownNode."""
        with self._view.reading():
            sign = self._view.signs.get(name)
            if sign is None and name not in self._view.marked:
                raise UnknownNode(name, tuple(sorted(self._view.marked)))
            node, beat = self._node(name, sign or Sign(""))
            if not (sign and sign.wall) and node.health is Health.UP:
                # It is not called alive before it has spoken.
                node = node._replace(health=Health.SUSPECT)
            return node, beat

    def events(self, since: int) -> EventPage:
        """Return what happened after revision `since`, as far as it is kept."""
        with self._view.reading():
            last = self._view.topics.version(EVENTS)
            events = self._view.events.since(since)
            oldest = self._view.events.oldest(otherwise=last)
            missing = since < self._view.dropped or since > self._view.revision
            return EventPage(events, last, oldest, missing)

    def trouble(self) -> str:
        """Return why the last change could not be written; "" if it could."""
        return self._view.trouble or self._keys.trouble or self.stale()

    def stats(self) -> Stats:
        """Return numbers for metrics."""
        listing = self.listing()
        with self._view.reading():
            signs = self._view.signs.values()
            up = sum(sign.up for sign in signs)
            return Stats(
                containers=len(listing.placed),
                placed=len(listing.placed) - self._view.placements.how_many_on(None),
                running=len(listing.running),
                nodes_up=up,
                nodes_down=len(signs) - up,
                events=len(self._view.events),
                revision=self._view.revision,
                of_keys=self._keys.stats(),
            )

    def version(self, topic: str) -> int:
        """Return the revision of the last change of `topic`, see topics.py."""
        return self._view.topics.version(topic)

    def await_change(self, topic: str, version: int, timeout_s: float) -> int:
        """Return the version of `topic` once it is not `version`, or after timeout_s."""
        return self._view.topics.await_change(topic, version, timeout_s)

    def stale(self) -> str:
        """Return why answers are possibly not the newest state, in ASCII; "" if they are."""
        return self._fresh.stale()

    def _uptime_s(self) -> float:
        return max(0.0, self._fresh.known_s() - self._fresh.since_s)

    def _is_silent(self, name: str) -> bool:
        return health(self._silent_s(name), self.lease_s) is Health.DOWN

    def _silent_s(self, name: str) -> float:
        return max(0.0, self._fresh.known_s() - self._heard_s(name))

    def _heard_s(self, name: str) -> float:
        return max(self._view.heard_s.get(name, 0.0), self._fresh.since_s)

    def _node(self, name: str, sign: Sign) -> tuple[Node, Beat]:
        at_s, silent_s = self._heard_s(name), self._silent_s(name)
        marking = self._view.marked.get(name, Marking(name))
        node = Node(
            name,
            silent_s,
            health(silent_s, self.lease_s) if sign.up else Health.DOWN,
            cordoned=marking.cordoned,
            draining=marking.draining,
            leaving=sign.left is not None,
            revision=self._view.stands(name),
            settled=sign.acted is not None and sign.acted == self._view.assigned(name),
            hold_s=sign.hold_s if sign.wall else self._view.hold.value["hold_s"],
        )
        return node, Beat(at_s, sign.wall, sign.running)

    def _running(self, placed: Sequence[Placed]) -> Mapping[str, str]:
        """Container -> node, of those of `placed` that serve: as their node said in its lease."""
        signs = self._view.signs
        found = {}
        for item in placed:
            sign = signs.get(item.node) if item.node else None
            if sign is None or not sign.counts or item.node is None:
                continue
            unit = sign.running.get(item.name)
            ready = unit is not None and unit.ready and unit.runs(item.container)
            if ready and not self._is_silent(item.node):
                found[item.name] = item.node
        return found


def unheard_by(view: Mirror, node: str) -> list[str]:
    """Return the containers that must stop on `node` when it is cut off, and it never said that it
    heard so."""
    acted, gone = view.acted_on(node), view.left.get(node, {}).values()
    names = [one.name for one in gone if not one.stops]
    names += [
        placed.name
        for placed, _, policy_since in view.placements.kept_on(node)
        if placed.container.on_disconnect == STOP
        and not knows(placed.container, policy_since, acted)
    ]
    return sorted(names)
