"""Make a Debian root file system a lab machine, or bring a running one up to date.

Runs inside the guest, from /opt/lab, with nothing but the standard library:

    python3 -m provisioning.guest.setup --profile fast [--live] [--digest SHA256]

Idempotent: what is right already is left alone. Prints one line per change. With --live it
also tells systemd and restarts the services whose code or units changed. The box build runs
the same in a chroot, without --live.
"""

import argparse
import os
import subprocess
from pathlib import Path

from provisioning import topology
from provisioning.guest import tree, users
from provisioning.guest.tree import UNITS, File
from provisioning.topology import Topology
from services.core.profiles import DEFAULT_PROFILE, Profile, profile

LAB = Path("/opt/lab")
# Started by timers.
PASSES = ("pull-agent.service", "pull-scheduler.service", "pull-node-controller.service")


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says; print one line per change."""
    parser = argparse.ArgumentParser(description="Make this system a lab machine.")
    parser.add_argument("--profile", default=DEFAULT_PROFILE, help="timing profile (default: fast)")
    parser.add_argument("--live", action="store_true", help="tell systemd, restart what changed")
    parser.add_argument("--digest", default="", help="of the source tree; stored for the next look")
    parser.add_argument("--root", type=Path, default=Path("/"), help="the system to change")
    options = parser.parse_args(arguments)
    changed = apply(options.root, topology.load(), profile(options.profile))
    for path in changed:
        print(f"changed /{path}")
    # Before systemd is told: units name them.
    for user in users.ensure(options.root):
        print(f"made user {user}")
    if options.live:
        tell_systemd(changed, code_changed=_stamp() != options.digest)
    # The plug may be pulled at any moment: a file whose content is in memory only is empty then.
    os.sync()
    if options.digest:
        (LAB / "DIGEST").write_text(options.digest + "\n")
        os.sync()


def apply(root: Path, lab: Topology, timings: Profile) -> list[str]:
    """Bring the files under `root` up to date; return the paths that changed, in order."""
    wanted = tree.files(lab, timings)
    changed = [path for path, file in wanted.items() if _write(root / path, file)]
    links = tree.links()
    return changed + [path for path, target in links.items() if _link(root / path, target)]


def tell_systemd(changed: list[str], *, code_changed: bool) -> None:
    """Reload units if any changed, and restart running services that would otherwise be stale."""
    restart = {Path(path).name for path in changed if path.startswith(UNITS)}
    restart |= {
        Path(path).parent.name.removesuffix(".d") for path in changed if ".timer.d/" in path
    }
    if code_changed or "etc/lab/profile.env" in changed:
        restart |= {"push-api.service", "pull-api.service"}
        # A pass may go on watching for ten seconds; the next one has the new code and profile.
        # Before the reload, after which timers start passes at once: a start cancels a stop.
        subprocess.run(["systemctl", "stop", *PASSES], check=True)
    if any(path.startswith(UNITS) for path in changed):
        subprocess.run(["systemctl", "daemon-reload"], check=True)
    # Containers keep running.
    known = {name for name in restart if name.endswith((".timer", "-api.service"))}
    if known:
        # try-restart leaves alone what the mode in force has not started.
        subprocess.run(["systemctl", "try-restart", *sorted(known)], check=True)


def _write(path: Path, file: File) -> bool:
    """Make `path` a file of that content and mode; return whether it was not."""
    if path.is_file() and not path.is_symlink():
        found = File(path.read_text(), path.stat().st_mode & 0o777)
        if found == file:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(file.text)
    path.chmod(file.mode)
    return True


def _link(path: Path, target: str) -> bool:
    """Make `path` a symbolic link to `target`; return whether it was not."""
    if path.is_symlink() and str(path.readlink()) == target:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return True


def _stamp() -> str:
    file = LAB / "DIGEST"
    return file.read_text().strip() if file.exists() else ""


if __name__ == "__main__":
    main()
