"""Build the box: locked packages -> root file system -> ext4 -> qcow2 -> Vagrant box.

Every step has a key over all its inputs, and its result is kept under that key in the cache,
so a build that changes nothing does nothing, and one that changes a unit file skips mmdebstrap.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from provisioning.box import base, cache, lockfile, manifest, pack, rootfs, tools
from provisioning.box.archive import debs
from provisioning.box.cache import Say
from provisioning.guest import source
from provisioning.run import check_root, sudo
from services.core.errors import LabError

_HERE = Path(__file__).parent
# One sudo for both: a long build outlasts sudo's memory of the password. Ctrl-C ends the program,
# not the shell. Only what is root's, for the cache may be shared by others.
_GIVE = """
trap : INT TERM
uid=$1 gid=$2 cache=$3
shift 3
"$@"
code=$?
find "$cache" -xdev -user 0 -exec chown -h "$uid:$gid" {} +
exit "$code"
"""


class Box(NamedTuple):
    """A box in the cache. folder holds NAME.box, vmlinuz, initrd and manifest."""

    key: str
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / pack.FILE

    @property
    def version(self) -> str:
        """The key as a version number, which is all that Vagrant accepts."""
        return f"0.1.{int(self.key[:12], 16)}"

    def hashes(self) -> dict[str, str]:
        """Return name -> sha256 from the manifest."""
        return {name: part["sha256"] for name, part in manifest.read(self.folder).parts.items()}


def wanted() -> Box:
    """Return the box that this checkout asks for, whether it exists or not.

    Its key leaves out services/: a running machine takes new code over SSH in a second.
    Raises BadLock where a lock is not one of today's packages.txt or tools.txt.
    """
    total = hashlib.sha256(base.key(lockfile.current(lockfile.GUEST)).encode())
    total.update(tools.key(lockfile.current(lockfile.TOOLS)).encode())
    for name, path in source.files():
        if name.startswith("provisioning/"):
            total.update(f"{name}\0".encode() + path.read_bytes())
    for path in sorted(_HERE.glob("*.py")):
        total.update(path.read_bytes())
    key = total.hexdigest()[:16]
    return Box(key, cache.folder() / f"box-{key}")


def exists(box: Box) -> bool:
    """Return whether `box` is whole in the cache: its manifest is written last."""
    return (box.folder / manifest.FILE).exists()


def build(say: Say) -> Box:
    """Build the wanted box if it is not there, and return it. say: called with each step.

    Needs root, as mmdebstrap and chroot do. Interrupted at any point it leaves the cache as
    it was: results get their name only when they are whole.
    """
    box = wanted()
    if exists(box):
        say(f"box {box.key}: built already ({box.file})")
        cache.used(box.folder)
        return box
    if os.geteuid() != 0:
        as_root(__name__, say)
        return box
    with cache.workspace() as work:
        out = work / "out"
        make(work, out, say)
        keep(out, box)
    size_mib = box.file.stat().st_size / 1024 / 1024
    say(f"box {box.key}: {size_mib:.0f} MiB, sha256 {box.hashes()[pack.FILE][:16]}…")
    cache.prune(box.folder)
    debs.prune([*lockfile.current(lockfile.GUEST).debs, *lockfile.current(lockfile.TOOLS).debs])
    return box


def make(work: Path, out: Path, say: Say, *, scratch: bool = False) -> None:
    """Make the box's files in the new folder `out`. work: for what is only needed meanwhile.

    scratch: of the cache only the packages' files are used, which are hashed each time; the
    packages' tar, the libraries' folder and the tools are made again.
    """
    # The caller's would decide who may read the guest's files.
    umask = os.umask(0o022)
    try:
        _make(work, out, say, scratch=scratch)
    finally:
        os.umask(umask)


def _make(work: Path, out: Path, say: Say, *, scratch: bool) -> None:
    lock, for_tools = lockfile.current(lockfile.GUEST), lockfile.current(lockfile.TOOLS)
    if scratch:
        shapers = tools.unpack(for_tools, work / "tools", say)
        tar, site = work / "base.tar", work / "site"
        base.make(lock, tar, rootfs.EPOCH_S, say)
        cache.unpack_wheels(site)
    else:
        shapers = tools.ready(for_tools, say)
        tar, site = base.tar(lock, rootfs.EPOCH_S, say), cache.site(say)
    rootfs.make(tar, site, work / "root", say)
    out.mkdir()
    about = manifest.of(work / "root", lock.debs)
    say("disk image: ext4, then qcow2 with zstd")
    raw = pack.images(work / "root", out, shapers)
    say("box: pack")
    about = about._replace(parts=pack.archive(out, raw, shapers))
    pack.check_size(out / pack.FILE, manifest.largest(about))
    manifest.write(about, out)


def keep(out: Path, box: Box) -> None:
    """Make the finished folder `out` the cache's `box`."""
    if box.folder.exists():
        shutil.rmtree(box.folder)
    out.rename(box.folder)


def as_root(module: str, say: Say) -> None:
    """Run `module` as a program under sudo, with the same cache. Raises LabError if it fails.

    What it makes in the cache is ours, however it ends.
    """
    say("building needs root: sudo")
    check_root()
    cache.ready()
    # Without -B there would be folders of root's in the checkout.
    program = ["env", f"LAB_CACHE={cache.folder()}", sys.executable, "-B", "-m", module]
    give = ["sh", "-c", _GIVE, "sh", str(os.getuid()), str(os.getgid()), str(cache.folder())]
    with subprocess.Popen([*sudo(), *give, *program], cwd=_HERE.parents[1]) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.wait()  # subprocess.run() would kill it, and may not: it is root's
            raise
    if code:
        raise LabError(f"the build under sudo ended with {code}", hint="see what it said above")


if __name__ == "__main__":
    build(lambda line: print(line, flush=True))
