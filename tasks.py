"""Tasks for `fab`: the same commands as `lab`, for hands that are used to Fabric.

Each hands its words to `lab`, so errors, hints and exit codes are the same.
"""

from fabric import task
from invoke.context import Context
from invoke.exceptions import Exit

from lab.cli import run
from services.core.profile import DEFAULT_PROFILE


def _lab(*words: str) -> None:
    """Run one `lab` command line; a failure ends `fab`, with its exit code."""
    code = run(words)
    if code:
        raise Exit(code=code)


@task(  # type: ignore[untyped-decorator]
    positional=["mode"],
    help={"mode": "push, pull or both", "profile": "seed or fast: how fast the loops of pull turn"},
)
def up(_: Context, mode: str, profile: str = DEFAULT_PROFILE) -> None:
    """Boot the VMs and switch to a mode: fab up push, fab up pull, fab up both."""
    _lab("up", mode, "--profile", profile)


@task  # type: ignore[untyped-decorator]
def down(_: Context) -> None:
    """Destroy the VMs; the box stays."""
    _lab("down")


@task  # type: ignore[untyped-decorator]
def status(_: Context) -> None:
    """Show VMs, services, and wanted beside running, read live."""
    _lab("status")


@task(positional=["name"], help={"name": "api, node1, node2 ..."})  # type: ignore[untyped-decorator]
def ssh(_: Context, name: str) -> None:
    """Open a root shell on a machine: fab ssh node1."""
    _lab("ssh", name)


@task(  # type: ignore[untyped-decorator]
    positional=["name"],
    help={"name": "api, node1, node2 ...", "follow": "go on printing as lines come in"},
)
def logs(_: Context, name: str, follow: bool = False) -> None:
    """Print the journal of the lab's units on a machine: fab logs node1 -f."""
    _lab("logs", name, *(["--follow"] if follow else []))


@task(  # type: ignore[untyped-decorator]
    # No positional: invoke fills those that have a default from options only.
    positional=[],
    help={"name": "reconciliation, resilience or self-healing", "mode": "push, pull or both"},
)
def demo(_: Context, name: str = "", mode: str = "both") -> None:
    """Play the three demonstrations, or one: fab demo --name resilience."""
    _lab("demo", *([name] if name else []), "--mode", mode)


@task  # type: ignore[untyped-decorator]
def heal(_: Context) -> None:
    """Undo all chaos; safe at any time."""
    _lab("heal")


@task  # type: ignore[untyped-decorator]
def test(_: Context) -> None:
    """Run the tests that need the VMs."""
    _lab("test")
