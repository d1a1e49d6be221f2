"""The network namespace that the lab lives in where no system-wide libvirt runs.

`nsenter --net=`, never `ip netns exec`: the latter remounts /sys and hides the cgroups.
"""

import os
from pathlib import Path

from lab import kind, paths
from provisioning.run import run, sudo
from provisioning.topology import Topology
from services.core.names import check_label


def wanted(topology: Topology) -> str | None:
    """Return the namespace to use: LAB_NETNS, or one of our own without systemd, or None.

    None: the machines' networks belong to the host, as usual with a libvirt that systemd runs, or
    there are none that a host could have, as with plain QEMU.
    """
    if paths.KIND.name == kind.QEMU:
        return None
    name = os.environ.get("LAB_NETNS")
    if name:
        return check_label(name, "namespace")
    return None if Path("/run/systemd/system").exists() else topology.lab


def prefix(name: str | None) -> list[str]:
    """Return the words that run a command inside `name`; none for None."""
    if name is None:
        return []
    return [*sudo(), "nsenter", f"--net=/run/netns/{name}"]


def proxy_command(name: str | None) -> str | None:
    """Return what ssh runs to reach %h:%p inside `name`; None where no detour is needed."""
    return None if name is None else " ".join([*prefix(name), "nc", "%h", "%p"])


def ssh_options(name: str | None) -> list[str]:
    """Return the options by which OpenSSH gets there faster than through `proxy_command`.

    nc hands over the connection, instead of copying every byte. Not through sudo, which may stand
    between the two; and Vagrant's SSH library cannot take it.
    """
    if name is None or os.geteuid() != 0:
        return []
    proxy = " ".join([*prefix(name), "nc", "-F", "%h", "%p"])
    return ["-o", f"ProxyCommand={proxy}", "-o", "ProxyUseFdpass=yes"]


def ensure(name: str) -> None:
    """Create the namespace with its loopback up. Idempotent."""
    file = Path(f"/run/netns/{name}")
    if not exists(name):
        file.unlink(missing_ok=True)  # left by a restart of a container that keeps its /run
        run(["ip", "netns", "add", name], hint="a network namespace needs root")
    run(["ip", "-n", name, "link", "set", "lo", "up"])


def exists(name: str) -> bool:
    """Return whether the namespace is there."""
    # Not Path.is_mount(): that asks for a folder.
    return os.path.ismount(f"/run/netns/{name}")


def identity(name: str | None) -> str:
    """Return what tells the namespace from an earlier one of that name; "" where there is none."""
    try:
        return "" if name is None else str(Path(f"/run/netns/{name}").stat().st_ino)
    except OSError:
        return ""


def remove(name: str) -> None:
    """Remove the namespace. Idempotent; what still runs in it keeps it alive unseen."""
    if exists(name):
        run(["ip", "netns", "del", name])
