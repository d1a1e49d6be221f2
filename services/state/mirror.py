"""All of the state in memory, as the store said it last: what is asked often costs what it returns.

Nothing here is written but by what a watch of the store says. So every server of one store has
the same view of it, a moment later.
"""

import copy
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.core.errors import LabError
from services.state.answers import PLACED, UNPLACED, UNWANTED, WANTED
from services.state.event_list import EventList
from services.state.keys import ABSENT, EVENTS, SEEN, Change, Compacted, Item, Keys, Snapshot
from services.state.placements import Placements
from services.state.rows import (
    ACTED,
    CONTAINER,
    DECLARED,
    DROPPED,
    FORGOTTEN,
    HOLD,
    LEFT,
    NODE,
    STORE,
    Acted,
    Left,
    Marking,
    Sign,
    load_container,
    load_left,
    load_marking,
    load_sign,
)
from services.state.topics import CONTAINERS, NODES, Topics, of_place
from services.state.topics import EVENTS as EVENT_TOPIC

# Before a store that cannot be read is asked again.
_AGAIN_S = 1.0
_log = logging.getLogger(__name__)
_DECLARES = (WANTED, UNWANTED, PLACED, UNPLACED)


class Mirror:
    """The state as of `revision`. Read it under `reading`.

    epoch: which store this is. declared: revision of the last change of what is wanted or placed;
    first: of the first one, 0 before. heard_s: node -> when it last spoke, by now_s; stored_s: the
    same of what is stored, if the watch brought it; goodbye_s: of its goodbye. hold: the item of
    HOLD; old_hold: whether it is from before the start. trouble: why this is not the newest state,
    or "".
    """

    def __init__(self, keys: Keys, *, now_s: Callable[[], float], most_topics: int) -> None:
        """Read all of `keys`. Raises Unavailable."""
        self._keys = keys
        self._now_s = now_s
        self._applied = threading.Condition(threading.RLock())
        self.heard_s: dict[str, float] = {}
        self.trouble = ""
        self._load(keys.read(""))
        self.topics = Topics(self.revision, most=most_topics)

    def follow(self) -> None:
        """Apply every change of the store until that is closed."""
        while True:
            try:
                for change in self._keys.watch("", self.revision):
                    self.apply(change)
                return
            except Compacted:
                self._reload()
            except Exception as error:
                # Without this thread every answer would be old, and no change would return.
                _log.error("the state cannot be followed: %s", error)
                self._reload()

    def _reload(self) -> None:
        try:
            # Beside what is shown, which must not become half of something else.
            fresh = copy.copy(self)
            fresh._load(self._keys.read(""))
            with self._applied:
                fresh.heard_s = self.heard_s | fresh.heard_s
                vars(self).update(vars(fresh), trouble="")
                self.topics.move_all(self.revision)
                self._applied.notify_all()
        except LabError as error:
            self.trouble = str(error)
            _log.error("the state cannot be read: %s", error)
            time.sleep(_AGAIN_S)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let nothing change meanwhile. Never block in here."""
        with self._applied:
            yield

    def await_applied(self, revision: int, timeout_s: float) -> bool:
        """Return whether the commit of `revision` is here, at the latest after timeout_s."""
        with self._applied:
            return self._applied.wait_for(lambda: self.revision >= revision, timeout_s)

    def hear(self, node: str) -> None:
        """Count `node` as heard now, whatever becomes of what it said."""
        with self._applied:
            self.heard_s[node] = self._now_s()

    def assigned(self, node: str) -> int:
        """Return the revision of what `node` must run; 0 only while nothing was ever declared.

        What it acted on counts, too: then what left it before is not remembered any more. Of a
        node that never spoke nothing is remembered, so any change may concern it.
        """
        if node not in self.marked:
            return self.declared
        if not self.first:
            return 0
        held = [item.revision for item in self.placements.on(node)]
        left = [item.revision for item in self.left.get(node, {}).values()]
        return max([*held, *left, self.acted_on(node), self.marked[node].declared, self.first])

    def acted_on(self, node: str) -> int:
        """Return the revision of the newest assignment on which `node` acted; 0 for none."""
        return self.acted[node].revision if node in self.acted else 0

    def stands(self, node: str) -> int:
        """Return the revision of the last change of `node` as it is listed.

        What was said of it before the start is not known, and may have been something else.
        """
        marked = self.marked.get(node)
        return max(self._health.get(node, self._start), marked.revision if marked else 0)

    def apply(self, change: Change) -> None:
        """Make this what it is after `change`."""
        with self._applied:
            moved: set[str] = set()
            for key in change.deleted:
                self._set(key, None, change.revision, moved)
            for item in change.changed:
                self._set(item.key, item, change.revision, moved)
            self.revision = change.revision
            self.topics.move(moved, change.revision)
            self._applied.notify_all()

    def _load(self, snapshot: Snapshot) -> None:
        self.revision = self._start = snapshot.revision
        self.epoch = ""
        self.first = self.declared = self.dropped = 0
        self.placements = Placements()
        self.marked: dict[str, Marking] = {}
        self.acted: dict[str, Acted] = {}
        self.left: dict[str, dict[str, Left]] = {}
        self.forgotten: set[str] = set()
        self.signs: dict[str, Sign] = {}
        self.sign_items: dict[str, Item] = {}
        self.heard_s = {}
        self.goodbye_s: dict[str, float] = {}
        self.stored_s: dict[str, float] = {}
        self.hold, self.old_hold = Item(HOLD, {"hold_s": 0.0}, ABSENT, ABSENT), True
        self.events = EventList()
        self._health: dict[str, int] = {}
        # Events by revision, and those of one commit by their keys: in the order of happening.
        for item in sorted(snapshot.items, key=lambda item: (item.revision, item.key)):
            try:
                self._set(item.key, item, item.revision, set())
            except (KeyError, TypeError, ValueError) as error:
                raise LabError(
                    f"the value of {item.key} is not ours: {error!r}", hint="repair or delete it"
                ) from None
        self.stored_s = {}  # how old they are is not known

    def _set(self, key: str, item: Item | None, revision: int, moved: set[str]) -> None:
        """Let `key` be `item` (None: deleted), and add to `moved` the topics that this concerns."""
        prefix = key[: key.find("/") + 1]
        name = key[len(prefix) :]
        if prefix == CONTAINER:
            kept = load_container(item) if item else None
            before = self.placements.get(name)
            self.placements.replace(name, kept)
            places = {of_place(one.placed.node) for one in (before, kept) if one}
            moved |= {CONTAINERS, *places}
            self.declared = max(self.declared, revision)
        elif prefix == SEEN:
            self._set_sign(name, item, revision, moved)
        elif prefix == EVENTS:
            event = self.events.set(key, item)
            if event is not None and event.kind in _DECLARES:
                self.declared = max(self.declared, revision)
            moved.add(EVENT_TOPIC)
        elif prefix == NODE:
            moved.add(NODES)
            if item is None:
                times = self.heard_s, self.stored_s, self.goodbye_s
                for known in (self.marked, self.signs, *times, self._health):
                    known.pop(name, None)
            else:
                self.marked[name] = load_marking(item)
        elif prefix == ACTED and item is not None:
            self.acted[name] = Acted(item.value["revision"], item.revision)
        elif prefix == ACTED:
            self.acted.pop(name, None)
        elif prefix == FORGOTTEN:
            (self.forgotten.discard if item is None else self.forgotten.add)(name)
        elif prefix == LEFT:
            self._set_left(name, item)
        elif key == STORE and item is not None:
            self.epoch = item.value["epoch"]
        elif key == DECLARED and item is not None:
            self.first = item.revision
            self.declared = max(self.declared, revision)
        elif key == DROPPED and item is not None:
            self.dropped = item.value["revision"]
        elif key == HOLD and item is not None:
            self.hold, self.old_hold = item, revision <= self._start
            moved.add(NODES)

    def _set_left(self, name: str, item: Item | None) -> None:
        node, _, container = name.partition("/")
        if item is not None:
            self.left.setdefault(node, {})[container] = load_left(item)
        elif node in self.left:
            self.left[node].pop(container, None)
            if not self.left[node]:
                del self.left[node]

    def _set_sign(self, node: str, item: Item | None, revision: int, moved: set[str]) -> None:
        if item is None:
            # Its last server has gone. Silence is judged by when it was heard here.
            self.sign_items.pop(node, None)
            return
        before, sign = self.signs.get(node), load_sign(item)
        self.signs[node], self.sign_items[node] = sign, item
        if sign.up:
            self.heard_s[node] = self.stored_s[node] = self._now_s()
        if sign.left is not None and (before is None or before.left != sign.left):
            self.goodbye_s[node] = self._now_s()
        if before is None or (before.up, before.left) != (sign.up, sign.left):
            moved.add(NODES)
            self._health[node] = revision
        was = before or Sign("")
        if (was.serves(), was.ready()) != (sign.serves(), sign.ready()):
            # What ends on a node that leaves was not taken for running, and yet is waited for.
            moved.add(CONTAINERS)
