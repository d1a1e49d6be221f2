"""What the records of a history say by now: the latest of each fact. Pure.

Equal records in the same order give equal folds; a record that has no sense is damage, never an
error.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lab.experiment.check.timeline import EMPTY, HALTED, STALE_S
from lab.history.record import Record

# A recorder tells once a second what ran; an emulated guest takes a second more for that.
SILENT_S = 6.0
# After this part of a lease pull calls a silent node suspect.
_SUSPECT = 0.6
_EVENTS = 5
_MOST_DAMAGE = 20


class Claimed(NamedTuple):
    """What an API said last. at_s: when that was heard; placed: container and node, in order."""

    at_s: float
    ok: bool
    error: str
    placed: tuple[tuple[str, str | None], ...]
    running: tuple[str, ...]
    nodes: Mapping[str, str]


class Fold:
    """clock_s: the latest time of a record. runs: (mode, node) -> what was last said to run.

    heard: machine -> until when all is known from its recorder. listed: what pull's API listed
    last, and what ran in push before the recording began: users wanted that. wanted_s: (mode,
    name) -> since when it is wanted; ran: those of them that have run since.
    """

    def __init__(self, damage: Sequence[str] = ()) -> None:
        self.clock_s = 0.0
        self.begin: Mapping[str, Any] = {}
        self.nodes: tuple[str, ...] = ()
        self.modes: tuple[str, ...] = ()
        self.machines: dict[str, str] = {}
        self.heard: dict[str, float] = {}
        self.runs: dict[tuple[str, str], tuple[str, ...]] = {}
        self.claims: dict[str, Claimed] = {}
        self.wanted: dict[str, tuple[str, ...]] = {}
        self.listed: dict[str, set[str]] = {}
        self.wanted_s: dict[tuple[str, str], float] = {}
        self.ran: set[tuple[str, str]] = set()
        self.leases: dict[str, float] = {}
        self.faults: dict[str, dict[str, Any]] = {}
        self.events: dict[int, dict[str, Any]] = {}
        self.step: dict[str, Any] = {}
        self.human: dict[str, Any] = {}
        self.ended: str | None = None
        self.damage = list(damage)
        self._boots: dict[str, str] = {}
        self._fresh: set[tuple[str, str]] = set()
        self._first: set[tuple[str, str]] = set()
        self._began_s: float | None = None
        self._count = 0

    def add(self, record: Record) -> bool:
        """Take one record more; return whether it has sense. Never raises."""
        self.clock_s = max(self.clock_s, record.at_s)
        try:
            _TAKE.get(record.kind, Fold._nothing)(self, record, record.fields)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            self.spoil(f"a record has fields of a wrong type: {type(error).__name__}: {error}")
            return False
        return True

    def spoil(self, sentence: str) -> None:
        """Take note of damage: of the first places, and of how many there are."""
        self.damage = [*self.damage, sentence][:_MOST_DAMAGE]

    def known(self, mode: str, node: str, now_s: float) -> bool:
        """Return whether it is known what of `mode` runs on `node`."""
        if self.machines.get(node) in HALTED:
            return True
        heard_s = self.heard.get(node)
        return (mode, node) in self.runs and heard_s is not None and now_s - heard_s <= SILENT_S

    def users(self, mode: str) -> set[str]:
        """Return what users wanted beside what the history orders: it is no stray."""
        return self.listed.get(mode, set())

    def is_hit(self, node: str) -> bool:
        """Return whether a fault acts on `node`."""
        return any(f["target"] == node and f["to_s"] is None for f in self.faults.values())

    def running(self, mode: str, node: str) -> tuple[str, ...]:
        """Return what was last known to run there; nothing runs on a machine that stands still."""
        halted = self.machines.get(node) in HALTED
        return () if halted else self.runs.get((mode, node), ())

    def silent(self, mode: str, now_s: float) -> bool:
        """Return whether the API of `mode` does not answer, or was not asked for long."""
        claim = self.claims.get(mode)
        asked_s = claim.at_s if claim else self._began_s
        late = asked_s is not None and now_s - asked_s > STALE_S
        return late or not (claim is None or claim.ok)

    def _begin(self, _: Record, fields: Mapping[str, Any]) -> None:
        modes = sorted(map(str, fields["modes"]), reverse=True)
        nodes = tuple(map(str, fields["nodes"]))
        float(fields["profile"]["lease_s"])
        self.begin, self.modes, self.nodes = fields, tuple(modes), nodes

    def _machine(self, record: Record, fields: Mapping[str, Any]) -> None:
        name, state = str(fields["machine"]), str(fields["state"])
        self.machines[name] = state
        if state in EMPTY:
            for mode in self.modes:
                self.runs[mode, name] = ()
        if state in HALTED and name not in self.leases:
            heard_s = min(self.heard.get(name, record.at_s), record.at_s)
            self.leases[name] = heard_s + self.begin["profile"]["lease_s"]
        self._relieve()

    def _runs(self, _: Record, fields: Mapping[str, Any]) -> None:
        mode, node = str(fields["mode"]), str(fields["node"])
        names = tuple(sorted(map(str, fields["containers"])))
        self.runs[mode, node] = names
        self._fresh.add((mode, node))
        if mode == "push" and (mode, node) not in self._first:
            self.listed.setdefault(mode, set()).update(names)
        self._first.add((mode, node))
        self.ran |= {(mode, name) for name in names if name in self.wanted.get(mode, ())}

    def _looked(self, record: Record, fields: Mapping[str, Any]) -> None:
        name, boot = str(fields["machine"]), str(fields["boot"])
        self._began_s = record.at_s if self._began_s is None else self._began_s
        self.heard[name] = max(self.heard.get(name, 0.0), float(fields["until_s"]))
        for mode in self.modes:
            # What was listed before a boot says nothing about after it.
            if self._boots.get(name, boot) != boot and (mode, name) not in self._fresh:
                self.runs.pop((mode, name), None)
            self._fresh.discard((mode, name))
        self._boots[name] = boot

    def _lost(self, _: Record, fields: Mapping[str, Any]) -> None:
        for mode in self.modes:
            self.runs.pop((mode, str(fields["machine"])), None)

    def _claims(self, record: Record, fields: Mapping[str, Any]) -> None:
        placed = [(str(n), None if at is None else str(at)) for n, at in fields["containers"] or ()]
        said = {str(node): str(state) for node, state in (fields["nodes"] or {}).items()}
        mode, heard_s = str(fields["mode"]), record.at_s + record.error_s
        running = tuple(sorted(map(str, fields["running"] or ())))
        ok, error = bool(fields["ok"]), str(fields["error"])
        self.claims[mode] = Claimed(heard_s, ok, error, tuple(placed), running, said)
        if ok and mode == "pull":
            self.listed[mode] = {name for name, _ in placed}
        lease_s = self.begin["profile"]["lease_s"]
        left = {"suspect": 1 - _SUSPECT, "down": 0.0}
        for node, state in said.items() if mode == "pull" else ():
            if state in left and node not in self.leases:
                self.leases[node] = record.at_s + left[state] * lease_s
        self._relieve()

    def _relieve(self) -> None:
        """Forget the lease of each node about which there is no trouble any more."""
        said = self.claims["pull"].nodes if "pull" in self.claims else {}
        for node in list(self.leases):
            fine = self.machines.get(node) not in HALTED and said.get(node, "up") == "up"
            if fine or node not in self.nodes:
                del self.leases[node]

    def _wanted(self, record: Record, fields: Mapping[str, Any]) -> None:
        mode, names = str(fields["mode"]), tuple(map(str, fields["names"]))
        self.wanted[mode] = names
        self.wanted_s = {k: s for k, s in self.wanted_s.items() if k[0] != mode or k[1] in names}
        self.ran = {key for key in self.ran if key[0] != mode or key[1] in names}
        for name in names:
            self.wanted_s.setdefault((mode, name), record.at_s)
            if any(name in self.running(mode, node) for node in self.nodes):
                self.ran.add((mode, name))

    def _fault(self, record: Record, fields: Mapping[str, Any]) -> None:
        known = {key: str(fields[key]) for key in ("fault", "target", "phase")}
        before = self.faults.get(str(fields["id"]), {})
        over = known["phase"] in ("undone", "healed")
        self.faults[str(fields["id"])] = {
            "from_s": record.at_s,
            "command": str(fields["command"]),
            **before,
            **known,
            "to_s": (before.get("to_s") or record.at_s) if over else None,
        }

    def _event(self, record: Record, fields: Mapping[str, Any]) -> None:
        words = f"{fields['type']}: {fields['text']}" if fields["text"] else str(fields["type"])
        places = {key: str(fields[key]) for key in ("node", "container")}
        self.events[self._count] = {"text": words, **places, "at_s": record.at_s}
        self.events.pop(self._count - _EVENTS, None)
        self._count += 1

    def _step(self, record: Record, fields: Mapping[str, Any]) -> None:
        self.step = {"name": str(fields["name"]), "phase": str(fields["phase"])}
        self.step["at_s"] = record.at_s

    def _human(self, record: Record, fields: Mapping[str, Any]) -> None:
        self.human = {"what": str(fields["what"]), "command": str(fields["command"])}
        self.human["at_s"] = record.at_s

    def _end(self, _: Record, fields: Mapping[str, Any]) -> None:
        self.ended = str(fields["why"])

    def _nothing(self, _: Record, fields: Mapping[str, Any]) -> None:
        """Of some kinds nothing is shown."""


_TAKE: Mapping[str, Callable[[Fold, Record, Mapping[str, Any]], None]] = {
    "begin": Fold._begin,
    "machine": Fold._machine,
    "runs": Fold._runs,
    "looked": Fold._looked,
    "lost": Fold._lost,
    "claims": Fold._claims,
    "wanted": Fold._wanted,
    "fault": Fold._fault,
    "event": Fold._event,
    "step": Fold._step,
    "human": Fold._human,
    "end": Fold._end,
}
