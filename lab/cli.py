"""`lab`: finds the command, and turns every failure into words and an exit code.

A command's module is imported when it runs: click takes 15 ms, requests and fabric 200 ms more,
and `lab --help` needs neither.
"""

import importlib
import select
from collections.abc import Sequence
from typing import IO, Any, NamedTuple

import click

from lab.terminal.signals import end_as_ctrl_c
from lab.terminal.table import echo
from services.core.errors import LabError

INTERRUPTED = 130


class Entry(NamedTuple):
    """Where a command lives (a module of lab.commands) and its line in `lab --help`."""

    module: str
    help: str


SECTIONS: dict[str, dict[str, Entry]] = {
    "Run the lab": {
        "up": Entry("vms", "Boot the VMs and switch to push, pull or both."),
        "down": Entry("vms", "Destroy the VMs; the box stays."),
        "reset": Entry("frozen", "The lab as it was right after `lab up`, in seconds."),
        "demo": Entry("demo", "Play the three demonstrations and print what happened."),
    },
    "Look": {
        "status": Entry("status", "VMs, services, and wanted beside running, read live."),
        "events": Entry("events", "What happened in pull, in order, and why."),
        "stage": Entry("stage", "A page for a room: both control planes, alive or recorded."),
        "watch": Entry("watch", "The same in a terminal: desired beside observed, live."),
        "logs": Entry("logs", "The journal of the lab's units, on one machine or on all."),
        "ssh": Entry("shell", "A shell, or one command, on a machine."),
    },
    "Break and mend": {
        "chaos": Entry("chaos", "Break it on purpose: machines, network, units, disks, APIs."),
        "heal": Entry("chaos", "Undo all chaos; safe at any time."),
    },
    "Save and go back": {
        "freeze": Entry("frozen", "Save memory and disks of all VMs at one instant."),
        "thaw": Entry("frozen", "Bring back what `lab freeze` saved."),
        "chapter": Entry("chapter", "Named states of the whole lab, for courses."),
        "bundle": Entry("bundle", "The lab in one file, for a place without internet."),
    },
    "Take a node out of service": {
        "cordon": Entry("nodes", "Keep new containers off a node."),
        "drain": Entry("nodes", "Move everything off a node, and wait until it is empty."),
        "forget": Entry("nodes", "Say that a node is dead for good."),
        "uncordon": Entry("nodes", "Let a node take containers again."),
    },
    "Measure": {
        "run": Entry("run", "An experiment: one fault, both control planes, and a verdict."),
        "report": Entry("report", "What became of a run: verdict, page, figure, JSON, JUnit."),
        "bench": Entry("bench", "Medians of boot and of convergence, over several runs."),
        "soak": Entry("soak", "Cold `up` and `down` in a row, or a healthy lab, under load."),
        "test": Entry("test", "Run the tests that need the VMs."),
    },
    "Set up": {
        "doctor": Entry("doctor", "What this machine has and lacks, and the command that helps."),
        "box": Entry("box", "The image that the VMs boot from."),
        "token": Entry("token", "The secrets by which the state server knows its nodes."),
        "completion": Entry("completion", "A completion script for your shell."),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Failed(click.ClickException):
    """How a LabError looks to the user."""

    def __init__(self, error: LabError) -> None:
        super().__init__(str(error))
        self.hint = error.hint

    def show(self, file: IO[Any] | None = None) -> None:
        echo(f"Error: {self.message}", file=file, err=file is None)
        if self.hint:
            echo(f"Hint: {self.hint}", file=file, err=file is None)


class CannotCompare(Failed):
    """As diff(1) ends when there is trouble: 1 is for differences."""

    exit_code = 2


class Cli(click.Group):
    """The group of all commands: loads them lazily, and is the process' one error edge."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"lab.commands.{COMMANDS[cmd_name].module}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections from the table above, without importing any command."""
        width = max(map(len, COMMANDS))
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                rows = [(name.ljust(width), entry.help) for name, entry in entries.items()]
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LabError as error:
            raise Failed(error) from error
        except OSError as error:
            if isinstance(error, BrokenPipeError) and _reader_ended():
                raise  # click ends quietly then
            from provisioning.run import remedy  # 6 ms, which `lab --help` does without

            raise Failed(LabError(str(error), hint=remedy(str(error)) or "lab doctor")) from error
        except KeyboardInterrupt:
            echo(
                "\nInterrupted. Nothing is lost: the same command goes on from here, "
                "`lab heal` undoes chaos, `lab status` shows what is.",
                err=True,
            )
            ctx.exit(INTERRUPTED)


def _reader_ended() -> bool:
    """Whether what reads our output has ended, as `head` does when it has its lines."""
    outputs = select.poll()
    for number in (1, 2):
        outputs.register(number, 0)
    return any(event & select.POLLERR for _, event in outputs.poll(0))


@click.group(cls=Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pushpull-lab", message="%(prog)s %(version)s")
def main() -> None:
    """Four real VMs, two control planes, one fault: see why Kubernetes pulls.

    \b
    lab up both                 boot the lab with both control planes
    lab demo                    break it three times, and compare
    curl localhost:8080/containers        the push API
    curl localhost:8081/api/containers    the pull API
    lab chaos halt node1        your own experiment ...
    lab status                  ... and what became of it
    lab heal                    back to normal
    lab down                    destroy the VMs

    `lab COMMAND --help` has examples for each command.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process') and return its exit code."""
    end_as_ctrl_c()
    try:
        main.main(args=None if arguments is None else list(arguments), prog_name="lab")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        echo(str(end.code), err=True)
        return 1
    return 0
