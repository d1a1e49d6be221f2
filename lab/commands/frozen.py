"""`lab freeze`, `lab thaw` and `lab reset`: the whole lab, saved and restored in seconds."""

import click

from lab.bringup.watchdog import watched
from lab.terminal.params import dry_run_option, json_option
from lab.terminal.table import echo
from provisioning import topology

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
    from lab.faults import mend
    from lab.snapshot import saving, store
    from lab.terminal import lock

    progress = watched()
    with lock.locked("lab freeze"):
        mend.warn_of_save(topology.load(), progress)
        saving.save(store.frozen(), name, "", progress)


@click.command()
@click.argument("name", default=DEFAULT, metavar="[NAME]")
@click.option("--list", "listed", is_flag=True, help="Print what there is, and thaw nothing.")
@click.option("--delete", "deleted", is_flag=True, help="Delete NAME instead of thawing it.")
@dry_run_option
@json_option
def thaw(name: str, listed: bool, deleted: bool, dry_run: bool, as_json: bool) -> None:
    """Replace all VMs by what `lab freeze NAME` saved.

    Any number of times, and after `lab down` too. The VMs' clocks are set before anything runs on.
    """
    from lab.bringup import bringup
    from lab.snapshot import store
    from lab.snapshot.overview import table
    from lab.terminal import lock

    labs = store.frozen()
    if listed:
        table(labs, as_json=as_json)
        return
    if deleted and dry_run:
        raise click.UsageError("--delete has no --dry-run: it deletes NAME, and touches no VM")
    if dry_run:
        echo("\n".join(map(str, bringup.steps_thaw(labs, name))))
        return
    with lock.locked("lab thaw"):
        if deleted:
            labs.delete(labs.path(name).name)
        else:
            bringup.goto(labs, name, watched())


@click.command()
@dry_run_option
def reset(dry_run: bool) -> None:
    """Return to the lab as it was right after the latest `lab up`, in seconds.

    Whatever was declared, broken or halted since then is gone. Where code, box or topology have
    changed since, new VMs boot instead, and the next reset is quick again.
    """
    from lab.bringup import bringup
    from lab.terminal import lock

    if dry_run:
        echo("\n".join(map(str, bringup.steps_reset())))
        return
    with lock.locked("lab reset"):
        bringup.reset(watched())
