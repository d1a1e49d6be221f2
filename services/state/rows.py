"""What each key means: the keys of the state, and their values as values of the model.

store                  {"epoch": "…"}      which store this is
declared               {}                  exists once a container was declared
dropped                {"revision": 7}     events up to there may be missing
hold                   {"hold_s": 30.0}    for how long a silent node may hold on to its containers
container/NAME         what is wanted, and on which node it is placed
node/NODE              a node that spoke, and how an administrator marked it
acted/NODE             the newest assignment of which the node said that it acted on it
left/NODE/NAME         NAME was taken off NODE, which has not said yet that it knows
forgotten/NODE         {}                  declared dead; joins again when it runs nothing
seen/NODE              the node's last sign of life
event/ID               something that happened
pulse                  {}                  each server of a shared store writes it every second
"""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.core.at_most_once import knows
from services.core.model import Container, Event, Placed, UnitState
from services.state.answers import REPAIRED, Happening, short
from services.state.keys import ABSENT, EVENTS, SEEN, Conflict, Item, Keys, Unavailable, Value

STORE = "store"
DECLARED = "declared"
DROPPED = "dropped"
PULSE = "pulse"
HOLD = "hold"
CONTAINER = "container/"
NODE = "node/"
ACTED = "acted/"
LEFT = "left/"
FORGOTTEN = "forgotten/"

# The first part of every key.
_ALONE = (STORE, DECLARED, DROPPED, HOLD, PULSE)
_BELOW = (CONTAINER, NODE, ACTED, LEFT, FORGOTTEN, SEEN, EVENTS)
KINDS = (*_ALONE, *(prefix.rstrip("/") for prefix in _BELOW))
NOTHING: Mapping[str, UnitState] = {}


class Kept(NamedTuple):
    """One container as it is stored. policy_since: revision since which it has its policy."""

    placed: Placed
    reason: str
    policy_since: int


class Marking(NamedTuple):
    """How an administrator marked one node. revision: of that.

    declared: revision of the last declaration before it spoke first; its assignment is as new.
    """

    node: str
    cordoned: bool = False
    draining: bool = False
    revision: int = 0
    declared: int = 0


class Acted(NamedTuple):
    """revision: of the newest assignment on which a node acted. written: when that was said."""

    revision: int
    written: int


class Left(NamedTuple):
    """A container that was taken off a node that has not said yet that it knows.

    stops: whether the node knows that it must stop it when it is cut off.
    """

    node: str
    name: str
    stops: bool
    revision: int


class Sign(NamedTuple):
    """What a node last said. up: whether its lease held when this was written.

    left: in which boot it said that it leaves, or None. acted: revision of the assignment under
    which it made its last report; None before one. boot: of the machine that speaks, or "". hold_s:
    after how much silence from then on it must have stopped what must not run twice.
    """

    wall: str
    running: Mapping[str, UnitState] = NOTHING
    up: bool = True
    left: str | None = None
    acted: int | None = None
    boot: str = ""
    hold_s: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether what it has ready serves: it is up, and does not leave."""
        return self.up and self.left is None

    def ready(self) -> frozenset[tuple[str, str, int]]:
        """(container, image, created) of what it reported ready."""
        return frozenset(
            (name, unit.image, unit.created) for name, unit in self.running.items() if unit.ready
        )

    def serves(self) -> frozenset[tuple[str, str, int]]:
        """The same of what counts as running there."""
        return self.ready() if self.counts else frozenset()


def dump_container(
    container: Container, node: str | None, reason: str, policy_since: int = 0
) -> dict[str, Any]:
    """policy_since: 0 stands for the revision of this very change."""
    fields = {"image": container.image, "on_disconnect": container.on_disconnect}
    return {**fields, "node": node, "reason": short(reason), "policy_since": policy_since}


def load_container(item: Item) -> Kept:
    """The inverse, of a key below CONTAINER."""
    value = item.value
    name = item.key[len(CONTAINER) :]
    container = Container(name, value["image"], value["on_disconnect"], item.created)
    placed = Placed(container, value["node"], item.revision)
    return Kept(placed, value["reason"], value["policy_since"] or item.revision)


def load_marking(item: Item) -> Marking:
    """Of a key below NODE."""
    value = item.value
    marks = value["cordoned"], value["draining"]
    return Marking(item.key[len(NODE) :], *marks, item.revision, value["declared"])


def dump_marking(marking: Marking) -> Value:
    """The inverse."""
    fields = marking._asdict()
    return {name: fields[name] for name in ("cordoned", "draining", "declared")}


def dump_left(kept: Kept, acted: int, before: Left | None) -> Value:
    """What is to be known of `kept`, taken off a node that acted on revision `acted` last."""
    stops = knows(kept.placed.container, kept.policy_since, acted)
    return {"stops": stops and (before is None or before.stops)}


def load_left(item: Item) -> Left:
    """Of a key below LEFT."""
    node, _, name = item.key[len(LEFT) :].partition("/")
    return Left(node, name, item.value["stops"], item.revision)


def dump_sign(sign: Sign) -> Value:
    """The value of a key below SEEN."""
    units = {name: [unit.image, unit.ready, unit.created] for name, unit in sign.running.items()}
    return {**sign._asdict(), "running": units}


def load_sign(item: Item) -> Sign:
    """The inverse."""
    units = {
        name: UnitState(image, ready, created=created)
        for name, (image, ready, created) in item.value["running"].items()
    }
    return Sign(**{**item.value, "running": units})


def dump_events(happened: Sequence[Happening], now_s: float) -> dict[str, Value]:
    """The keys of `happened`, in order. now_s: monotonic."""
    at, batch = wall(), secrets.token_hex(8)
    return {
        f"{EVENTS}{batch}-{number:04}": {
            **happening._asdict(),
            "reason": short(happening.reason),
            "at": at,
            "monotonic_s": round(now_s, 3),
        }
        for number, happening in enumerate(happened)
    }


def load_event(item: Item) -> Event:
    """The inverse, of one of them."""
    return Event(item.revision, **item.value)


def seen_key(node: str) -> str:
    """The key of a node's last sign of life."""
    return f"{SEEN}{node}"


def wall() -> str:
    """The time of day, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def prepare(keys: Keys, hold_s: float, now_s: float) -> None:
    """Write what a store must have, once for all its servers, and say what was repaired."""
    with suppress(Conflict):
        epoch = {"epoch": secrets.token_hex(8)}
        keys.commit({STORE: ABSENT}, {STORE: epoch, HOLD: {"hold_s": hold_s}})
    # Agents may have acted on what was lost, and obey only a newer revision.
    if keys.lost and (found := keys.read(DECLARED).items):
        keys.commit({}, {DECLARED: found[0].value})
    if not keys.complete:
        keys.commit({}, {DROPPED: {"revision": keys.read(STORE).revision}})
    if keys.problem:
        with suppress(Unavailable):
            keys.commit({}, dump_events((Happening(REPAIRED, "store", "", keys.problem),), now_s))
