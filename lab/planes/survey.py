"""Look at the whole lab at once: VMs, units, both APIs. Everything live, everything in parallel."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from lab.errors import LabNotUp
from lab.host.speed import deadline_s
from lab.machines import remote, units, vagrant
from lab.machines.units import Unit
from lab.planes import client
from provisioning.topology import Topology
from services.core.errors import LabError
from services.core.wire_nodes import NodeList

RUNNING = "running"
_SSH_S = 5.0

T = TypeVar("T")


class Survey(NamedTuple):
    """What was seen. A LabError in place of a value says why it could not be seen.

    states: machine -> running, off, absent. units: machine that runs -> its units.
    """

    topology: Topology
    states: dict[str, str]
    units: dict[str, tuple[Unit, ...] | LabError]
    push: client.Running | LabError
    pull: client.Declared | LabError
    nodes: NodeList | LabError

    @property
    def modes(self) -> list[str]:
        """The modes that the machines are in, as far as any of them could be asked."""
        known = [seen for seen in self.units.values() if not isinstance(seen, LabError)]
        names = list(self.topology.ports)
        return [name for name in names if any(name in units.active_modes(u, names) for u in known)]

    def containers(self, mode: str, node: str) -> tuple[str, ...] | None:
        """Return what of `mode` serves on `node`; None if it could not be asked."""
        seen = self.units.get(node)
        return None if seen is None or isinstance(seen, LabError) else units.containers(seen, mode)


def take(topology: Topology) -> Survey:
    """Return what can be seen now; raises LabNotUp when no VM runs, and nothing otherwise."""
    states = vagrant.machine_states(topology)
    up = [machine for machine in topology.machines if states.get(machine.name) == RUNNING]
    if not up:
        raise LabNotUp(topology.lab)
    push, pull = client.connect(topology)
    with ThreadPoolExecutor(4) as pool:
        seen = pool.submit(lambda: remote.run_all(up, units.LIST, timeout_s=deadline_s(_SSH_S)))
        listed = pool.submit(_ask, push.running)
        declared = pool.submit(_ask, pull.declared)
        nodes = pool.submit(_ask, pull.nodes)
        return Survey(
            topology,
            states,
            {
                name: said if isinstance(said, LabError) else units.parse(said)
                for name, said in seen.result().items()
            },
            listed.result(),
            declared.result(),
            nodes.result(),
        )


def _ask(question: Callable[[], T]) -> T | LabError:
    try:
        return question()
    except LabError as error:
        return error
