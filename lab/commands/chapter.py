"""`lab chapter`: named states of the whole lab, for courses."""

import click

from lab.bringup.watchdog import watched
from lab.terminal.params import json_option
from lab.terminal.table import echo
from provisioning import topology


@click.group()
def chapter() -> None:
    """Named states of the whole lab, with a note: save them, go to any of them in seconds.

    \b
    lab chapter save broken --note "node1 is halted, push has lost two containers"
    lab chapter list
    lab chapter goto broken

    To take chapters to another computer: `lab bundle export FILE --chapter broken`.
    """


@chapter.command()
@click.argument("name")
@click.option("--note", default="", help="What a reader of the list should know.")
@click.option("--force", is_flag=True, help="Replace a chapter of that name.")
def save(name: str, note: str, force: bool) -> None:
    """Save the lab as chapter NAME; the lab goes on. VMs that are off are saved as off."""
    from lab.faults import mend
    from lab.snapshot import saving, store
    from lab.terminal import lock
    from services.core.errors import LabError

    kept = store.chapters()
    if name in kept.names() and not force:
        raise LabError(
            f"there is a chapter {name!r} already",
            hint=f"lab chapter save {name} --force replaces it",
        )
    progress = watched()
    with lock.locked("lab chapter save"):
        mend.warn_of_save(topology.load(), progress)
        saving.save(kept, name, note, progress)


@chapter.command()
@click.argument("name")
def goto(name: str) -> None:
    """Bring the lab to chapter NAME, in place of whatever runs. A damaged chapter is refused."""
    from lab.bringup import bringup
    from lab.snapshot import store
    from lab.terminal import lock

    with lock.locked("lab chapter goto"):
        saved = bringup.goto(store.chapters(), name, watched())
    if saved.note:
        echo(saved.note)


@chapter.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List all chapters: when they were saved, what ran, their size, and their notes."""
    from lab.snapshot import overview, store

    overview.table(store.chapters(), as_json=as_json)


@chapter.command()
@click.argument("name")
def delete(name: str) -> None:
    """Delete chapter NAME for good."""
    from lab.snapshot import store
    from lab.terminal import lock

    with lock.locked("lab chapter delete"):
        kept = store.chapters()
        kept.delete(kept.path(name).name)
