"""`lab bundle`: the lab in one file, for a place without internet."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.bringup.watchdog import watched
from lab.terminal.params import json_option
from lab.terminal.progress import Progress
from lab.terminal.table import echo, echo_json, render

if TYPE_CHECKING:
    from lab.bundle.contents import Contents

_FILE = click.Path(path_type=Path)
_MIB = 1024 * 1024


@click.group()
def bundle() -> None:
    """The lab in one file: box, Python wheels, and chapters if you like, each with its SHA-256.

    On a computer with Debian's packages (`lab doctor`), a checkout and that file are enough:

    \b
    lab bundle export plane.tar --chapter broken     at home
    make setup BUNDLE=plane.tar                      on the plane, in a fresh checkout
    lab up both
    lab chapter goto broken
    """


@bundle.command()
@click.argument("file", type=_FILE)
@click.option(
    "--chapter", "names", multiple=True, metavar="NAME", help="Pack this one; repeatable."
)
@click.option("--all-chapters", is_flag=True, help="Pack every chapter.")
@click.option("--no-wheels", is_flag=True, help="Leave out the wheels; needs no package index.")
@click.option("--force", is_flag=True, help="Replace FILE.")
def export(
    file: Path, names: tuple[str, ...], all_chapters: bool, no_wheels: bool, force: bool
) -> None:
    """Write FILE. Every chapter is verified first, and FILE is whole or not there.

    The wheels are those of requirements.lock for this Python; they are fetched once.
    A chapter has the lab's private keys and tokens, and all that is in the machines' memory:
    give such a bundle only to people who may have those.

    \b
    lab bundle export plane.tar
    lab bundle export course.tar --chapter start --chapter broken
    """
    from lab.bundle import pack
    from lab.snapshot import store
    from lab.terminal import lock

    progress = watched()
    chosen = store.chapters().names() if all_chapters else sorted(set(names))
    # Without chapters nothing is read that another command could be changing.
    with lock.locked("lab bundle export") if chosen else nullcontext():
        packed = pack.export(file, chosen, progress, force=force, with_wheels=not no_wheels)
    if packed.chapters:
        progress(f"{file} holds private keys and tokens: those of its chapters")
    echo(f"{file}: {file.stat().st_size // _MIB} MiB; {_parts(packed)}")


@bundle.command()
@click.argument("file", type=_FILE)
@click.option("--verify", is_flag=True, help="Check every byte too.")
@json_option
def show(file: Path, verify: bool, as_json: bool) -> None:
    """Print what is in FILE: who made it, and its parts. Exits with 1 if it is damaged.

    \b
    lab bundle show plane.tar --verify
    """
    from lab.bundle import archive
    from lab.bundle.pack import large

    progress = watched()
    with archive.opened(file) as opened:
        contents = opened.contents
        if verify:
            with progress.phase("verify"):
                archive.unpack(opened, lambda _: None, say=large(contents, progress))
    if as_json:
        rows = {
            "chapters": [one._asdict() for one in contents.chapters],
            "members": [one._asdict() for one in contents.members],
        }
        echo_json({**contents._asdict(), **rows, "verified": verify})
        return
    echo(f"lab {contents.version}, commit {contents.commit or 'unknown'}")
    echo(render(("part", "name", "MiB", "about"), _rows(contents)))


@bundle.command("import")
@click.argument("file", type=_FILE)
@click.option("--force", is_flag=True, help="Replace chapters that are here by those of FILE.")
def import_(file: Path, force: bool) -> None:
    """Put what is in FILE in its place: box and wheels in the cache, chapters in this checkout.

    Everything is verified before anything gets its name; what is here already stays. Chapters are
    whole machines that will run here: import only what comes from people you trust.

    \b
    lab bundle import plane.tar
    """
    from lab.bundle import archive, unpack
    from lab.terminal import lock

    progress = watched()
    with archive.opened(file) as opened:
        chapters = opened.contents.chapters
    what = "lab bundle import"
    with unpack.alone(what), lock.locked(what) if chapters else nullcontext():
        contents = unpack.bring_in(file, progress, force=force)
    _warn_of_another_box(contents, progress)
    echo(f"imported {_parts(contents)}")


def _warn_of_another_box(contents: "Contents", progress: Progress) -> None:
    """Say so if `lab up` will have to build a box all the same."""
    from provisioning.box import build

    wanted = build.wanted()
    if contents.box != wanted.key and not build.exists(wanted):
        progress(
            f"this checkout asks for box {wanted.key}, and the bundle was made by one that asks "
            f"for {contents.box}: `lab up` will have to build it. Without internet: "
            f"git checkout {contents.commit or 'the version that exported it'}"
        )


def _parts(contents: "Contents") -> str:
    """Return what is in it on one line."""
    boxes = ", ".join(f"box {key}" for key in contents.boxes)
    wheels = ["wheels"] if contents.wheels else []
    chapters = [f"chapter {chapter.name}" for chapter in contents.chapters]
    return ", ".join([boxes, *wheels, *chapters])


def _rows(contents: "Contents") -> list[tuple[str, str, str, str]]:
    def row(part: str, name: str, about: str, *prefix: str) -> tuple[str, str, str, str]:
        return part, name, str(contents.size(*prefix) // _MIB), about

    rows = [row("box", key, "", "boxes", key) for key in contents.boxes]
    if contents.wheels:
        rows.append(row("wheels", contents.wheels, contents.python, "wheels"))
    for one in contents.chapters:
        about = f"{one.accel}, {one.machine}, box {one.box}{one.note and ': '}{one.note}"
        rows.append(row("chapter", one.name, about, "chapters", one.name))
    return rows
