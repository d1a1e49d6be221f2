"""Debian's packages on this machine: the command that installs one, and installing."""

from collections.abc import Callable, Sequence

from provisioning.run import run_as_root, sudo


def command(package: str) -> str:
    """Return the command line that installs `package`, for people."""
    return " ".join([*sudo()[:1], "apt-get install --no-install-recommends", package])


def install(
    packages: Sequence[str], say: Callable[[str], None], prefix: Sequence[str] = ()
) -> None:
    """Install `packages`; nothing for none. prefix: a command that runs the installation."""
    if not packages:
        return
    say(f"installing {', '.join(packages)}")
    # A fresh cloud machine is busy with its own updates: wait for the lock.
    wait = ["-o", "DPkg::Lock::Timeout=300", "-qq"]
    hint = "is there a way to Debian's mirror? sudo apt-get update"
    run_as_root(["apt-get", "update", *wait], hint=hint)
    argv = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", *wait]
    run_as_root([*prefix, *argv, "--no-install-recommends", *packages], hint=hint)
