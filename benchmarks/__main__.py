"""`python -m benchmarks`: measurements that need libraries or a box of their own."""

import click

from benchmarks.baseline.command import baseline
from benchmarks.server.command import server
from lab.cli import Cli
from lab.terminal.signals import end_as_ctrl_c


class Benchmarks(Cli):
    """A plain group, with the error edge of `lab`."""

    list_commands = click.Group.list_commands
    get_command = click.Group.get_command
    format_commands = click.Group.format_commands


@click.group(cls=Benchmarks, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure what the lab is compared with."""


main.add_command(baseline)
main.add_command(server)

if __name__ == "__main__":
    end_as_ctrl_c()
    main(prog_name="python -m benchmarks")
