"""One libvirt command, asked of the system's libvirt wherever it runs.

The socket is a file: it is reachable from outside the namespace that libvirtd lives in.
"""

from provisioning.run import ToolFailed, run

URI = "qemu:///system"


def virsh(*words: str, timeout_s: float = 60) -> str:
    """Run virsh with `words` and return its output; raises ToolFailed.

    libvirt goes on with what was asked, whatever becomes of who asked. So Ctrl-C does not reach
    it: or a machine could be paused after we have looked which are, and let those go on.
    """
    return run(
        ["virsh", "--quiet", "--connect", URI, *words],
        timeout_s=timeout_s,
        uninterrupted=True,
        hint="does libvirt run? `lab up both` starts the lab's own; lab doctor",
    )


def answers() -> bool:
    """Return whether libvirt answers."""
    try:
        virsh("version", timeout_s=10)
    except ToolFailed:
        return False
    return True


def listed(what: str) -> dict[str, bool]:
    """Return name -> whether it is active. what: `net-list` or `pool-list`."""
    lines = virsh(what, "--all").splitlines()
    fields = [line.split() for line in lines if line.strip()]
    return {name: state == "active" for name, state, *_ in fields}


def domains(prefix: str, *, timeout_s: float = 60) -> dict[str, str]:
    """Return name (without `prefix`) -> libvirt's state of every domain of the lab."""
    found = {}
    for line in virsh("list", "--all", timeout_s=timeout_s).splitlines():
        _, name, state = line.split(maxsplit=2)
        if name.startswith(prefix):
            found[name.removeprefix(prefix)] = state.strip()
    return found


def identities(prefix: str) -> dict[str, str]:
    """Return name (without `prefix`) -> UUID of every domain of the lab."""
    lines = virsh("list", "--all", "--uuid", "--name").splitlines()
    pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
    return {n.strip().removeprefix(prefix): u for u, n in pairs if n.startswith(prefix)}
