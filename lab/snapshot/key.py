"""What a frozen lab was made of, as one number: equal keys, equal labs."""

import hashlib
from pathlib import Path

from lab import paths
from lab.host import keys
from lab.host.settings import kernel_command_line
from provisioning import topology as topology_file
from provisioning.box.build import Box
from provisioning.guest import source
from provisioning.run import run


def of_new_lab(box: Box, accel: str) -> str:
    """Return the SHA-256 over all that a cold `lab up` would make the lab from.

    Box, code, topology, Vagrantfile, keys, accelerator, and the QEMU that has to read the memory.
    Mode and profile are left out: a running lab takes another one in seconds.
    """
    parts = [
        box.key,
        source.digest(),
        topology(),
        _file(paths.ROOT / "Vagrantfile"),
        _file(keys.KNOWN_HOSTS),
        _file(keys.USER_KEY),
        accel,
        kernel_command_line(accel),
        run(["qemu-system-x86_64", "--version"]),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def topology() -> str:
    """Return the SHA-256 of the topology: which machines there are, and where."""
    return _file(topology_file.FILE)


def _file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
