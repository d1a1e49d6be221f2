"""The real lab, brought up once; every test leaves it as it found it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

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


class Running:
    """A command of the lab in a process group of its own, as a terminal starts it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = ""

    def until(self, words: str) -> None:
        """Return as soon as it has said `words`."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line
            if words in line:
                return
        pytest.fail(f"never said {words!r}: {self.said}")

    def interrupt(self, number: int) -> int:
        """Send what Ctrl-C, or a `kill -9`, sends; return the exit code."""
        os.killpg(self.process.pid, number)
        return self.end()

    def end(self) -> int:
        assert self.process.stderr is not None
        self.said += self.process.stderr.read()
        return self.process.wait(600)


@contextmanager
def running(*words: str) -> Iterator[Running]:
    """Run `lab WORDS...` meanwhile."""
    with subprocess.Popen(
        [*LAB, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


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
    """Return what `units` of `host`, and systemd about them, have said: (Unix time there, line).

    All that they had said by now: journald may still have to read some of it.
    """
    named = " ".join(f"--unit={unit}" for unit in units)
    after = f"--after-cursor='{cursor}'" if cursor else ""
    show = f"journalctl --quiet --output=short-unix {named} {after}"
    said = host.check_output(f"journalctl --sync && {show}")
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
        self.clean = False

    def serving(self) -> dict[str, dict[str, list[str]]]:
        """Return mode -> container -> nodes whose systemd says that it serves; no dead nodes."""
        found: dict[str, dict[str, list[str]]] = {mode: {} for mode in ("push", "pull")}
        for node, said in remote.run_all(self.lab.nodes, units.LIST, timeout_s=60).items():
            if isinstance(said, LabError):
                continue
            for mode, nodes in found.items():
                for name in units.containers(units.parse(said), mode):
                    nodes.setdefault(name, []).append(node)
        return found

    def where(self, mode: str) -> dict[str, list[str]]:
        """Return container -> nodes, see serving."""
        return self.serving()[mode]

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

    def tidy(self) -> None:
        """Heal the lab; no container is wanted or runs, in either mode; every node takes some."""
        heal.heal(self.lab, print)
        for node in self.pull.nodes().nodes:
            if node.cordoned or node.draining:
                self.pull.mark(node.name, cordoned=False)
        for name in self.pull.declared().names:
            self.pull.delete(name)
        for name in self.where("push"):
            self.push.stop(name)
        self.wait(lambda: not any(self.serving().values()), "nothing runs")
        self.clean = True


@pytest.fixture(scope="session")
def only_stage(lab: Topology) -> Stage:
    """The one stage of all tests; it knows whether the test before this one left it clean."""
    return Stage(lab)


@pytest.fixture
def stage(only_stage: Stage) -> Iterator[Stage]:
    """A healed lab without containers, before and after."""
    if not only_stage.clean:
        only_stage.tidy()
    only_stage.clean = False
    yield only_stage
    only_stage.tidy()


class Chapter(NamedTuple):
    """A saved chapter. at_s: when it was there; revision: of pull's state in it."""

    name: str
    at_s: float
    revision: int


@pytest.fixture(scope="session")
def chapter(only_stage: Stage) -> Iterator[Chapter]:
    """One in which pull runs `kept` and nothing else, saved once for all tests."""
    only_stage.tidy()
    only_stage.clean = False
    only_stage.pull.declare("kept")
    only_stage.wait_running("pull", {"kept"})
    run(*LAB, "chapter", "save", "testing", "--force", "--note", "kept runs")
    yield Chapter("testing", time.time(), only_stage.pull.events(0).revision)
    run(*LAB, "chapter", "delete", "testing")
