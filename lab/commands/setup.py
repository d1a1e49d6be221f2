"""`lab doctor` and `lab box`: what must be there before any VM is."""

import click

from lab.params import json_option
from lab.progress import Progress
from lab.table import echo_json, render


@click.command()
@click.option("--fix", is_flag=True, help="Install what is missing (needs root or sudo).")
@click.option("--tests", is_flag=True, help="Also what the tests need beyond the lab.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, fix: bool, tests: bool, as_json: bool) -> None:
    """Check what the lab needs of this machine, and say which command supplies what is missing.

    Exits with 1 when something is missing.

    \b
    lab doctor            look only
    lab doctor --fix      install it; what is there already is left alone
    """
    from provisioning.host import doctor as host

    if fix:
        host.fix(Progress(), tests=tests)
    checks = host.checks(tests=tests)
    if as_json:
        echo_json([check._asdict() for check in checks])
    else:
        rows = [
            (name, "found" if found else "MISSING", detail, "" if found else remedy)
            for name, found, detail, remedy in checks
        ]
        click.echo(render(("needs", "", "detail", "remedy"), rows))
    ctx.exit(0 if all(check.found for check in checks) else 1)


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
