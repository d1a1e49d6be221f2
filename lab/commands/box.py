"""`lab box`: what must be there before any VM is."""

import click

from lab.progress import Progress


@click.group()
def box() -> None:
    """The image that all VMs boot from: Debian and what the lab runs in it."""


@box.command()
def build() -> None:
    """Build the box, unless it exists already. Needs root, and a way to Debian's mirror.

    Installs the packages of provisioning/box/packages.lock and no others. The same checkout gives
    the same box, byte for byte; what exists is not built again.
    """
    from provisioning.box import build as recipe

    recipe.build(Progress())


@box.command()
def lock() -> None:
    """Lock the packages that Debian's archive has today, and print what changed.

    Writes provisioning/box/packages.lock: version and SHA-256 of every package of the box. What
    an older lock names and the archive no longer serves can only be built from the cache.

    \b
    lab box lock                    new versions, or another packages.txt
    git diff provisioning/box/packages.lock
    lab box build
    """
    from provisioning.box.archive import locking

    for line in locking.told(locking.renew(Progress())):
        click.echo(line)
