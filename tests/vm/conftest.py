"""The real lab, brought up once; every test leaves it as it found it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

from lab.faults import heal
from lab.host import settings
from lab.host.speed import deadline_s
from lab.machines import remote, units
from lab.planes import client
from provisioning import topology as topology_file
from provisioning.topology import Topology
from services.core.errors import LabError
from services.core.model import Event
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
LAB = [sys.executable, "-m", "lab"]


def run(*argv: str, timeout_s: float = 600, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout as a user does; its whole output on failure."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if check and done.returncode:
        pytest.fail(f"{argv} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


@pytest.fixture(scope="session", autouse=True)
def lab() -> Topology:
    """The lab, up in both modes under the fast profile, from this checkout's code."""
    print(run(*LAB, "up", "both", timeout_s=1200).stderr)
    return topology_file.load()


@pytest.fixture(scope="session")
def hosts(lab: Topology) -> dict[str, Host]:
    """Machine name -> what testinfra asks it."""
    config = str(settings.SSH_CONFIG)
    return {
        machine.name: testinfra.get_host(f"ssh://{machine.name}", ssh_config=config)
        for machine in lab.machines
    }


def journal(host: Host, *units: str, cursor: str = "") -> list[tuple[float, str]]:
    """Return what `units` of `host`, and systemd about them, have said: (Unix time there, line)."""
    named = " ".join(f"--unit={unit}" for unit in units)
    after = f"--after-cursor='{cursor}'" if cursor else ""
    said = host.check_output(f"journalctl --quiet --output=short-unix {named} {after}")
    return [(float(at_s), line) for at_s, _, line in (s.split(None, 2) for s in said.splitlines())]


def cursor(host: Host) -> str:
    """Return where the journal of `host` ends now."""
    said = host.check_output("journalctl --lines=0 --show-cursor --quiet")
    return said.rpartition("-- cursor: ")[2].strip()


@pytest.fixture
def push(lab: Topology) -> client.PushClient:
    return client.connect(lab)[0]


@pytest.fixture
def pull(lab: Topology) -> client.PullClient:
    return client.connect(lab)[1]


class Stage:
    """The lab as these tests look at it. Every wait is scaled to the machine's speed."""

    def __init__(self, lab: Topology) -> None:
        self.lab = lab
        self.push, self.pull = client.connect(lab)

    def where(self, mode: str) -> dict[str, list[str]]:
        """Return container -> nodes whose systemd says that it serves; dead nodes left out."""
        found: dict[str, list[str]] = {}
        for node, said in remote.run_all(self.lab.nodes, units.LIST, timeout_s=60).items():
            if not isinstance(said, LabError):
                for name in units.containers(units.parse(said), mode):
                    found.setdefault(name, []).append(node)
        return found

    def wait(self, probe: Callable[[], object], what: str, seconds_on_kvm: float = 30) -> None:
        wait_for(probe, what, timeout_s=deadline_s(seconds_on_kvm), every_s=0.5)

    def wait_running(self, mode: str, names: set[str]) -> None:
        """Return once every one of `names` serves on exactly one node."""
        self.wait(
            lambda: {n for n, nodes in self.where(mode).items() if len(nodes) == 1} >= names,
            f"{mode} runs {sorted(names)}, each once",
        )

    def happened(self, since: int, kind: str, subject: str = "") -> list[Event]:
        """Return pull's events of `kind` after revision `since`, of `subject` if it is named."""
        events = self.pull.events(since).events
        return [e for e in events if e.kind == kind and subject in ("", e.subject)]

    def clear(self) -> None:
        """No container is wanted or runs, in either mode, and every node takes some."""
        for node in self.pull.nodes().nodes:
            if node.cordoned or node.draining:
                self.pull.mark(node.name, cordoned=False)
        for name in self.pull.declared().names:
            self.pull.delete(name)
        for name in self.where("push"):
            self.push.stop(name)
        self.wait(lambda: not self.where("pull") and not self.where("push"), "nothing runs")


@pytest.fixture
def stage(lab: Topology) -> Iterator[Stage]:
    """A healed lab without containers, before and after."""
    stage = Stage(lab)
    heal.heal(lab, print)
    stage.clear()
    yield stage
    heal.heal(lab, print)
    stage.clear()
