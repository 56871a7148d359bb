"""The group of all commands, and the only place that prints an error and decides the exit code."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from iqabench.errors import IqabenchError
from iqabench.patterns import nearest
from iqabench.text import printable

COMMANDS = {
    "run": ("iqabench.cli.run", "Degrade, enhance and score photos; print the matrices."),
    "list": ("iqabench.cli.list", "List every model, installed or known."),
    "show": ("iqabench.cli.show", "Print the matrices of a run, and how scorers agree with people."),
    "report": ("iqabench.cli.report", "Write a run as one HTML page."),
    "plot": ("iqabench.cli.plot", "Draw a chart of a run: scatter, hist, heatmap or grid."),
    "grid": ("iqabench.cli.grid", "Draw originals, degraded and enhanced images side by side."),
    "correlate": ("iqabench.cli.correlate", "Correlate scores in any table with people's opinions."),
    "mos": ("iqabench.cli.mos", "Turn raw votes into opinion scores with intervals."),
    "power": ("iqabench.cli.power", "Say which differences a study can show."),
    "datasets": ("iqabench.cli.datasets", "List the rated datasets, and check a copy of one."),
    "dataset": ("iqabench.cli.dataset", "Make a dataset of your own."),
    "annotate": ("iqabench.cli.annotate", "Let people rate a dataset, in their browsers."),
    "weights": ("iqabench.cli.weights", "Fetch, verify and move weights files."),
    "check": ("iqabench.cli.check", "Test a plugin against the contracts."),
    "new": ("iqabench.cli.new", "Write a new plugin package."),
    "doctor": ("iqabench.cli.doctor", "Say what works on this machine, and what does not."),
    "completion": ("iqabench.cli.completion", "Print the script that completes commands in a shell."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            hint = nearest(name, list(COMMANDS))
            raise click.UsageError(f"There is no command {name!r}. {hint}".strip(), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="iqabench")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Which enhancer makes photos look best, and which IQA model can be trusted to say so."""
    if debug:
        os.environ["IQABENCH_DEBUG"] = "1"


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 well, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C."""
    try:
        code = cli.main(args=args, prog_name="iqabench", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except IqabenchError as error:
        _explain(str(error))
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.UsageError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nStopped. What was computed is kept; the same command goes on from there.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _explain(message: str) -> None:
    if os.environ.get("IQABENCH_DEBUG"):
        traceback.print_exc()
    printed = "\n".join(map(printable, message.split("\n")))
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {printed}", err=True)


if __name__ == "__main__":
    main()
