"""`lab box`: what must be there before any VM is."""

import click

from lab.progress import Progress


@click.group()
def box() -> None:
    """The image that all VMs boot from: Debian and what the lab runs in it."""


@box.command()
def build() -> None:
    """Build the box, unless it exists already. Needs root and a way to Debian's mirror.

    The same checkout and the same packages give the same box; what exists is not built again.
    """
    from provisioning.box import build as recipe

    recipe.build(Progress())
