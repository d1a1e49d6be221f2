"""`lab box`: what must be there before any VM is."""

import os

import click

from lab.bringup.watchdog import watched
from lab.cli import CannotCompare
from lab.terminal.params import json_option
from lab.terminal.progress import Progress
from lab.terminal.table import echo, echo_json, render
from services.core.errors import LabError, printable


@click.group()
def box() -> None:
    """The image that all VMs boot from: Debian and what the lab runs in it."""


@box.command()
@click.option("--verify", "verified", is_flag=True, help="Build twice from scratch, and compare.")
@click.option(
    "--renew",
    is_flag=True,
    help="Renew locks of what the archive no longer serves; `make setup` does.",
)
def build(verified: bool, renew: bool) -> None:
    """Build the box, unless it exists already. Needs root, and a way to Debian's mirror.

    Installs the packages of provisioning/box/packages.lock and no others. The same checkout gives
    the same box, byte for byte, on every host; what exists is not built again.

    \b
    lab box build               what `lab up` needs
    lab box build --verify      in two folders, at two times: the same bytes? Exits with 1 if not
    """
    from provisioning.box import build as recipe

    if renew:
        _renew(watched())
    if verified:
        _verify(watched())
    else:
        recipe.build(watched())


def _renew(progress: Progress) -> None:
    """Renew the locks from which no box could be built any more, and say what changed."""
    from provisioning.box import base, lockfile, tools
    from provisioning.box import build as recipe
    from provisioning.box.archive import locking

    if recipe.exists(recipe.wanted()):
        return
    for file, place in ((lockfile.GUEST, base.path), (lockfile.TOOLS, tools.path)):
        if place(lockfile.current(file)).exists():
            continue
        changes = locking.renew_if_gone(file, progress)
        for line in locking.told(changes) if changes is not None else ():
            echo(line)


def _verify(progress: Progress) -> None:
    from provisioning.box import build as recipe
    from provisioning.box.look import verify

    if os.geteuid() != 0:
        recipe.as_root(verify.__name__, progress)
        return
    for line in verify.verify(progress):
        echo(line)
    progress("two builds, the same bytes")


@box.command()
def lock() -> None:
    """Lock the packages that Debian's archive has today, and print what changed.

    Writes version and SHA-256 of every package of the box (provisioning/box/packages.lock) and of
    the tools that make it (tools.lock). What an older lock names and the archive no longer serves
    can only be built from the cache.

    \b
    lab box lock                    new versions, or another packages.txt or tools.txt
    git diff provisioning/box
    lab box build
    """
    from provisioning.box import lockfile
    from provisioning.box.archive import locking

    progress = watched()
    for file in (lockfile.GUEST, lockfile.TOOLS):
        for line in locking.told(locking.renew(file, progress)):
            echo(f"{file.name}: {line}")


@box.command()
@click.argument("one", metavar="A")
@click.argument("two", metavar="B")
@click.pass_context
def diff(ctx: click.Context, one: str, two: str) -> None:
    """Print what differs between two boxes: kernel, initrd, packages, wheels, files.

    A and B are folders of boxes, .box files in them, or keys of boxes in the cache (their start is
    enough). Their manifests are compared; no disk is read.
    Exits with 0 if nothing differs, 1 if something does, 2 if they cannot be compared.

    \b
    lab box diff 602197c9 /media/stick/box
    """
    from provisioning.box import manifest
    from provisioning.box.look import compare

    try:
        lines = list(
            compare.differences(*(manifest.read(compare.find(word)) for word in (one, two)))
        )
    except LabError as error:
        raise CannotCompare(error) from error
    echo("\n".join(map(printable, lines)) if lines else "no difference")
    ctx.exit(1 if lines else 0)


@box.command()
@click.argument("word", default="", metavar="[BOX]")
@click.option("--top", default=10, show_default=True, metavar="N", help="Largest folders to print.")
@json_option
def show(word: str, top: int, as_json: bool) -> None:
    """Print size and SHA-256 of every part of a box, and what is largest in it.

    BOX is the folder of a box, the .box file in it, or a key in the cache; by default the box of
    this checkout. Sizes of folders are those before compression. --json prints the manifest.
    """
    from provisioning.box import manifest
    from provisioning.box.look import compare

    folder = compare.find(word)
    about = manifest.read(folder)
    if as_json:
        echo_json(about._asdict())
        return
    echo(str(folder))
    rows = [(name, _mb(int(part["size"])), part["sha256"]) for name, part in about.parts.items()]
    echo(render(("part", "MB", "sha256"), rows))
    echo(f"{len(about.packages)} Debian packages, {len(about.wheels)} libraries")
    sizes = [(name, _mb(size_b)) for name, size_b in manifest.largest(about)[:top]]
    echo(render(("largest", "MB"), sizes))


def _mb(size_b: int) -> str:
    return f"{size_b / 1e6:.1f}"
