"""What the lab needs of this machine: found or missing, and the command that supplies it."""

import platform
import shutil
from collections.abc import Callable
from pathlib import Path

from provisioning.host import access, apt, libraries, programs, servers, tested, versions
from provisioning.host.check import Check

# Below the first nothing works; below the second it gets tight.
_DISK_GIB = (1, 5)
_MEMORY_MIB = (512, 2048)


def checks(*, tests: bool = False, plain: bool = False) -> list[Check]:
    """Return every prerequisite, in the order in which they are needed.

    tests: also what `make test` needs beyond the lab itself. plain: of a lab without libvirt.
    """
    ours = programs.PLAIN if plain else programs.PROGRAMS
    wanted = [*ours, *(programs.FOR_TESTS if tests else ())]
    return tested.annotate(
        [
            _system(),
            Check("kernel", True, platform.machine(), "", versions.number(platform.release())),
            *libraries.checks(),
            *programs.checks(wanted),
            *(() if plain else programs.files()),
            *access.checks(plain=plain),
            _room("disk below /var", shutil.disk_usage("/var").free // 1024**3, "GiB", _DISK_GIB),
            _room("memory", _memory_mib(), "MiB", _MEMORY_MIB),
        ]
    )


def fix(say: Callable[[str], None], *, tests: bool = False, plain: bool = False) -> None:
    """Install the packages that are missing and make the shared folder. Idempotent.

    plain: for a lab without libvirt, which has no shared folder.
    """
    wanted = programs.PLAIN if plain else programs.PROGRAMS
    packages = {one.package for one in wanted if not programs.which(one.name)}
    if not plain:
        packages |= {check.name for check in programs.files() if not check.found}
    apt.install(sorted(packages), say)
    if tests:
        servers.install(say)
    if not packages:
        say("packages: all installed already")
    if not plain:
        access.fix(say)


def _system() -> Check:
    """The distribution; other ones work as long as they have the rest of the list."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return Check("operating system", True, "it has no os-release file", "")
    name = f"{release['ID']} {release.get('VERSION_ID', '')}".strip()
    return Check("operating system", True, release.get("PRETTY_NAME", ""), "", name)


def _room(what: str, free: int, unit: str, limits: tuple[int, int]) -> Check:
    """Missing only where nothing works; a lab that is up has taken its share already."""
    least, good = limits
    tight = f"; tight: {good} are better" if free < good else ""
    detail = f"{free} {unit} free{tight}"
    return Check(what, free >= least, detail, f"make room: {least} {unit} at least")


def _memory_mib() -> int:
    text = Path("/proc/meminfo").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("MemAvailable"))
    return int(line.split()[1]) // 1024
