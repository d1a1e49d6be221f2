"""Every node as it is known: what is written of it, and what it said of itself."""

from collections.abc import Callable, Iterable

from services.core.errors import UnknownNode
from services.core.liveness import health
from services.core.model import Health, Node
from services.store.answers import Roll
from services.store.limits import LimitReached
from services.store.marks import Marking
from services.store.seen import NOTHING, Beat, Peer, Seen


class Roster:
    """Nodes that ever spoke, those in `seen` since the start. Not for several threads at once.

    start: revision from which on every node counts as changed, for nobody knows what was told
    of it before. assigned: returns the revision of a node's assignment.
    """

    def __init__(
        self,
        marked: Iterable[Marking],
        seen: Seen,
        assigned: Callable[[str], int],
        *,
        start: int,
    ) -> None:
        self._assigned = assigned
        self._marked = {marking.node: marking for marking in marked}
        self._seen = seen
        self._start = start

    def knows(self, node: str) -> bool:
        """Whether it is written that `node` spoke."""
        return node in self._marked

    def check_room(self, node: str, limit: int) -> None:
        """Raise LimitReached if `node` is one more than `limit`, also while none can be written."""
        peers = self._seen.peers
        if node not in peers and len(self._marked.keys() | peers.keys()) >= limit:
            raise LimitReached("nodes", limit)

    def mark(self, marking: Marking) -> None:
        """Let what is written of a node be this."""
        self._marked[marking.node] = marking

    def standing(self, node: str) -> int:
        """The revision of what is only in memory of `node`."""
        return max(self._start, self._seen.revisions.get(node, 0))

    def node(self, node: str, *, now_s: float) -> tuple[Node, Beat]:
        """Return `node` and its last sign of life. Raises UnknownNode."""
        peer = self._seen.peers.get(node)
        if peer is not None:
            return self._node(node, peer, now_s), peer.beat
        if node not in self._marked:
            raise UnknownNode(node, tuple(sorted(self._marked.keys() | self._seen.peers.keys())))
        beat = Beat(self._seen.started_s, "", NOTHING)
        awaited = self._node(node, Peer(beat, up=False), now_s)
        # Nobody is called dead before a whole lease has passed, and nobody alive who is silent.
        is_up = awaited.health is Health.UP
        return (awaited._replace(health=Health.SUSPECT) if is_up else awaited), beat

    def roll(self, *, now_s: float, version: int) -> Roll:
        """Return all of them."""
        heard = tuple(self.node(name, now_s=now_s) for name in sorted(self._seen.peers))
        awaited = tuple(sorted(self._marked.keys() - self._seen.peers.keys()))
        return Roll(heard, awaited, now_s - self._seen.started_s, version)

    def _node(self, name: str, peer: Peer, now_s: float) -> Node:
        silent_s = now_s - peer.beat.at_s
        marks = self._marked.get(name, Marking(name, False, False, 0))
        return Node(
            name,
            silent_s,
            health(silent_s, self._seen.lease_s),
            cordoned=marks.cordoned,
            draining=marks.draining,
            leaving=peer.left is not None,
            revision=max(marks.revision, self.standing(name)),
            settled=peer.acted == self._assigned(name),
        )
