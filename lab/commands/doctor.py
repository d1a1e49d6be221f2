"""`lab doctor`: what must be on this machine before any VM is."""

import click

from lab.bringup.watchdog import watched
from lab.terminal.params import json_option
from lab.terminal.table import echo, echo_json, render


@click.command()
@click.option("--fix", is_flag=True, help="Install what is missing (needs root or sudo).")
@click.option("--tests", is_flag=True, help="Also what the tests need beyond the lab.")
@click.option("--record", is_flag=True, help="Make the versions found here the tested ones.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, fix: bool, tests: bool, record: bool, as_json: bool) -> None:
    """Check what the lab needs of this machine, and say which command supplies what is missing.

    For each tool: the version found, and the one that the lab was tested with. Older and newer
    ones are only a remark. `machines` says of which kind the VMs are, and why: LAB_PROVIDER=vagrant
    or LAB_PROVIDER=qemu asks for one. Exits with 1 when something is missing.

    \b
    lab doctor            look only
    lab doctor --fix      install it; what is there already is left alone
    lab doctor --record   after all tests have passed here: provisioning/host/tested.json
    """
    from lab import kind, paths
    from lab.host import accelerator
    from provisioning.host import doctor as host
    from provisioning.host import tested
    from provisioning.host.check import Check

    plain = paths.KIND.name == kind.QEMU
    if fix:
        host.fix(watched(), tests=tests, plain=plain)
    checks = host.checks(tests=tests or record, plain=plain)
    if record:
        tested.record(checks)
        checks = tested.annotate(checks)
    checks.append(Check("machines", True, f"{paths.KIND.name}: {paths.KIND.why}", ""))
    checks.append(accelerator.check())
    if as_json:
        echo_json([{**check._asdict(), "state": check.state} for check in checks])
    else:
        rows = [
            (
                one.name,
                one.state,
                one.version,
                one.tested,
                one.detail,
                "" if one.found else one.remedy,
            )
            for one in checks
        ]
        echo(render(("needs", "", "version", "tested", "detail", "remedy"), rows))
    ctx.exit(0 if all(check.found for check in checks) else 1)
