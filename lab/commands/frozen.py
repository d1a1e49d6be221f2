"""`lab freeze`, `lab thaw` and `lab reset`: the whole lab, saved and back in seconds."""

import click

from lab.bringup.watchdog import watched
from lab.terminal.params import json_option

DEFAULT = "frozen"


@click.command()
@click.argument("name", default=DEFAULT, metavar="[NAME]")
def freeze(name: str) -> None:
    """Save memory and disks of all VMs at one instant; the lab goes on.

    NAME (default: frozen) is replaced if it is there. What is saved stays after `lab down`, until
    `lab thaw NAME --delete`. For named states with a note, see `lab chapter`.

    \b
    lab freeze                  before the rehearsal ...
    lab thaw                    ... and as often as you like
    """
    from lab.snapshot import saving, store
    from lab.terminal import lock

    with lock.held("lab freeze"):
        saving.save(store.frozen(), name, "", watched())


@click.command()
@click.argument("name", default=DEFAULT, metavar="[NAME]")
@click.option("--list", "listed", is_flag=True, help="Print what there is, and thaw nothing.")
@click.option("--delete", "deleted", is_flag=True, help="Delete NAME instead of thawing it.")
@json_option
def thaw(name: str, listed: bool, deleted: bool, as_json: bool) -> None:
    """Bring the lab back to what `lab freeze NAME` saved, in place of whatever runs.

    Any number of times, and after `lab down` too. The VMs' clocks are set before anything runs on.
    """
    from lab.bringup import bringup
    from lab.snapshot import store
    from lab.snapshot.overview import table
    from lab.terminal import lock

    kept = store.frozen()
    if listed:
        table(kept, as_json=as_json)
        return
    with lock.held("lab thaw"):
        if deleted:
            kept.delete(kept.path(name).name)
        else:
            bringup.goto(kept, name, watched())


@click.command()
def reset() -> None:
    """Return to the lab as it was right after the latest `lab up`, in seconds.

    Whatever was declared, broken or halted since then is gone. Where code, box or topology have
    changed since, the lab boots anew instead, and the next reset is quick again.
    """
    from lab.bringup import bringup
    from lab.terminal import lock

    with lock.held("lab reset"):
        bringup.reset(watched())
