"""`lab up` and `lab down`."""

import click

from lab.bringup.watchdog import watched
from lab.terminal.params import MODE, PROFILE, dry_run_option
from lab.terminal.table import echo
from provisioning import topology
from services.core.profiles import DEFAULT_PROFILE


@click.command()
@click.argument("mode", type=MODE, metavar="push|pull|both")
@click.option(
    "--profile",
    type=PROFILE,
    default=DEFAULT_PROFILE,
    show_default=True,
    metavar="seed|fast",
    help="How fast the loops of pull turn.",
)
@click.option("--cold", is_flag=True, help="Boot the VMs even if a frozen lab could be thawed.")
@dry_run_option
def up(mode: str, profile: str, cold: bool, dry_run: bool) -> None:
    """Boot the VMs that do not run, update them, and switch to a mode.

    Does only what is missing, so it also switches modes and profiles, installs new code, and
    goes on where an interrupted run stopped. A new lab is saved right after this; where box, code
    and topology are unchanged, the next `lab up` after `lab down` thaws it in seconds.

    \b
    lab up both                  push and pull on the same nodes
    lab up both --dry-run        what that would do, and why
    lab up pull --profile seed   pull alone, at the public demonstration's own pace
    """
    from lab.bringup import bringup
    from lab.faults import mend
    from lab.terminal import lock

    if dry_run:
        echo("\n".join(map(str, bringup.steps_up(mode, profile, cold=cold))))
        return
    progress = watched()
    with lock.locked(f"lab up {mode}"):
        bringup.up(mode, profile, progress, cold=cold)
        mend.settle(topology.load(), progress)


@click.command()
def down() -> None:
    """Destroy the VMs and all that was declared in them. The box and saved labs stay.

    \b
    lab down && lab up both      a lab as on the first day
    """
    from lab.bringup import bringup
    from lab.faults import ledger
    from lab.terminal import lock

    with lock.locked("lab down"):
        bringup.down(watched())
        ledger.clear()
