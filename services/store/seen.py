"""What agents say of themselves. In memory only: a beat a second would wear out any file,
and after a restart nobody may be judged by what was heard before it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from services.core.liveness import health
from services.core.model import Health, Placed, UnitState
from services.store.events import NODE_DOWN, NODE_LEAVING, NODE_UP, RUNNING, STOPPED, Happening
from services.store.versions import CONTAINERS, NODES

NOTHING: Mapping[str, UnitState] = {}


class Beat(NamedTuple):
    """The last sign of life of one node.

    at_s: monotonic, for deciding. wall: ISO 8601 in UTC, for people. running: as it reported.
    """

    at_s: float
    wall: str
    running: Mapping[str, UnitState]


class Peer(NamedTuple):
    """One node. up: as watchers were told. left: in which boot it said that it leaves, or None.

    acted: revision of the assignment under which its last report was made; None before one.
    """

    beat: Beat
    up: bool
    left: str | None = None
    acted: int | None = None

    def counts(self) -> bool:
        """Whether what it has ready serves: it is up, and does not leave."""
        return self.up and self.left is None

    def serves(self) -> frozenset[tuple[str, str]]:
        """(container, image) of what counts as running there, as watchers were told."""
        return self.ready() if self.counts() else frozenset()

    def ready(self) -> frozenset[tuple[str, str]]:
        """(container, image) of what it reported ready."""
        running = self.beat.running
        return frozenset((name, state.image) for name, state in running.items() if state.ready)


class News(NamedTuple):
    """What becomes of `peers`, and what is to be told of it, if anything happened at all."""

    peers: Mapping[str, Peer]
    happened: tuple[Happening, ...]
    topics: frozenset[str]


class Seen:
    """Nodes that spoke since the start. Answers what is news; `keep` makes it so.

    lease_s: silence after which a node is down. awaited: who spoke only before the start; that
    counts as silent from `started_s` on. Not for several threads at once.
    """

    def __init__(self, lease_s: float, awaited: Iterable[str], *, started_s: float) -> None:
        self.lease_s = lease_s
        self.started_s = started_s
        self.peers: dict[str, Peer] = {}
        self.revisions: dict[str, int] = {}
        self._earlier = frozenset(awaited)
        self._awaited = set(self._earlier)

    def hear(
        self,
        node: str,
        running: Mapping[str, UnitState] | None,
        boot: str | None,
        *,
        at_s: float,
        acted: int | None = None,
    ) -> News:
        """A sign of life. running: None if it does not say. boot: None if it was not asked."""
        before = self.peers.get(node)
        if running is None:
            running = before.beat.running if before else NOTHING
            acted = before.acted if before else None
        left = before.left if before else None
        returns = left is not None and boot is not None and (not boot or boot != left)
        peer = Peer(Beat(at_s, _wall(), running), True, None if returns else left, acted)
        happened = list(_reports(node, before, peer))
        if before is None:
            # What it says at first is no change of anything.
            happened = [Happening(NODE_UP, node, node, self._first(node, peer))]
        elif not before.up:
            reason = f"back after {at_s - before.beat.at_s:.1f} s"
            happened.insert(0, Happening(NODE_UP, node, node, reason))
        elif returns:
            happened.insert(0, Happening(NODE_UP, node, node, "does not leave, or is back"))
        return _news(node, before, peer, happened)

    def leave(self, node: str, boot: str, *, at_s: float) -> News:
        """`node` says that it shuts down, until it speaks in another boot, or in none."""
        before = self.peers.get(node)
        running = before.beat.running if before else NOTHING
        acted = before.acted if before else None
        peer = Peer(Beat(at_s, _wall(), running), True, boot, acted)
        again = before is not None and before.up and before.left == boot
        happened = [] if again else [Happening(NODE_LEAVING, node, node, "said that it leaves")]
        return _news(node, before, peer, happened)

    def silent(self, *, now_s: float) -> News:
        """Whoever's lease ran out, but for those of whom that was said before."""
        fallen = {
            name: peer._replace(up=False)
            for name, peer in self.peers.items()
            if peer.up and self._is_down(now_s - peer.beat.at_s)
        }
        since = {name: now_s - peer.beat.at_s for name, peer in fallen.items()}
        if self._is_down(now_s - self.started_s):
            since |= dict.fromkeys(self._awaited - self.peers.keys(), now_s - self.started_s)
        happened = tuple(
            Happening(NODE_DOWN, name, name, self._silence(since[name])) for name in sorted(since)
        )
        topics = {NODES} if since else set()
        if any(self.peers[name].serves() for name in fallen):
            topics.add(CONTAINERS)
        return News(fallen, happened, frozenset(topics))

    def keep(self, news: News, revision: int) -> None:
        """Let `news` be so, since `revision`."""
        self.peers |= news.peers
        if NODES in news.topics:
            told = {happening.node for happening in news.happened}
            self.revisions |= dict.fromkeys(told, revision)
            self._awaited -= told

    def alive(self, news: News) -> None:
        """Of `news` that cannot be told now, keep that the node lives: all else stays news."""
        for name, peer in news.peers.items():
            before = self.peers.get(name)
            if before is None:
                self.peers[name] = Peer(peer.beat._replace(running=NOTHING), up=False)
            elif peer.up:
                beat = peer.beat._replace(running=before.beat.running)
                self.peers[name] = before._replace(beat=beat)

    def serves(self, placed: Placed, *, now_s: float) -> bool:
        """Return whether the node of `placed` said, within its lease, that it serves it.

        Not one that leaves: what is there serves no longer than it must.
        """
        peer = self.peers.get(placed.node) if placed.node else None
        if peer is None or not peer.counts() or now_s - peer.beat.at_s > self.lease_s:
            return False
        return peer.beat.running.get(placed.name) == UnitState(placed.container.image, ready=True)

    def due_s(self) -> float:
        """When, at the earliest, a lease may have run out of which nobody was told."""
        last = [peer.beat.at_s for peer in self.peers.values() if peer.up]
        if self._awaited - self.peers.keys():
            last.append(self.started_s)
        return min(last, default=float("inf")) + self.lease_s

    def _is_down(self, silent_s: float) -> bool:
        return health(silent_s, self.lease_s) is Health.DOWN

    def _first(self, node: str, peer: Peer) -> str:
        since = " since the server started" if node in self._earlier else ""
        return f"first heard of{since}; {len(peer.ready())} containers ready there"

    def _silence(self, silent_s: float) -> str:
        return f"node is silent for {silent_s:.1f} s (lease {self.lease_s:g} s)"


def _reports(node: str, before: Peer | None, peer: Peer) -> Iterable[Happening]:
    was = before.ready() if before else frozenset()
    now = peer.ready()
    if was == now:
        return
    for name in sorted({name for name, _ in was} - {name for name, _ in now}):
        yield Happening(STOPPED, name, node, "the node reports it ready no more")
    for name, image in sorted(now - was):
        yield Happening(RUNNING, name, node, f"the node reports it ready ({image})")


def _news(node: str, before: Peer | None, peer: Peer, happened: list[Happening]) -> News:
    topics = set()
    if before is None or (before.up, before.left) != (peer.up, peer.left):
        topics.add(NODES)
    if before is None:
        before = Peer(peer.beat._replace(running=NOTHING), up=True)
    if (before.serves(), before.ready()) != (peer.serves(), peer.ready()):
        # What ends on a node that leaves was not taken for running, and yet is waited for.
        topics.add(CONTAINERS)
    return News({node: peer}, tuple(happened), frozenset(topics))


def _wall() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
