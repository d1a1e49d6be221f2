"""Count what each control plane and its nodes say to each other.

The kernel of the API machine counts bytes, by the addresses of the nodes and the port of SSH (push)
or of pull's API: what this computer asks is not among them. Requests are counted by the APIs.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from lab.faults.plan import DEVICE
from lab.history.history import Writer
from lab.host.speed import deadline_s
from lab.machines import remote
from lab.planes import client
from provisioning.topology import Topology
from services.core.errors import LabError
from services.core.fields import decode

# No fault's: `lab heal` leaves it alone. A reboot removes it, too.
TABLE = "lab_traffic"
_COMMAND_S = 10.0
_SSH_PORT = 22
# In /metrics: push's commands to nodes, and what only nodes ask of pull.
_HTTP = r"^lab_http_requests_total\{%s\} (\S+)$"
_REQUESTS = {
    "push": r"^push_commands_total\{.*\} (\S+)$",
    "pull": _HTTP % r'.*route="/api/nodes/<node>/(?:desired|heartbeat|leaving)".*',
}
# What push answers by asking every node. Pull has no such routes: it answers from its memory.
_QUESTIONS = _HTTP % r'method="GET",route="/(?:containers|nodes)",status="200"'


class Traffic:
    """Writes into the history what was counted."""

    def __init__(
        self,
        topology: Topology,
        modes: Sequence[str],
        writer: Writer,
        turn: AbstractContextManager[object],
    ) -> None:
        """turn: while it is taken, nothing of ours asks push."""
        self._topology = topology
        self._apis = {mode: getattr(client.connect(topology), mode) for mode in modes}
        self._writer = writer
        self._turn = turn

    @contextmanager
    def counting(self) -> Iterator[Callable[[str], None]]:
        """Count for the length of the block; yield what writes the counts, under a name.

        A count that fails is a note in the history, and ends no run.
        """
        try:
            self._try(lambda: self._nft(rules(self._topology)))
            yield lambda phase: self._try(lambda: self._put(phase))
        finally:
            self._try(lambda: self._nft(f"add table inet {TABLE}; delete table inet {TABLE}"))

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except (LabError, ValueError, KeyError, TypeError) as error:
            self._writer.put("note", text=f"what is said between machines is not counted: {error}")

    def _nft(self, *words: str) -> str:
        api, limit_s = self._topology.api, deadline_s(_COMMAND_S)
        return remote.run(api, ["nft", *words], timeout_s=limit_s)

    def _put(self, phase: str) -> None:
        # A question that is under way would be counted by halves.
        with self._turn:
            asked_s = self._writer.now_s()
            shown = self._nft("--json", "list", "counters", "table", "inet", TABLE)
            now_s = self._writer.now_s()
            metrics = {mode: api.text("/metrics") for mode, api in self._apis.items()}
        count = counted(shown)
        times = {"at_s": (asked_s + now_s) / 2, "error_s": (now_s - asked_s) / 2}
        for mode, said in metrics.items():
            counts = {
                "bytes": count[mode],
                "requests": total(_REQUESTS[mode], said),
                "questions": total(_QUESTIONS, said),
            }
            self._writer.put("traffic", **times, mode=mode, phase=phase, **counts)


def rules(topology: Topology) -> str:
    """Return the script of nft that makes the counters `push` and `pull`, at zero.

    They count a packet as it came and as it goes: before and after a fault sends it elsewhere.
    """
    nodes = f"{{ {', '.join(node.address for node in topology.nodes)} }}"
    port = topology.ports["pull"]
    return (
        f"add table inet {TABLE}; delete table inet {TABLE}; table inet {TABLE} {{ "
        "counter push { }; counter pull { }; "
        "chain heard { type filter hook prerouting priority -300; "
        f"iifname {DEVICE} ip saddr {nodes} tcp sport {_SSH_PORT} counter name push; "
        f"iifname {DEVICE} ip saddr {nodes} tcp dport {port} counter name pull; }}; "
        "chain said { type filter hook postrouting priority 300; "
        f"oifname {DEVICE} ip daddr {nodes} tcp dport {_SSH_PORT} counter name push; "
        f"oifname {DEVICE} ip daddr {nodes} tcp sport {port} counter name pull; }}; }}"
    )


def counted(shown: str) -> dict[str, int]:
    """Return counter -> its bytes, of what nft prints as JSON. Raises ValueError, KeyError."""
    counters = (item["counter"] for item in decode(shown)["nftables"] if "counter" in item)
    return {str(one["name"]): int(one["bytes"]) for one in counters}


def total(pattern: str, metrics: str) -> int:
    """Return the sum of the samples in `metrics`, Prometheus' text, that match `pattern`."""
    return round(sum(float(value) for value in re.findall(pattern, metrics, re.MULTILINE)))
