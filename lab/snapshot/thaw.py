"""Bring a frozen lab back, in place of whatever runs."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import paths
from lab.host import forward, settings
from lab.machines import remote, vagrant
from lab.snapshot import key, needs
from lab.snapshot.freeze import release
from lab.snapshot.hold import Hold
from lab.snapshot.machines import Domains
from lab.snapshot.state import State
from lab.terminal.progress import Progress
from provisioning.topology import Topology
from services.core.errors import LabError

# Names the folder that is being put back. While it is there, the machines are no lab.
_MARKER = paths.STATE / "thawing"


class Foreign(LabError):
    """A frozen lab that cannot run here."""

    def __init__(self, name: str, problem: str, hint: str) -> None:
        super().__init__(f"{name!r} cannot run here: {problem}", hint=hint)
        self.problem = problem


class CutShort(LabError):
    """A thaw that did not end: some machines are of one state of the lab, some of another."""

    def __init__(self, name: str, problem: str = "") -> None:
        why = f": {problem}" if problem else ""
        super().__init__(
            f"bringing back {name!r} was cut short{why}; the machines do not belong together",
            hint="lab up both finishes it",
        )
        self.name = name
        self.problem = problem


def check_fits(topology: Topology, name: str, saved: State) -> None:
    """Raise Foreign where the machines in `saved` could not run."""
    names = [machine.name for machine in topology.machines]
    if saved.topology != key.topology() or [one.name for one in saved.machines] != names:
        raise Foreign(name, "it has other machines", "git diff provisioning/topology.json")
    accel = settings.load().accel.name
    if saved.accel != accel:
        raise Foreign(
            name,
            f"its memory was saved under {saved.accel}, and here machines run under {accel}",
            f"LAB_ACCEL={saved.accel} asks for that one; or save it anew",
        )
    lacks, hint = needs.missing(saved)
    if lacks:
        raise Foreign(name, lacks, hint)


def thaw(topology: Topology, folder: Path, saved: State, progress: Progress) -> None:
    """Replace the machines by those in `folder`; returns when they run, clocks set.

    saved: what is in `folder`, verified, fitting, its box there. However it ends before its end,
    it leaves a mark, see cut_short: the machines are no lab then.
    """
    domains = Domains(topology)
    states = vagrant.machine_states(topology)
    _MARKER.write_text(str(folder))
    forward.stop()
    for machine in topology.machines:
        remote.disconnect(machine)
    # All of them, before one comes back: what they still say is not meant for those to come.
    domains.discard(name for name, found in states.items() if found in ("running", "paused"))
    with ThreadPoolExecutor(1) as meanwhile:
        # Whether that worked out, whoever needs the ports asks again.
        meanwhile.submit(forward.ensure, topology)
        domains.put_back(saved.machines, folder)
        silent = release(domains, _hold(topology, saved), progress)
    states = vagrant.machine_states(topology) if silent else {}
    ended = [name for name in silent if states[name] != "running"]
    if ended:
        raise LabError(f"{', '.join(ended)} ended meanwhile")
    clear_mark()


def served(topology: Topology, saved: State) -> None:
    """Let the machines of `saved`, thawed, do what can wait until nobody waits for the lab.

    They ask for their addresses again, by which Vagrant finds them.
    """
    _hold(topology, saved).renew()


def _hold(topology: Topology, saved: State) -> Hold:
    """The hold under which the machines of `saved` were saved."""
    return Hold([m for m in topology.machines if m.name in saved.running], saved.hold)


def cut_short() -> Path | None:
    """Return the folder that a thaw which did not end was putting back."""
    return Path(_MARKER.read_text()) if _MARKER.exists() else None


def clear_mark() -> None:
    """Forget a thaw that was cut short: its machines are gone, or whole again. Idempotent."""
    _MARKER.unlink(missing_ok=True)


def check_whole() -> None:
    """Raise CutShort while a thaw is unfinished."""
    folder = cut_short()
    if folder is not None:
        raise CutShort(folder.name)
