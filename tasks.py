"""Tasks for `fab`: the same commands as `lab`, for hands that are used to Fabric.

Each hands its words to `lab`, so errors, hints and exit codes are the same. Where `lab` has a
family of commands, `fab` has a dot: `lab chaos halt node1` is `fab chaos.halt node1`.
"""

from fabric import task
from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from lab.cli import run
from services.core.profile import DEFAULT_PROFILE

JSON = {"json": "print JSON instead of a table"}
MODE = {"mode": "push, pull or both"}
RUNS = {"runs": "runs to take"}


def _lab(*words: str, json: bool = False) -> None:
    """Run one `lab` command line; a failure ends `fab`, with its exit code."""
    code = run([*words, *(["--json"] if json else [])])
    if code:
        raise Exit(code=code)


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
    _lab("up", mode, "--profile", profile, *(["--cold"] if cold else []))


@task  # type: ignore[untyped-decorator]
def reset(_: Context) -> None:
    """Return to the lab as it was right after the latest fab up, in seconds."""
    _lab("reset")


@task(positional=[], help={"name": "under which it is kept"})  # type: ignore[untyped-decorator]
def freeze(_: Context, name: str = "frozen") -> None:
    """Save memory and disks of all VMs at one instant: fab freeze --name before."""
    _lab("freeze", name)


@task(  # type: ignore[untyped-decorator]
    positional=[],
    help=JSON
    | {"name": "what to bring back", "list": "print what there is", "delete": "delete it"},
)
def thaw(
    _: Context, name: str = "frozen", list: bool = False, delete: bool = False, json: bool = False
) -> None:
    """Bring back what fab freeze saved: fab thaw --name before."""
    flags = [*(["--list"] if list else []), *(["--delete"] if delete else [])]
    _lab("thaw", name, *flags, json=json)


@task(  # type: ignore[untyped-decorator]
    positional=["name"],
    help={"note": "what a reader of the list should know", "force": "replace one of that name"},
)
def save(_: Context, name: str, note: str = "", force: bool = False) -> None:
    """Save the lab as a chapter: fab chapter.save broken --note 'node1 is off'."""
    _lab("chapter", "save", name, "--note", note, *(["--force"] if force else []))


@task(positional=["name"])  # type: ignore[untyped-decorator]
def goto(_: Context, name: str) -> None:
    """Bring the lab to a chapter: fab chapter.goto broken."""
    _lab("chapter", "goto", name)


@task(name="list", help=JSON)  # type: ignore[untyped-decorator]
def list_chapters(_: Context, json: bool = False) -> None:
    """List all chapters."""
    _lab("chapter", "list", json=json)


@task(positional=["name"])  # type: ignore[untyped-decorator]
def delete(_: Context, name: str) -> None:
    """Delete a chapter for good: fab chapter.delete broken."""
    _lab("chapter", "delete", name)


@task  # type: ignore[untyped-decorator]
def down(_: Context) -> None:
    """Destroy the VMs; the box stays."""
    _lab("down")


@task(help=JSON)  # type: ignore[untyped-decorator]
def status(_: Context, json: bool = False) -> None:
    """Show VMs, services, and wanted beside running, read live."""
    _lab("status", json=json)


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
    help=MODE | JSON | {"name": "reconciliation, resilience or self-healing"},
)
def demo(_: Context, name: str = "", mode: str = "both", json: bool = False) -> None:
    """Play the three demonstrations, or one: fab demo --name resilience."""
    _lab("demo", *([name] if name else []), "--mode", mode, json=json)


@task(positional=["node"], help={"orderly": "shut down instead"})  # type: ignore[untyped-decorator]
def halt(_: Context, node: str, orderly: bool = False) -> None:
    """Pull the plug of a node: fab chaos.halt node1."""
    _lab("chaos", "halt", node, *(["--orderly"] if orderly else []))


@task(positional=["node"])  # type: ignore[untyped-decorator]
def start(_: Context, node: str) -> None:
    """Boot a node again: fab chaos.start node1."""
    _lab("chaos", "start", node)


