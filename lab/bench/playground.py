"""Pull as `lab bench converge` sees it: its own containers, where they serve, and clearing up."""

from collections.abc import Callable, Mapping, Sequence

from lab import waiting
from lab.experiment import timing
from lab.faults import heal
from lab.host.speed import deadline_s
from lab.machines import remote, units
from lab.planes import client
from provisioning.topology import Machine, Topology
from services.core.errors import LabError
from services.core.model import Health
from services.core.profiles import Profile

NAMES = tuple(f"bench-{number}" for number in range(1, 7))
LATE = "bench-late"
_COMMAND_S = 5.0
# Six first starts: Python, the workload and its socket, several on a node.
_STARTS_S = 10.0

# container -> the nodes on which it serves
Where = dict[str, tuple[str, ...]]


class Playground:
    """One lab in one profile, and where to report. Remembers nothing of the lab."""

    def __init__(self, lab: Topology, profile: Profile, say: Callable[[str], None]) -> None:
        self.lab = lab
        self.profile = profile
        self._say = say
        self._clients = client.connect(lab)
        self._pull = self._clients.pull

    def prepare(self) -> None:
        """Declare our containers, and return once all of them serve."""
        self.await_nodes()
        for name in NAMES:
            self.declare(name)
        self._say(f"pull: asked for {NAMES[0]} to {NAMES[-1]}")
        self._await(
            lambda: set(NAMES) <= set(self.where()), "all containers serve", self._starts_s()
        )

    def clear(self) -> None:
        """Take our containers away; what users declared stays.

        One that cannot be taken away does not stop the others; the first error is raised last.
        """
        errors: list[LabError] = []
        for name in (*NAMES, LATE):
            try:
                self.withdraw(name)
            except LabError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def heal(self) -> None:
        """Undo all faults."""
        heal.heal(self.lab, self._say)

    def declare(self, name: str) -> None:
        """Declare container `name`."""
        self._clients.declare("pull", name)

    def withdraw(self, name: str) -> None:
        """The opposite of declare; idempotent."""
        self._clients.withdraw("pull", name)

    def where(self) -> Where:
        """Return where pull's containers serve, as systemd on every node says."""
        said = remote.run_everywhere(self.lab.nodes, units.LIST, timeout_s=deadline_s(_COMMAND_S))
        return places(
            {node: units.containers(units.parse(text), "pull") for node, text in said.items()}
        )

    def command(self, node: Machine, *argv: str) -> str:
        """Run `argv` on `node` and return what it prints."""
        return remote.run(node, argv, timeout_s=deadline_s(_COMMAND_S))

    def cursor(self, node: Machine) -> str:
        """Return where the journal of `node` ends now."""
        text = self.command(node, "journalctl", "--lines=0", "--show-cursor", "--quiet")
        return text.rpartition("-- cursor: ")[2].strip()

    def await_pull(self, name: str) -> None:
        """Return once pull reports container `name` as running."""
        self.await_declared(lambda seen: name in seen.running, f"{name} runs", self._starts_s())

    def await_declared(
        self, done: Callable[[client.Declared], bool], what: str, expected_s: float | None = None
    ) -> None:
        """Return once pull's list is `done`: at once, as the API answers at every change.

        expected_s: with KVM; None: as long as healing takes.
        """
        limit_s = deadline_s(timing.healing_s(self.profile) if expected_s is None else expected_s)
        if not self._pull.await_declared(done, timeout_s=limit_s):
            raise waiting.TookTooLong(what, limit_s, False, "lab status shows why")

    def await_nodes(self) -> None:
        """Return once every node has reported to pull."""
        self._await(self._nodes_up, "every node is up for pull", timing.healing_s(self.profile))

    def _await(self, probe: Callable[[], bool], what: str, expected_s: float) -> None:
        waiting.until(probe, what, timeout_s=deadline_s(expected_s), hint="lab status shows why")

    def _starts_s(self) -> float:
        return timing.placing_s(self.profile) + _STARTS_S

    def _nodes_up(self) -> bool:
        up = {node.name for node in self._pull.nodes().nodes if node.health is Health.UP}
        return up >= {node.name for node in self.lab.nodes}


def places(running: Mapping[str, Sequence[str]]) -> Where:
    """Turn node -> containers into container -> nodes, both in order."""
    found: Where = {}
    for node, names in running.items():
        for name in names:
            found[name] = (*found.get(name, ()), node)
    return found


def victims(where: Where, node: str) -> tuple[str, ...]:
    """Return which of our containers serve on `node`."""
    return tuple(name for name in NAMES if node in where.get(name, ()))


def busiest(where: Where, nodes: Sequence[Machine]) -> Machine:
    """Return the node with most of our containers; ties go to the first.

    Raises LabError when no node has one.
    """
    node = max(nodes, key=lambda one: len(victims(where, one.name)))
    if not victims(where, node.name):
        raise LabError("no node runs a container of ours", hint="lab status shows where they run")
    return node
