"""Write into the history when a machine is switched off or on, or stands still."""

import threading
from contextlib import suppress

from lab.history.history import Writer
from lab.machines import power
from provisioning.run import ToolFailed
from provisioning.topology import Topology

_EVERY_S = 0.5
_LIBVIRT_S = 4.0


class States:
    """latest: machine -> running, off, paused or absent, as of the last look, which began after
    looked_s. paused_s: machine -> when it was first seen to stand still, the last time it did.
    """

    def __init__(self, topology: Topology, writer: Writer) -> None:
        self.latest: dict[str, str] = {}
        self._topology = topology
        self._writer = writer
        self.looked_s = writer.now_s()
        self.paused_s: dict[str, float] = {}

    def look(self) -> None:
        """Write what has changed since the last look: it did so at some time in between."""
        began_s = self._writer.now_s()
        found = power.machine_states(self._topology, timeout_s=_LIBVIRT_S)
        now_s = self._writer.now_s()
        middle_s, error_s = (now_s + self.looked_s) / 2, (now_s - self.looked_s) / 2
        for name, state in found.items():
            if self.latest.get(name) != state:
                if state == "paused":
                    self.paused_s[name] = now_s
                at_s = middle_s if name in self.latest else 0.0
                self._writer.put("machine", at_s=at_s, error_s=error_s, machine=name, state=state)
        self.latest, self.looked_s = found, began_s

    def run(self, over: threading.Event) -> None:
        """Look again and again until `over` is set."""
        while not over.wait(_EVERY_S):
            # A libvirt that is silent for a moment is asked again; the range gets wider.
            with suppress(ToolFailed):
                self.look()