@task(help=MODE)  # type: ignore[untyped-decorator]
def stop_api(_: Context, mode: str = "both") -> None:
    """Stop the API service."""
    _lab("chaos", "stop-api", "--mode", mode)


@task(help=MODE)  # type: ignore[untyped-decorator]
def start_api(_: Context, mode: str = "both") -> None:
    """Start the API service again."""
    _lab("chaos", "start-api", "--mode", mode)


@task(  # type: ignore[untyped-decorator]
    positional=["node"], help=MODE | {"name": "what the stray container is called"}
)
def corrupt(_: Context, node: str, name: str = "fake", mode: str = "both") -> None:
    """Start a container on a node by hand: fab chaos.corrupt node1."""
    _lab("chaos", "corrupt", node, "--name", name, "--mode", mode)


@task(  # type: ignore[untyped-decorator]
    positional=[],
    help={
        "since": "only what came after this revision",
        "follow": "go on printing as things happen",
        "json": "print a JSON object a line",
    },
)
def events(_: Context, since: int = 0, follow: bool = False, json: bool = False) -> None:
    """Show what happened in pull, in order, and why."""
    _lab("events", "--since", str(since), *(["--follow"] if follow else []), json=json)


@task(positional=["node"])  # type: ignore[untyped-decorator]
def cordon(_: Context, node: str) -> None:
    """Keep new containers off a node: fab cordon node1."""
    _lab("cordon", node)


@task(positional=["node"])  # type: ignore[untyped-decorator]
def uncordon(_: Context, node: str) -> None:
    """Let a node take containers again: fab uncordon node1."""
    _lab("uncordon", node)


@task(positional=["node"], help={"timeout": "seconds to wait"})  # type: ignore[untyped-decorator]
def drain(_: Context, node: str, timeout: float = 120.0) -> None:
    """Move everything off a node, and wait until it is empty: fab drain node1."""
    _lab("drain", node, "--timeout", f"{timeout:g}")


@task(help={"node": "only this one's"})  # type: ignore[untyped-decorator]
def rotate(_: Context, node: str = "") -> None:
    """Replace the nodes' tokens while everything goes on: fab token.rotate."""
    _lab("token", "rotate", *([node] if node else []))


@task  # type: ignore[untyped-decorator]
def heal(_: Context) -> None:
    """Undo all chaos; safe at any time."""
    _lab("heal")


@task(  # type: ignore[untyped-decorator]
    help=JSON | {"fix": "install what is missing", "record": "make the versions the tested ones"}
)
def doctor(_: Context, fix: bool = False, record: bool = False, json: bool = False) -> None:
    """Check what the lab needs of this machine, with versions found and tested."""
    _lab("doctor", *(["--fix"] if fix else []), *(["--record"] if record else []), json=json)


@task  # type: ignore[untyped-decorator]
def build(_: Context) -> None:
    """Build the box, unless it exists already: fab box.build."""
    _lab("box", "build")


@task(name="up", help=RUNS | JSON)  # type: ignore[untyped-decorator]
def bench_up(_: Context, runs: int = 3, json: bool = False) -> None:
    """Time `fab up both`, phase by phase; takes the lab down before each run."""
    _lab("bench", "up", "--runs", str(runs), json=json)


@task(  # type: ignore[untyped-decorator]
    name="converge", help=RUNS | JSON | {"only": "declared, drift, power-cut or idle"}
)
def bench_converge(_: Context, runs: int = 3, only: str = "", json: bool = False) -> None:
    """Time how long pull takes to repair what, in every profile."""
    chosen = ["--only", only] if only else []
    _lab("bench", "converge", "--runs", str(runs), *chosen, json=json)


@task  # type: ignore[untyped-decorator]
def test(_: Context) -> None:
    """Run the tests that need the VMs."""
    _lab("test")


namespace = Collection(
    *(up, down, reset, freeze, thaw, status, events, ssh, logs, demo, heal),
    *(cordon, drain, uncordon, doctor, test),
    Collection("chaos", halt, start, stop_api, start_api, corrupt),
    Collection("chapter", save, goto, list_chapters, delete),
    Collection("box", build),
    Collection("token", rotate),
    Collection("bench", bench_up, bench_converge),
)
