"""The lab as the demonstrations see it: prepare the containers, look, and clear up."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from lab import waiting
from lab.demo.observe import Samples, first, observe
from lab.experiment import timing
from lab.experiment.timing import Deadlines
from lab.faults import heal
from lab.host.speed import deadline_s
from lab.machines import remote, units
from lab.planes import client
from provisioning.topology import Machine, Topology
from services.core.errors import LabError
from services.core.model import Health
from services.core.profiles import Profile

PREFIX = "demo-"
NAMES = tuple(f"{PREFIX}{number}" for number in range(1, 7))
LATE = f"{PREFIX}late"
_COMMAND_S = 5.0
# Six first starts: Python, the workload and its socket, several on a node.
_STARTS_S = 10.0

T = TypeVar("T")
# container -> the nodes on which it serves
Where = dict[str, tuple[str, ...]]


class Playground:
    """One lab, the modes that a run is about, and where to report. Remembers nothing of the lab."""

    def __init__(
        self, lab: Topology, modes: Sequence[str], profile: Profile, say: Callable[[str], None]
    ) -> None:
        self.lab = lab
        self.modes = list(modes)
        self.profile = profile
        self.say = say
        self._clients = client.connect(lab)
        self.push, self.pull = self._clients

    def observe(
        self,
        looks: Mapping[str, Callable[[], T]],
        done: Callable[[T], bool],
        *,
        expected_s: float,
        began_s: float,
    ) -> tuple[dict[str, Samples[T]], float]:
        """Observe all modes until pull is `done` and push has had its time; see lab.demo.observe.

        expected_s: what pull should need with KVM. began_s: of time.monotonic.
        """
        deadlines = Deadlines(expected_s, max(deadline_s(expected_s), timing.PATIENCE * expected_s))
        reported = False

        def enough(samples: Mapping[str, Samples[T]], elapsed_s: float) -> bool:
            nonlocal reported
            pull_s = first(samples.get("pull", []), done)
            if pull_s is not None and not reported:
                reported = True
                rest = "; push is given three times as long" if "push" in self.modes else ""
                self.say(f"pull: done after {pull_s:.1f} s{rest}")
            return deadlines.enough(self.modes, pull_s, elapsed_s)

        return observe(looks, enough, began_s=began_s)

    def prepare(self) -> None:
        """Declare our containers in every mode, and return once all of them serve.

        What push lost in an earlier demonstration is started again here, as a human would.
        """
        if "pull" in self.modes:
            self.await_nodes()
        for mode in self.modes:
            for name in NAMES:
                self.declare(mode, name)
            self.say(f"{mode}: asked for {NAMES[0]} to {NAMES[-1]}")
        self._await(self._all_serve, "all containers serve", self._starts_s())

    def clear(self) -> None:
        """Take our containers away; what users declared stays.

        One that cannot be taken away does not stop the others; the first error is raised last.
        """
        errors: list[LabError] = []
        for mode in self.modes:
            for name in (*NAMES, LATE):
                try:
                    self.withdraw(mode, name)
                except LabError as error:
                    errors.append(error)
        if errors:
            raise errors[0]

    def heal(self) -> None:
        """Undo all chaos."""
        heal.heal(self.lab, self.say)

    def declare(self, mode: str, name: str) -> None:
        """Do in `mode` what a user does to get a container: start it, or want it."""
        self._clients.declare(mode, name)

    def withdraw(self, mode: str, name: str) -> None:
        """The opposite of declare; idempotent."""
        self._clients.withdraw(mode, name)

    def seen(self, nodes: Sequence[Machine]) -> dict[str, tuple[units.Unit, ...]]:
        """Return node -> its units, as systemd there says. Raises the first node's error."""
        said = remote.run_everywhere(nodes, units.LIST, timeout_s=deadline_s(_COMMAND_S))
        return {node: units.parse(text) for node, text in said.items()}

    def where(self, nodes: Sequence[Machine] | None = None) -> dict[str, Where]:
        """Return for each mode where its containers serve. nodes: those to ask; None: all."""
        seen = self.seen(self.lab.nodes if nodes is None else nodes)
        return {mode: places(_containers(seen, mode)) for mode in self.modes}

    def others(self, node: Machine) -> list[Machine]:
        """Return all nodes but `node`."""
        return [other for other in self.lab.nodes if other != node]

    def command(self, node: Machine, *argv: str) -> str:
        """Run `argv` on `node` and return what it prints."""
        return remote.run(node, argv, timeout_s=deadline_s(_COMMAND_S))

    def cursor(self, node: Machine) -> str:
        """Return where the journal of `node` ends now."""
        text = self.command(node, "journalctl", "--lines=0", "--show-cursor", "--quiet")
        return text.rpartition("-- cursor: ")[2].strip()

    def log(self, node: Machine, cursor: str) -> tuple[str, ...]:
        """Return what the agent of `node` has said since `cursor`."""
        argv = ["journalctl", "--quiet", "--no-pager", "--no-hostname", "--unit=pull-agent.service"]
        return tuple(self.command(node, *argv, f"--after-cursor={cursor}").splitlines())

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
        if not self.pull.await_declared(done, timeout_s=limit_s):
            raise waiting.TookTooLong(what, limit_s, False, "lab status shows why")

    def await_nodes(self, during: Callable[[], object] = lambda: None) -> None:
        """Return once every node has reported to pull. during: called before each look."""

        def up() -> bool:
            during()
            return self._nodes_up()

        self._await(up, "every node is up for pull", timing.healing_s(self.profile))

    def _await(self, probe: Callable[[], bool], what: str, expected_s: float) -> None:
        waiting.until(probe, what, timeout_s=deadline_s(expected_s), hint="lab status shows why")

    def _starts_s(self) -> float:
        return timing.placing_s(self.profile) + _STARTS_S

    def _nodes_up(self) -> bool:
        up = {node.name for node in self.pull.nodes().nodes if node.health is Health.UP}
        return up >= {node.name for node in self.lab.nodes}

    def _all_serve(self) -> bool:
        return all(set(NAMES) <= set(where) for where in self.where().values())


def places(running: Mapping[str, Sequence[str]]) -> Where:
    """Turn node -> containers into container -> nodes, both in order."""
    found: Where = {}
    for node, names in running.items():
        for name in names:
            found[name] = (*found.get(name, ()), node)
    return found


def victims(where: Mapping[str, Where], node: str) -> dict[str, tuple[str, ...]]:
    """Return for each mode which of our containers serve on `node`."""
    return {
        mode: tuple(name for name in NAMES if node in found.get(name, ()))
        for mode, found in where.items()
    }


def busiest(where: Mapping[str, Where], nodes: Sequence[Machine]) -> Machine:
    """Return the node with most of our containers among those that have some in every mode.

    Ties go to the first. Raises LabError when there is none.
    """
    loads = {node: [len(names) for names in victims(where, node.name).values()] for node in nodes}
    fit = [node for node in nodes if all(loads[node])]
    if not fit:
        raise LabError("no node runs a container of every mode", hint="lab status shows where")
    return max(fit, key=lambda node: sum(loads[node]))


def _containers(
    seen: Mapping[str, tuple[units.Unit, ...]], mode: str
) -> dict[str, tuple[str, ...]]:
    return {node: units.containers(listed, mode) for node, listed in seen.items()}
