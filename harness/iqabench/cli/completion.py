"""``iqabench completion``: the shell's completion script."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that completes iqabench's commands and options in SHELL.

    Put it where your shell looks, as `iqabench completion bash >> ~/.bashrc`.
    """
    from iqabench.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "iqabench", "_IQABENCH_COMPLETE").source())
