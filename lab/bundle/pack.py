"""Export: collect what a lab needs, check it, and write it into one file."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lab import paths
from lab.bundle import archive
from lab.bundle.contents import BOXES, CHAPTERS, WHEELS, Chapter, Contents, Member
from lab.bundle.errors import no_room
from lab.snapshot import store
from lab.snapshot.needs import machine_type
from lab.snapshot.state import MANIFEST, State
from lab.terminal.progress import Progress
from provisioning.box import build as box_build
from provisioning.box import cache
from provisioning.host import wheels
from provisioning.run import ToolFailed, run
from services.core.errors import LabError
from services.lib.version import VERSION

# What only Vagrant on this computer needs, with a path of this computer in it.
_LOCAL = ("catalog.json",)
# A tar's header and padding, a member.
_PADDING = 1024


class Part(NamedTuple):
    """A file to pack."""

    member: Member
    source: Path


def export(
    file: Path, chapters: Sequence[str], progress: Progress, *, force: bool, with_wheels: bool
) -> Contents:
    """Write box, wheels and `chapters` into `file` and return what is in it.

    Everything is checked before it is packed; `file` gets its name when it is whole. Under the
    lab's lock if there are chapters. Raises Damaged, and LabError where
    something is missing, would be replaced, or does not fit.
    """
    if file.exists() and not force:
        raise LabError(f"{file} exists", hint="--force replaces it")
    if not file.parent.is_dir():
        raise LabError(f"there is no folder {file.parent}", hint=f"mkdir -p {file.parent}")
    with progress.phase("check"):
        states = {name: store.verify(store.chapters().path(name)) for name in sorted(chapters)}
        keys = {box_build.wanted().key} | {state.box for state in states.values()}
        parts = [part for key in sorted(keys) for part in _box(key)]
        parts += _wheels(progress) if with_wheels else []
        parts += [part for name, state in states.items() for part in _chapter(name, state)]
    contents = _contents(states, parts, with_wheels)
    with progress.phase("pack"):
        _write(file, contents, parts, progress)
    return contents


def _contents(states: Mapping[str, State], parts: Sequence[Part], with_wheels: bool) -> Contents:
    box = box_build.wanted()
    return Contents(
        version=VERSION,
        commit=_said(
            "git", "-C", str(paths.ROOT), "describe", "--always", "--dirty", "--abbrev=40"
        ),
        box=box.key,
        box_version=box.version,
        qemu=_said("qemu-system-x86_64", "--version") if states else "",
        wheels=wheels.key() if with_wheels else "",
        python=wheels.python() if with_wheels else "",
        chapters=tuple(_about(name, state) for name, state in states.items()),
        members=tuple(part.member for part in parts),
    )


def _write(file: Path, contents: Contents, parts: Sequence[Part], progress: Progress) -> None:
    needed = contents.size() + _PADDING * len(parts)
    free = shutil.disk_usage(file.parent).free
    if free < needed:
        raise no_room(file.parent, needed, free)
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    # With a chapter travel the lab's private keys.
    part.touch(mode=0o600 if contents.chapters else 0o666)
    try:
        with part.open("r+b") as out:
            sources = {one.member.name: one.source for one in parts}
            archive.write(out, contents, sources, large(contents, progress))
            out.flush()
            os.fsync(out.fileno())
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)


def large(contents: Contents, progress: Progress) -> archive.Say:
    """Return what says of each large member that it is being read, and leaves the others out."""
    sizes = {member.name: member.size for member in contents.members}

    def say(name: str) -> None:
        if sizes[name] >= 16 * 1024**2:
            progress(f"{name}: {sizes[name] // 1024**2} MiB")

    return say


def _box(key: str) -> list[Part]:
    """All that lies in the box's folder; what its manifest knows must be as it says."""
    folder = cache.folder() / f"box-{key}"
    box = box_build.Box(key, folder)
    if not box_build.exists(box):
        raise LabError(f"there is no box {key} in {cache.folder()}", hint="lab box build")
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in _LOCAL]
    parts = [_part(f"{BOXES}/{key}/{path.relative_to(folder)}", path) for path in sorted(files)]
    promised = box.hashes()
    for member, source in parts:
        if promised.get(source.name, member.sha256) != member.sha256:
            raise LabError(
                f"box {key} is damaged: {source.name} has changed",
                hint=f"rm -r {folder}; lab box build",
            )
    return parts


def _wheels(progress: Progress) -> list[Part]:
    folder = wheels.collect(progress)
    return [_part(f"{WHEELS}/{path.name}", path) for path in sorted(folder.iterdir())]


def _chapter(name: str, state: State) -> Iterable[Part]:
    """A chapter that was verified just now: its digests are known."""
    folder = store.chapters().path(name)
    yield _part(f"{CHAPTERS}/{name}/{MANIFEST}", folder / MANIFEST)
    for file, (size, sha256) in sorted(state.files.items()):
        yield Part(Member(f"{CHAPTERS}/{name}/{file}", size, sha256), folder / file)


def _about(name: str, state: State) -> Chapter:
    return Chapter(name, state.note, state.at_s, state.box, state.accel, machine_type(state))


def _part(name: str, path: Path) -> Part:
    with path.open("rb") as source:
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
    return Part(Member(name, path.stat().st_size, sha256), path)


def _said(*words: str) -> str:
    """The first line of what a tool says; nothing where there is no such tool."""
    try:
        return run(words).partition("\n")[0].strip()
    except ToolFailed:
        return ""
