"""How a task says its words to `lab`, and the help texts that several tasks share."""

from invoke.exceptions import Exit

from lab.cli import run

JSON = {"json": "print JSON instead of a table"}
MODE = {"mode": "push, pull or both"}
RUNS = {"runs": "runs to take"}


def say(*words: str, json: bool = False) -> None:
    """Run one `lab` command line; a failure ends `fab`, with its exit code."""
    code = run([*words, *flags(json=json)])
    if code:
        raise Exit(code=code)


def flags(**given: bool) -> list[str]:
    """Return `--name` for each flag that is given, in order; underscores are dashes."""
    return [f"--{name.replace('_', '-')}" for name, is_given in given.items() if is_given]
