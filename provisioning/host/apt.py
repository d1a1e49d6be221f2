"""Debian's packages on this machine: the command that installs one, and installing."""

import os
from collections.abc import Callable, Sequence

from provisioning.run import run


def command(package: str) -> str:
    """Return the command line that installs `package`, for people."""
    return " ".join([*_sudo(), "apt-get install --no-install-recommends", package])


def install(
    packages: Sequence[str], say: Callable[[str], None], prefix: Sequence[str] = ()
) -> None:
    """Install `packages`; nothing for none. prefix: a command that runs the installation."""
    if not packages:
        return
    say(f"installing {', '.join(packages)}")
    # A fresh cloud machine is busy with its own updates: wait for the lock.
    wait = ["-o", "DPkg::Lock::Timeout=300", "-qq"]
    as_root(["apt-get", "update", *wait])
    argv = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", *wait]
    as_root([*prefix, *argv, "--no-install-recommends", *packages])


def as_root(argv: Sequence[str]) -> None:
    """Run `argv` as root, through sudo where we are not."""
    run([*_sudo(), *argv], hint="is there a way to Debian's mirror? sudo apt-get update")


def _sudo() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo"]
