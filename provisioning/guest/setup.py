"""Make a Debian root file system a lab machine, or bring a running one up to date.

Runs inside the guest, from /opt/lab, with nothing but the standard library:

    python3 -m provisioning.guest.setup --profile fast [--live] [--digest SHA256]

Idempotent: what is right already is left alone. Prints one line per change. With --live it
also tells systemd and restarts the services whose code or units changed. The box build runs
the same in a chroot, without --live.
"""

import argparse
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from provisioning import topology
from provisioning.guest import timing
from provisioning.topology import Topology
from services.core.profile import DEFAULT_PROFILE, Profile, profile

HERE = Path(__file__).parent
LAB = Path("/opt/lab")
_UNITS = "etc/systemd/system"
# What boots with every machine; the modes are switched on by `lab up`.
_ENABLED = (
    "ssh.service",
    "systemd-networkd.service",
    "lab-powerbtn.service",
    "lab-clock-api.service",
    "lab-clock-node.service",
)
_EARLY = ("systemd-network-generator.service",)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make this system a lab machine.")
    parser.add_argument("--profile", default=DEFAULT_PROFILE, help="timing profile (default: fast)")
    parser.add_argument("--live", action="store_true", help="tell systemd, restart what changed")
    parser.add_argument("--digest", default="", help="of the source tree; stored for the next look")
    parser.add_argument("--root", type=Path, default=Path("/"), help="the system to change")
    options = parser.parse_args(arguments)
    changed = apply(options.root, topology.load(), profile(options.profile))
    for path in changed:
        print(f"changed /{path}")
    if options.live:
        tell_systemd(changed, code_changed=_stamp() != options.digest)
    if options.digest:
        (LAB / "DIGEST").write_text(options.digest + "\n")


def apply(root: Path, lab: Topology, timings: Profile) -> list[str]:
    """Bring the files under `root` up to date; return the paths that changed, in order."""
    wanted = {**dict(_copied()), **_generated(lab, timings)}
    links = dict(_links())
    changed = [path for path, text in wanted.items() if _write(root / path, *text)]
    return changed + [path for path, target in links.items() if _link(root / path, target)]


def tell_systemd(changed: list[str], *, code_changed: bool) -> None:
    """Reload units if any changed, and restart running services that would otherwise be stale."""
    if any(path.startswith(_UNITS) for path in changed):
        subprocess.run(["systemctl", "daemon-reload"], check=True)
    restart = {Path(path).name for path in changed if path.startswith(_UNITS)}
    restart |= {Path(path).parent.name.removesuffix(".d") for path in changed if ".timer.d/" in path}
    if code_changed or "etc/lab/profile.env" in changed:
        restart |= {"push-api.service", "pull-api.service"}
    # One-pass programs pick new code up at their next pass; containers keep running.
    known = {name for name in restart if name.endswith((".timer", "-api.service"))}
    if known:
        # try-restart leaves alone what the mode in force has not started.
        subprocess.run(["systemctl", "try-restart", *sorted(known)], check=True)


def _copied() -> Iterator[tuple[str, tuple[str, int]]]:
    """The overlay tree and our units: path -> (content, mode)."""
    for path in sorted((HERE / "files").rglob("*")):
        if path.is_file():
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            yield path.relative_to(HERE / "files").as_posix(), (path.read_text(), mode)
    for path in sorted((HERE.parent / "systemd").iterdir()):
        yield f"{_UNITS}/{path.name}", (path.read_text(), 0o644)


def _generated(lab: Topology, timings: Profile) -> dict[str, tuple[str, int]]:
    """What follows from topology and profile: path -> (content, mode)."""
    hosts = "".join(f"{machine.address} {machine.name}\n" for machine in lab.machines)
    api = f"{lab.api.address}:{lab.ports['pull']}"
    files = {
        "etc/hosts": f"127.0.0.1 localhost\n{hosts}",
        "etc/hostname": "lab\n",
        "etc/fstab": "",
        "etc/lab/profile.env": timing.environment(timings, api),
        "etc/lab/push-inventory.json": _inventory(lab),
        **timing.drop_ins(timings),
    }
    return {path: (text, 0o644) for path, text in files.items()}


def _inventory(lab: Topology) -> str:
    secrets = "/run/credentials/push-api.service"
    nodes = [{"name": node.name, "address": node.address} for node in lab.nodes]
    inventory = {
        "user": "root",
        "key": f"{secrets}/push-key",
        "known_hosts": f"{secrets}/known-hosts",
        "nodes": nodes,
    }
    return json.dumps(inventory, indent=1) + "\n"


def _links() -> Iterator[tuple[str, str]]:
    """Masks and enablement as symbolic links: path -> target."""
    for name in _lines("masks.txt"):
        yield f"{_UNITS}/{name}", "/dev/null"
    for name in _lines("generators.txt"):
        yield f"etc/systemd/system-generators/{name}", "/dev/null"
    for name in _ENABLED:
        yield f"{_UNITS}/multi-user.target.wants/{name}", _unit_file(name)
    for name in _EARLY:
        yield f"{_UNITS}/sysinit.target.wants/{name}", _unit_file(name)
    yield f"{_UNITS}/default.target", "/usr/lib/systemd/system/multi-user.target"


def _unit_file(name: str) -> str:
    ours = (HERE / "files" / _UNITS / name).exists()
    return f"/{_UNITS}/{name}" if ours else f"/usr/lib/systemd/system/{name}"


def _lines(name: str) -> list[str]:
    lines = (line.strip() for line in (HERE / name).read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _write(path: Path, text: str, mode: int) -> bool:
    """Make `path` a file of that content and mode; return whether it was not."""
    if path.is_file() and not path.is_symlink():
        if path.read_text() == text and path.stat().st_mode & 0o777 == mode:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(mode)
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
