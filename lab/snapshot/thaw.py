"""Replace all machines by those of a saved lab, which go on where they were."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import paths
from lab.host import forward, settings
from lab.machines import power, remote
from lab.snapshot import key, needs
from lab.snapshot.freeze import resume
from lab.snapshot.machines import Domains
from lab.snapshot.pause import Pause
from lab.snapshot.state import State
from lab.terminal.progress import Progress
from provisioning.topology import Topology
from services.core.errors import LabError

# Names the folder that is being thawed. While it exists, the machines are of two labs.
_MARKER = paths.STATE / "thawing"


def foreign(name: str, problem: str, hint: str) -> LabError:
    """Return the error that the saved lab `name` cannot run here."""
    return LabError(f"{name!r} cannot run here: {problem}", hint=hint)


def unfinished(name: str, problem: str = "") -> LabError:
    """Return the error that some machines are of the saved lab `name` and some are not."""
    why = f": {problem}" if problem else ""
    return LabError(
        f"the thaw of {name!r} did not finish{why}; the machines do not belong together",
        hint="lab up both finishes it",
    )


def check_same_machines(topology: Topology, name: str, saved: State) -> None:
    """Raise LabError where `saved` has other machines than `topology`."""
    names = [machine.name for machine in topology.machines]
    if saved.topology != key.topology() or [one.name for one in saved.machines] != names:
        raise foreign(name, "it has other machines", "git diff provisioning/topology.json")


def check_fits(name: str, saved: State) -> None:
    """Raise LabError where this computer could not run the machines in `saved`."""
    accel = settings.load().accel.name
    if saved.accel != accel:
        raise foreign(
            name,
            f"its memory was saved under {saved.accel}, and here machines run under {accel}",
            f"LAB_ACCEL={saved.accel} asks for that one; or save it again",
        )
    lacks, hint = needs.missing(saved)
    if lacks:
        raise foreign(name, lacks, hint)


def thaw(topology: Topology, folder: Path, saved: State, progress: Progress) -> None:
    """Replace the machines by those in `folder`; returns when they run, clocks set.

    saved: what is in `folder`: verified, fitting, its box there, and room for its disks. After any
    error it leaves a mark, see cut_short: some machines are new and some are not.
    """
    domains = Domains(topology)
    states = power.machine_states(topology)
    _MARKER.write_text(str(folder))
    forward.stop()
    for machine in topology.machines:
        remote.disconnect(machine)
    # All of them, before the first is restored: what they still send is not for the restored ones.
    domains.discard(name for name, found in states.items() if found in ("running", "paused"))
    with ThreadPoolExecutor(1) as meanwhile:
        # A failure shows when the APIs are asked.
        meanwhile.submit(forward.ensure, topology)
        domains.put_back(saved.machines, folder)
        silent = resume(domains, _pause(topology, saved), progress)
    states = power.machine_states(topology) if silent else {}
    ended = [name for name in silent if states[name] != "running"]
    if ended:
        raise LabError(f"{', '.join(ended)} ended meanwhile")
    clear_mark()


def served(topology: Topology, saved: State) -> None:
    """Let the machines of `saved`, thawed, do what can wait until the APIs have answered.

    They ask for their addresses again, by which Vagrant finds them.
    """
    _pause(topology, saved).renew()


def _pause(topology: Topology, saved: State) -> Pause:
    """The pause in which the machines of `saved` were saved."""
    return Pause([m for m in topology.machines if m.name in saved.running], saved.pause)


def cut_short() -> Path | None:
    """Return the folder of the thaw that did not finish, if any."""
    return Path(_MARKER.read_text()) if _MARKER.exists() else None


def clear_mark() -> None:
    """Forget a thaw that did not finish: its machines are gone or replaced. Idempotent."""
    _MARKER.unlink(missing_ok=True)


def check_whole() -> None:
    """Raise LabError while a thaw is unfinished."""
    folder = cut_short()
    if folder is not None:
        raise unfinished(folder.name)
