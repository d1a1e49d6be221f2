"""Histories made by hand: records in a few words, with a recorder that sees everything."""

from types import MappingProxyType

from lab.history.history import History, parse
from lab.history.record import FIELDS, VERSION, Record, dump

NODES = ["node1", "node2", "node3"]
LEASE_S = 3.0


class Made:
    """A history under way: each method adds a record. error_s: that of what the nodes say."""

    def __init__(self, *, modes=("pull",), checks=None, error_s=0.0, why="the lesson"):
        self.records, self.error_s, self.boots = [], error_s, {}
        expected = {mode: {"why": why, "checks": checks or {}} for mode in modes}
        self.put(
            0, "begin", experiment={"name": "made", "expected": expected}, modes=[*modes],
            nodes=NODES, profile={"name": "fast", "lease_s": LEASE_S}, version=VERSION, seed=7,
            run=1, api="api", machine={}, versions={}, at="2026-01-01T00:00:00Z",
        )  # fmt: skip
        self.put(0, "rate", every_s=1.0, patience_s=1.0)
        for node in NODES:
            self.looked(0, node)

    def put(self, at_s, kind, error_s=0.0, **fields):
        values = {**fields, **dict.fromkeys(sorted(FIELDS[kind] - fields.keys()), "")}
        self.records.append(Record(kind, at_s, error_s, MappingProxyType(values)))
        return self

    def runs(self, at_s, node, *containers, mode="pull"):
        return self.put(
            at_s, "runs", self.error_s, node=node, mode=mode, containers=list(containers)
        )

    def looked(self, at_s, node):
        boot = self.boots.setdefault(node, 1)
        return self.put(at_s, "looked", machine=node, until_s=at_s, boot=f"boot {boot}")

    def machine(self, at_s, node, state):
        """What the host sees. Right before the plug is pulled, the recorder has sent all."""
        if state == "off":
            self.looked(at_s, node)
            self.boots[node] += 1
        return self.put(at_s, "machine", machine=node, state=state)

    def wanted(self, at_s, *names, mode="pull"):
        return self.put(at_s, "wanted", mode=mode, names=list(names), doubtful=[])

    def claims(self, at_s, placed, *, mode="pull", running=None, down=(), ok=True):
        """placed: container -> node. running: of pull; None: all."""
        nodes = {node: "down" if node in down else "up" for node in NODES}
        names = list(placed) if running is None else list(running)
        return self.put(
            at_s, "claims", self.error_s, mode=mode, ok=ok, containers=[*map(list, placed.items())],
            running=names, nodes=nodes if ok else {},
        )  # fmt: skip

    def asks(self, from_s, to_s, node, name="a", *, mode="pull", ok=True):
        """A client asks every second until to_s; each question ends a tenth of a second later."""
        at_s = from_s
        while at_s < to_s:
            named = {"node": node, "mode": mode, "name": name, "ok": ok}
            self.put(round(at_s + 0.1, 4), "asked", asked_s=at_s, **named)
            at_s += 1
        return self

    def fault(self, at_s, target, *phases, fault="cut"):
        for phase in phases or ("intended", "acted", "bitten"):
            self.put(at_s, "fault", id=fault, fault=fault, target=target, phase=phase)
        return self

    def human(self, at_s, what):
        return self.put(at_s, "human", what=what)

    def steady(self, at_s):
        """From here on, the history is judged."""
        return self.put(at_s, "step", name="steady state before", phase="end")

    def end(self, at_s, why="complete", seen=NODES):
        """The rollback begins at at_s; the nodes in `seen` have been looked at until then."""
        for node in seen:
            self.looked(at_s + 1, node)
        self.put(at_s, "step", name="rollback", phase="begin")
        return self.put(at_s + 1, "end", why=why).history()

    def text(self):
        """The file that a writer makes of it."""
        lines, before = [], ""
        for record in self.records:
            before = dump(record, before)
            lines.append(f"{before}\n")
        return "".join(lines)

    def history(self) -> History:
        return parse(self.text())


def healed(**options):
    """Pull: node1 loses its plug at 10 s, `a` runs on node2 from 16 s; node1 is back at 30 s."""
    made = Made(**options).runs(1, "node1", "a").runs(1, "node2").runs(1, "node3")
    made.wanted(1, "a").claims(2, {"a": "node1"}).steady(3).fault(10, "node1").machine(
        10, "node1", "off"
    )
    made.claims(14, {"a": None}, running=[], down=["node1"])
    made.claims(15, {"a": "node2"}, running=[], down=["node1"]).runs(16, "node2", "a")
    made.claims(17, {"a": "node2"}, down=["node1"]).claims(28, {"a": "node2"}, down=["node1"])
    made.machine(30, "node1", "running").runs(34, "node1")
    made.asks(2, 10, "node1").asks(10, 16, "node1", ok=False).asks(16.5, 40, "node2")
    return made.claims(35, {"a": "node2"})


def lost(**options):
    """Push: node1 loses its plug at 10 s, and `a` runs nowhere after that."""
    made = Made(**{"modes": ("push",), **options})
    made.runs(1, "node1", "a", mode="push").runs(1, "node2", mode="push")
    made.runs(1, "node3", mode="push").wanted(1, "a", mode="push")
    made.claims(2, {"a": "node1"}, mode="push").steady(3).fault(10, "node1").machine(
        10, "node1", "off"
    )
    made.claims(11, {}, mode="push", down=["node1"]).claims(25, {}, mode="push", down=["node1"])
    made.machine(30, "node1", "running").runs(34, "node1", mode="push")
    made.asks(2, 10, "node1", mode="push").asks(10, 40, "node1", mode="push", ok=False)
    return made.claims(35, {}, mode="push")
