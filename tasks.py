"""Tasks for `fab`: the commands of `lab`, for hands that are used to Fabric.

They are made from lab's own commands, so words, help, errors and exit codes are the same. Where
`lab` has a family of commands, `fab` has a dot: `lab chaos halt node1` is `fab chaos.halt node1`.
"""

import inspect
from collections.abc import Iterator
from keyword import iskeyword
from typing import Any

import click
from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task

from lab import cli


def collection(group: click.Group, *words: str) -> Collection:
    """Return what `group` has as tasks and, for its own groups, as collections. words: its name."""
    tasks = Collection(*words[-1:])
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            tasks.add_collection(collection(command, *words, name))
        elif command is not None:
            tasks.add_task(task(command, (*words, name)))
    return tasks


def task(command: click.Command, words: tuple[str, ...]) -> "Task[Any]":
    """Return the task that says `words`, and what it is given, to `lab`."""
    given = [param for param in command.params if not getattr(param, "hidden", False)]

    def body(_: Context, **values: Any) -> None:
        options = [word for p in given for word in said(p, values[key(p)])]
        if code := cli.run([*words, *options]):
            raise Exit(code=code)

    parameters = [inspect.Parameter("_", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    parameters += [
        inspect.Parameter(key(p), inspect.Parameter.KEYWORD_ONLY, default=default(p)) for p in given
    ]
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    body.__doc__ = (command.help or "").replace("\b\n", "")
    return Task(
        body,
        name=words[-1],
        positional=[key(p) for p in given if isinstance(p, click.Argument) and p.required],
        iterable=[key(p) for p in given if p.multiple or p.nargs == -1],
        help={key(p): p.help or "" for p in given if isinstance(p, click.Option)},
    )


def key(param: click.Parameter) -> str:
    """Return the name of `param` as it is typed, without dashes: `timeout` and not `timeout_s`."""
    typed = max(param.opts, key=len).lstrip("-").replace("-", "_")
    # Invoke takes the underscore off again.
    return f"{typed}_" if iskeyword(typed) else typed


def default(param: click.Parameter) -> Any:
    """Return what `fab` takes for a `param` that is not typed; empty: `lab` has its own default."""
    if isinstance(param, click.Argument) and param.required:
        return inspect.Parameter.empty
    if param.multiple or param.nargs == -1:
        return []
    return False if getattr(param, "is_flag", False) else ""


def said(param: click.Parameter, value: Any) -> Iterator[str]:
    """Yield the words that give `value` to `lab`."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(param, click.Argument):
            yield from [str(one)] if one != "" else []
        elif one is True or one not in (False, ""):
            yield from [max(param.opts, key=len), *([] if one is True else [str(one)])]


namespace = collection(cli.main)
