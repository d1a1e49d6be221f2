"""`lab completion`: click's completion scripts, and where to put them."""

import click
from click.shell_completion import get_completion_class

from lab.terminal.params import Known
from lab.terminal.table import echo_raw

INSTALL = {
    "bash": "lab completion bash > ~/.local/share/bash-completion/completions/lab",
    "zsh": "lab completion zsh > ~/.zfunc/_lab   # with ~/.zfunc in fpath, before compinit",
    "fish": "lab completion fish > ~/.config/fish/completions/lab.fish",
}


@click.command()
@click.argument("shell", type=Known("shell", lambda: list(INSTALL)), metavar="bash|zsh|fish")
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell; its first line says how to install it.

    \b
    lab completion bash > ~/.local/share/bash-completion/completions/lab
    """
    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"click has no completion for {shell}")
    echo_raw(f"# install: {INSTALL[shell]}\n")
    echo_raw(script(ctx.find_root().command, {}, "lab", "_LAB_COMPLETE").source() + "\n")
