"""The programs that tests start by themselves: installed; none is run by the system.

    python -m provisioning.host.servers

Installs those that are missing; for `make check`, which needs no more of the host.
"""

import sys
from collections.abc import Callable

from provisioning.host import apt, programs
from services.core.errors import LabError, printable_lines

# Debian's units of the packages. Some hosts use ssh.socket instead of ssh.service.
_UNITS = {
    "openssh-server": ("ssh.service", "ssh.socket"),
    "nginx-light": ("nginx.service",),
    "etcd-server": ("etcd.service",),
}
# None begins to serve as it is installed (policy-rc.d), nor after a reboot. deb-systemd-helper,
# not systemctl: it is there without systemd, and an upgrade of the package respects it.
_QUIETLY = """
units=$1
shift
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
"$@" || exit
for unit in $units; do
    deb-systemd-helper disable "$unit" >/dev/null
    update-rc.d "${unit%.*}" disable >/dev/null 2>&1 || :
done
"""


def install(say: Callable[[str], None]) -> None:
    """Install the programs that are missing. Idempotent; one that is there stays what it is."""
    absent = {one.package for one in programs.FOR_TESTS if not programs.which(one.name)}
    units = " ".join(unit for package in sorted(absent) for unit in _UNITS.get(package, ()))
    apt.install(sorted(absent), say, ["sh", "-c", _QUIETLY, "sh", units])


if __name__ == "__main__":
    try:
        install(print)
    except LabError as error:
        sys.exit(printable_lines(f"Error: {error}\nHint: {error.hint}"))
