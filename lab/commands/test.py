"""`lab test`: the tests that need the VMs."""

import subprocess
import sys

import click

from provisioning.guest.source import ROOT


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST OPTIONS...]")
@click.pass_context
def test(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Run pytest on tests/vm against the running lab.

    \b
    lab test                    all of them
    lab test -k reboot -x       those about reboots, up to the first failure
    """
    command = [sys.executable, "-m", "pytest", "tests/vm", "-m", "vm", *arguments]
    ctx.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)
