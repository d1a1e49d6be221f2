"""The programs that the lab runs on this machine, and the packages that bring them."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from provisioning.host import versions
from provisioning.host.apt import command
from provisioning.host.check import Check

_GEMS = (
    "/usr/share/rubygems-integration",
    "/var/lib/gems",
    "/opt/vagrant/embedded/gems",
    "~/.vagrant.d/gems",
)
_PLUGIN = "vagrant-libvirt"
_KEYRING = "debian-archive-keyring"
_KEYRING_FILE = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# Carries connections to the APIs; needs no systemd that runs.
PROXY = Path("/usr/lib/systemd/systemd-socket-proxyd")


class Program(NamedTuple):
    """A program on PATH. package: of Debian and Ubuntu. ask: what makes it tell its version.

    Without `ask` it is a Ruby program, whose gem is a file with the version in its name.
    """

    name: str
    package: str
    ask: tuple[str, ...] = ("--version",)


PROGRAMS = (
    Program("qemu-system-x86_64", "qemu-system-x86"),
    Program("qemu-img", "qemu-utils"),
    Program("libvirtd", "libvirt-daemon-system"),
    Program("virsh", "libvirt-clients"),
    # `vagrant --version` takes 2 s.
    Program("vagrant", "vagrant", ()),
    Program("dnsmasq", "dnsmasq-base"),
    Program("mmdebstrap", "mmdebstrap"),
    Program("mke2fs", "e2fsprogs", ("-V",)),
    Program("zstd", "zstd"),
    Program("ip", "iproute2", ("-V",)),
    Program("setpriv", "util-linux"),
    Program("tini", "tini"),
    Program("nc", "netcat-openbsd", ("-h",)),
    Program("ssh", "openssh-client", ("-V",)),
)
# Without libvirt, for a user who may not become root. The box comes from elsewhere.
_PLAIN = ("qemu-system-x86_64", "qemu-img", "setpriv", "ssh")
PLAIN = tuple(program for program in PROGRAMS if program.name in _PLAIN)
# Push against a real sshd on loopback, the nginx workload, the state over etcd, a report's page.
FOR_TESTS = (
    Program("sshd", "openssh-server", ("-V",)),
    Program("nginx", "nginx-light", ("-v",)),
    Program("etcd", "etcd-server"),
    Program("chromium-headless-shell", "chromium-headless-shell"),
)


def checks(programs: Sequence[Program] = PROGRAMS) -> list[Check]:
    """Return what is known of each of `programs`: whether it is there, where, which version."""
    paths = {program.name: which(program.name) for program in programs}
    gems = {program.name: gem(program.name)[1] for program in programs if not program.ask}
    asked = {
        program.name: [program.name, *(program.ask or ("--version",))]
        for program in programs
        if paths[program.name] and not gems.get(program.name)
    }
    known = gems | versions.ask(asked)
    return [
        _check(program, paths[program.name], known.get(program.name, "")) for program in programs
    ]


def files() -> list[Check]:
    """Return what is known of what is not on PATH: Vagrant's plugin, Debian's keys, a helper."""
    keys = ["dpkg-query", "--show", "--showformat=${Version}", _KEYRING]
    return [
        _plugin(),
        # What mmdebstrap checks Debian's signatures with; Ubuntu does not have it by itself.
        _file(_KEYRING, _KEYRING_FILE, keys),
        _file("systemd", PROXY, [str(PROXY), "--version"]),
    ]


def which(name: str) -> str | None:
    """Return where `name` is, also outside of a user's PATH."""
    return shutil.which(name, path=versions.path())


def gem(name: str) -> tuple[str, str]:
    """Return file and version of the newest installed gem of that name; empty without one."""
    pattern = re.compile(rf"{re.escape(name)}-(\d[\w.]*)\.gemspec")
    for folder in map(Path, _GEMS):
        files = folder.expanduser().rglob(f"{name}-[0-9]*.gemspec")
        matches = [(str(file), match[1]) for file in files if (match := pattern.match(file.name))]
        if matches:
            return max(matches, key=lambda match: [int(n) for n in re.findall(r"\d+", match[1])])
    return "", ""


def _check(program: Program, path: str | None, version: str) -> Check:
    if not path:
        return Check(program.name, False, "", command(program.package))
    silent = "" if version else f" (told no version within {versions.LIMIT_S:g} s)"
    return Check(program.name, True, f"{path}{silent}", command(program.package), version)


def _plugin() -> Check:
    """Looked for as a file: `vagrant plugin list` takes 2 s."""
    file, version = gem(_PLUGIN)
    return Check(_PLUGIN, bool(file), file, command(_PLUGIN), version)


def _file(package: str, file: Path, ask: Sequence[str]) -> Check:
    """The file of `package` that the lab needs; `ask` is what tells the version."""
    there = file.exists()
    version = versions.ask({package: ask})[package] if there else ""
    return Check(package, there, str(file) if there else "", command(package), version)
