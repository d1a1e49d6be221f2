"""The tasks that run the lab and look at it."""

from fabric import task
from invoke.context import Context

from lab.fab.words import JSON, MODE, flags, say
from services.core.profiles import DEFAULT_PROFILE


@task(  # type: ignore[untyped-decorator]
    positional=["mode"],
    help=MODE
    | {
        "profile": "seed or fast: how fast the loops of pull turn",
        "cold": "boot the VMs even if a frozen lab could be thawed",
    },
)
def up(_: Context, mode: str, profile: str = DEFAULT_PROFILE, cold: bool = False) -> None:
    """Boot or thaw the VMs and switch to a mode: fab up push, fab up pull, fab up both."""
    say("up", mode, "--profile", profile, *flags(cold=cold))


@task  # type: ignore[untyped-decorator]
def reset(_: Context) -> None:
    """Return to the lab as it was right after the latest fab up, in seconds."""
    say("reset")


@task  # type: ignore[untyped-decorator]
def down(_: Context) -> None:
    """Destroy the VMs; the box stays."""
    say("down")


@task(help=JSON)  # type: ignore[untyped-decorator]
def status(_: Context, json: bool = False) -> None:
    """Show VMs, services, and wanted beside running, read live."""
    say("status", json=json)


@task(positional=["name"], help={"name": "api, node1, node2 ..."})  # type: ignore[untyped-decorator]
def ssh(_: Context, name: str) -> None:
    """Open a root shell on a machine: fab ssh node1."""
    say("ssh", name)


@task(  # type: ignore[untyped-decorator]
    positional=["name"],
    help={"name": "api, node1, node2 ...", "follow": "go on printing as lines come in"},
)
def logs(_: Context, name: str, follow: bool = False) -> None:
    """Print the journal of the lab's units on a machine: fab logs node1 -f."""
    say("logs", name, *flags(follow=follow))


@task(  # type: ignore[untyped-decorator]
    # No positional: invoke fills those that have a default from options only.
    positional=[],
    help=MODE | JSON | {"name": "reconciliation, resilience or self-healing"},
)
def demo(_: Context, name: str = "", mode: str = "both", json: bool = False) -> None:
    """Play the three demonstrations, or one: fab demo --name resilience."""
    say("demo", *([name] if name else []), "--mode", mode, json=json)


@task  # type: ignore[untyped-decorator]
def heal(_: Context) -> None:
    """Undo all chaos; safe at any time."""
    say("heal")


@task  # type: ignore[untyped-decorator]
def test(_: Context) -> None:
    """Run the tests that need the VMs."""
    say("test")
