"""A history as values over time: what ran where, what was wanted, and what an API said. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from lab.experiment.check.traces import Change, Interval, Known, Trace, combine, cover, steps
from lab.history.history import History
from lab.history.record import Record

# The recorder asks an API every 5 s at the latest: much later, it is not known what it says.
STALE_S = 15.0
# States of a machine in which nothing runs on it. A paused one goes on later with what it had.
EMPTY = ("off", "absent")
HALTED = (*EMPTY, "paused")
BEFORE, ROLLBACK = "steady state before", "rollback"


class Timeline(NamedTuple):
    """What a history says. from_s, to_s: the part that is judged; end_s: the last record.

    damage: what is wrong with the file, and with the shape of its records.
    """

    history: History
    modes: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    api: str = ""
    lease_s: float = 0.0
    from_s: float = 0.0
    to_s: float = 0.0
    end_s: float = 0.0
    names: Mapping[str, tuple[str, ...]] = {}
    runs: Mapping[tuple[str, str, str], Trace] = {}
    damage: tuple[str, ...] = ()

    def wanted(self, mode: str, name: str) -> Trace:
        """Return when `name` was wanted: declared or ordered, and acknowledged."""
        return self._asked(mode, lambda said: name in {*said["names"]} - {*said["doubtful"]})

    def perhaps(self, mode: str, name: str) -> Trace:
        """Return when `name` could run or not: an order about it was not answered."""
        return self._asked(mode, lambda said: name in said["doubtful"])

    def _asked(self, mode: str, says: Callable[[Mapping[str, Any]], bool]) -> Trace:
        found = self.history.of("wanted", mode=mode)
        changes = [Change(r.at_s, r.error_s, says(r.fields)) for r in found]
        return steps(changes, self.end_s, before=False)

    def said(self, mode: str, says: Callable[[Mapping[str, Any]], bool]) -> Trace:
        """Return when the answers of the API of `mode` were such that `says`."""
        claims = list(self.history.of("claims", mode=mode))
        changes = [Change(r.at_s, r.error_s, bool(says(r.fields))) for r in claims]
        ends = [*(r.at_s for r in claims[1:]), self.end_s]
        pairs = zip(claims, ends, strict=False)
        stale = [(r.at_s + STALE_S, end_s) for r, end_s in pairs if end_s > r.at_s + STALE_S]
        return cover(steps(changes, self.end_s), stale, None)

    @property
    def fault_s(self) -> float:
        """When the first fault began to act; the beginning of what is judged where none did."""
        for phase in ("acting", "acted", "bitten", "intended"):
            for record in self.history.of("fault", phase=phase):
                return record.at_s
        return self.from_s

    def latest_fault_s(self, until_s: float) -> float:
        """Return when the last fault before `until_s` began to act; fault_s if none did."""
        began = [r.at_s for p in ("acting", "acted") for r in self.history.of("fault", phase=p)]
        return max((at_s for at_s in began if at_s <= until_s), default=self.fault_s)

    @property
    def hit(self) -> tuple[str, ...]:
        """The nodes that a fault had as its target, in the order of the lab."""
        targets = {record.fields["target"] for record in self.history.of("fault")}
        return tuple(node for node in self.nodes if node in targets)

    def hands(self) -> list[Record]:
        """Return what a person did after the first fault, in the part that is judged."""
        human = self.history.of("human")
        return [record for record in human if self.fault_s <= record.at_s < self.to_s]


def build(history: History) -> Timeline:
    """Return the timeline of `history`. Never raises: what has no sense is damage."""
    try:
        return _build(history)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        wrong = f"a record has fields of a wrong type: {type(error).__name__}: {error}"
        return Timeline(history, damage=(*history.damage, wrong))


def _build(history: History) -> Timeline:
    damage = history.damage
    if not history.records or history.records[0].kind != "begin":
        return Timeline(history, damage=(*damage, "its first record is not the run's beginning"))
    begin = history.records[0].fields
    end_s = max(record.at_s for record in history.records)
    # Push comes first, in tables and figures.
    modes = tuple(sorted(map(str, begin["modes"]), reverse=True))
    nodes = tuple(map(str, begin["nodes"]))
    from_s, to_s = _judged(history, end_s)
    names = {mode: _names(history, mode) for mode in modes}
    runs = {
        (mode, node, name): trace
        for mode in modes
        for node in nodes
        for name, trace in _presence(history, mode, node, names[mode], end_s).items()
    }
    lease_s = float(begin["profile"]["lease_s"])
    api = str(begin["api"])
    return Timeline(history, modes, nodes, api, lease_s, from_s, to_s, end_s, names, runs, damage)


def _judged(history: History, end_s: float) -> Interval:
    """Return from the steady state before the fault to the rollback, or to the end."""
    befores = [r.at_s for r in history.of("step", name=BEFORE, phase="end")]
    rollbacks = [r.at_s for r in history.of("step", name=ROLLBACK, phase="begin")]
    return min(befores, default=0.0), min(rollbacks, default=end_s)


def _names(history: History, mode: str) -> tuple[str, ...]:
    """Return every container that was wanted or ran in `mode`, or was said to."""
    found: set[str] = set()
    for kind, field in (("wanted", "names"), ("runs", "containers")):
        for record in history.of(kind, mode=mode):
            found.update(map(str, record.fields[field]))
    for record in history.of("claims", mode=mode):
        found.update(map(str, record.fields["running"] or ()))
        found.update(str(name) for name, _ in record.fields["containers"] or ())
        dict(record.fields["nodes"] or {})  # raises where it is no such thing
    return tuple(sorted(found))


def _presence(
    history: History, mode: str, node: str, names: Sequence[str], end_s: float
) -> dict[str, Trace]:
    """Return for each of `names` when it ran on `node`."""
    lists = list(history.of("runs", mode=mode, node=node))
    unknown = blind(history, mode, node, end_s)
    boots = list(_boots(history, node, lists))
    halted = machine_trace(history, node, HALTED, end_s)
    found = {}
    for name in names:
        changes = [Change(r.at_s, r.error_s, name in r.fields["containers"]) for r in lists]
        unbooted = [
            (boot_s, first.at_s + first.error_s)
            for boot_s, first in boots
            if name not in first.fields["containers"]
        ]
        listed = cover(cover(steps(changes, end_s), unknown, None), unbooted, False)
        found[name] = combine([listed, halted], _unless_halted)
    return found


def _unless_halted(values: Sequence[Known]) -> Known:
    runs, halted = values
    if halted or runs is False:
        return False
    return None if halted is None else runs


def machine_trace(history: History, node: str, states: Sequence[str], end_s: float) -> Trace:
    """Return when the host saw machine `node` in one of `states`; before it looked: it ran."""
    found = history.of("machine", machine=node)
    changes = [Change(r.at_s, r.error_s, r.fields["state"] in states) for r in found]
    return steps(changes, end_s, before=False)


def _boots(history: History, node: str, lists: Sequence[Record]) -> Iterator[tuple[float, Record]]:
    """Yield when `node` was started, each with the first list of what ran on it after that.

    A machine that boots runs nothing until something is started on it, for containers are never
    enabled: what is not in the first list did not run before.
    """
    states = sorted(history.of("machine", machine=node), key=lambda record: record.at_s)
    for before, record in pairwise(states):
        # libvirt begins a machine paused, which one look in many sees.
        if before.fields["state"] in EMPTY and record.fields["state"] not in EMPTY:
            after_s = record.at_s + record.error_s
            first = next((r for r in lists if r.at_s - r.error_s >= after_s), None)
            if first:
                # Until then it was off.
                yield record.at_s - record.error_s, first


def blind(history: History, mode: str, node: str, end_s: float) -> list[Interval]:
    """Return the times of which it is not known what `node` ran in `mode`.

    A list of what runs holds as long as later signs of the same recorder say that it has sent all
    that happened. After a loss, and after a boot, it takes another list.
    """
    known: list[Interval] = []
    reached_s: float | None = None
    first_s: float | None = None  # of the lists since the last sign
    boot, lost_s = None, end_s
    holes: list[Interval] = []
    for record in history.records:
        fields = record.fields
        if record.kind == "runs" and fields["mode"] == mode and fields["node"] == node:
            first_s = record.at_s if first_s is None else first_s
            reached_s = record.at_s if reached_s is None else reached_s
            holes += [(lost_s, record.at_s)]
            lost_s = end_s
        elif record.kind == "looked" and fields["machine"] == node:
            if boot not in (None, fields["boot"]):
                reached_s = first_s
            if reached_s is not None and fields["until_s"] > reached_s:
                if known and known[-1][1] == reached_s:
                    reached_s = known.pop()[0]
                known.append((reached_s, fields["until_s"]))
                reached_s = fields["until_s"]
            boot, first_s = fields["boot"], None
        elif record.kind == "machine" and fields["machine"] == node and fields["state"] in EMPTY:
            # A list of before is none of the next boot, also if no sign of its own boot is left.
            first_s = None
            reached_s = reached_s if boot else None
        elif record.kind == "lost" and fields["machine"] == node:
            reached_s = first_s = None
            lost_s = min(lost_s, fields["from_s"])
    holes += [(lost_s, end_s)]
    trace = cover(steps([], end_s), known, True)
    return [(s.from_s, s.to_s) for s in cover(trace, holes, None).of(None)]
