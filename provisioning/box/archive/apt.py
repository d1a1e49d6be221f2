"""An apt of our own in a scratch folder: the host's ways to the archive, none of its packages."""

import os
import shlex
from collections.abc import Iterable, Sequence
from email import message_from_string
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from provisioning.box.lockfile import Deb
from provisioning.box.packages import ARCH, SUITE
from provisioning.run import ToolFailed, run

NO_WAY = "is there a way to Debian's mirror? lab doctor; apt's own settings are in /etc/apt"
# The host's apt.conf stays in force below this: proxies are set there.
_CONFIG = """\
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
// apt calls itself essential; mmdebstrap tells it the same.
pkgCacheGen::ForceEssential ",";
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
"""


class Apt(NamedTuple):
    """A folder with an apt that knows what the archive has."""

    folder: Path

    def tool(self, *argv: str, cwd: Path | None = None, hint: str = "") -> str:
        """Run apt-get or apt-cache here and return what it printed; raises ToolFailed."""
        env = {"APT_CONFIG": str(self.folder / "apt.conf")}
        return run(argv, env=env, cwd=cwd, hint=hint)


def sources(folder: Path) -> str:
    """Return the sources.list that mmdebstrap makes for the suite on this machine.

    folder: scratch. Its defaults and the host's keys are mmdebstrap's business, and stay so.
    """
    file = folder / "mmdebstrap.list"
    mode = "root" if os.geteuid() == 0 else "chrootless"
    copy = f'cat "$1/etc/apt/sources.list" > {shlex.quote(str(file))}'
    run(
        ["mmdebstrap", f"--mode={mode}", "--variant=custom", "--format=null"]
        + ["--skip=update,cleanup", f"--setup-hook={copy}", SUITE]
    )
    return file.read_text()


def opened(folder: Path, sources: str) -> Apt:
    """Return an apt in `folder` that has read the indexes of `sources` (sources.list(5))."""
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").write_text("")
    (folder / "sources.list").write_text(sources)
    (folder / "apt.conf").write_text(_CONFIG.format(arch=ARCH, folder=folder))
    apt = Apt(folder)
    # Without the option a host that does not answer is a warning, and old indexes will do.
    apt.tool("apt-get", "--quiet", "--option=APT::Update::Error-Mode=any", "update", hint=NO_WAY)
    return apt


def resolve(apt: Apt, names: Sequence[str]) -> list[str]:
    """Return idents of what `names` come to, sorted."""
    text = apt.tool(
        *("apt-get", "--yes", "--quiet", "--print-uris", "install", *names),
        hint="is each name of packages.txt and tools.txt a package of the suite?",
    )
    lines = (line.split() for line in text.splitlines() if line.startswith("'"))
    return sorted(ident(Path(line[1])) for line in lines)


def served(apt: Apt, names: Iterable[str]) -> dict[str, Deb]:
    """Return ident -> file of every version of `names` that the archive serves now."""
    try:
        text = apt.tool("apt-cache", "--quiet", "show", *names)
    except ToolFailed as error:
        if error.code == 100:  # there is not one of them
            return {}
        raise
    # Stanzas of fields are what a mail's header is, too.
    stanzas = map(message_from_string, text.strip().split("\n\n"))
    found = (Deb(one["Package"], one["Version"], one["SHA256"]) for one in stanzas)
    return {deb.ident: deb for deb in found}


def download(apt: Apt, debs: Sequence[Deb], folder: Path) -> None:
    """Fetch `debs` by name and version into `folder`. Raises ToolFailed; what came stays there."""
    asked = [f"{deb.name}={deb.version}" for deb in debs]
    apt.tool("apt-get", "--quiet", "download", *asked, cwd=folder, hint=NO_WAY)


def ident(file: Path) -> str:
    """Return the ident of a file that apt has named NAME_VERSION_ARCH.deb, with %3a for a colon."""
    return unquote(file.name).rpartition("_")[0]
