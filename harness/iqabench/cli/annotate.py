"""``iqabench annotate``: people rate a built dataset in their browsers."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqabench.errors import UsageError
from iqabench.text import amount

if TYPE_CHECKING:
    from iqabench.annotate.panel import Panel
    from iqabench.annotate.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SHOWN = 20

folder_argument = click.argument("folder", type=click.Path(path_type=Path))


@click.group("annotate")
def command() -> None:
    """Let people rate a dataset that `iqabench dataset build` made."""


@command.command("serve")
@folder_argument
@click.option("--method", type=click.Choice(["acr", "acr-hr", "dcr", "pc"]), help="How people rate (acr).")
@click.option("--seed", type=int, help="Of every rater's order (0).")
@click.option("--training", type=click.IntRange(min=0), help="Practice images over the whole range (8).")
@click.option("--dummies", type=click.IntRange(min=0), help="First images whose votes are not counted (5).")
@click.option("--gold", type=click.IntRange(min=0), help="Pristine photos mixed in, to see who pays attention (0).")
@click.option("--repeats", type=click.IntRange(min=0), help="Images shown twice, to see who is consistent (0).")
@click.option("--break-minutes", type=click.IntRange(min=1), help="Offer a rest after so long (30).")
@click.option("--rater", "names", multiple=True, metavar="NAME", help="Add a rater. Repeatable.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--public", is_flag=True, help="Allow a --host that others can reach.")
@click.option(
    "--name", "known_as", multiple=True, metavar="HOST", help="A name that browsers may use for this machine."
)
def serve(
    folder: Path,
    names: tuple[str, ...],
    host: str,
    port: int,
    public: bool,
    known_as: tuple[str, ...],
    **options: Any,
) -> None:
    """Serve the rating pages of the dataset in FOLDER until Ctrl-C. Votes are kept in FOLDER/annotation.

    Each rater has a link of their own, which is printed; the organiser's shows how far everybody is. The method and
    the parts of a session are fixed when the first rater is added.
    """
    if host not in LOOPBACK and not public:
        raise UsageError(f"{host} lets others in the network reach the pages.", hint="If that is meant, add --public.")
    from iqabench.annotate.log import Log

    with Log(folder, create=_is_built(folder)) as log:
        panel = _panel(folder, log, {name: value for name, value in options.items() if value is not None})
        existing = {rater.name for rater in log.raters()}
        for name in names:
            if name not in existing:
                panel.enrol(name)
        if not log.raters():
            panel.enrol("rater1")
        _listen(panel, host, port, [*known_as] if public else [*LOOPBACK, "[::1]", *known_as])


@command.command("raters")
@folder_argument
@click.option("--add", "names", multiple=True, metavar="NAME", help="Add a rater. Repeatable.")
def raters(folder: Path, names: tuple[str, ...]) -> None:
    """Print the raters with their links and how far each is, after adding some."""
    from iqabench.annotate.log import Log, effective

    with Log(folder, create=_is_built(folder)) as log:
        panel = _panel(folder, log, {})
        for name in names:
            panel.enrol(name)
        for rater in log.raters():
            done, total = len(effective(log.events(rater.id))), log.length(rater.id)
            click.echo(f"{rater.name}  {done} of {total}  /r/{rater.token}")


@command.command("review")
@folder_argument
@click.option("--apart", default=3.0, show_default=True, help="Images whose votes lie so far apart.")
@click.option("--list", "only_list", is_flag=True, help="Print them, and ask nobody.")
def review(folder: Path, apart: float, only_list: bool) -> None:
    """Find the images on which raters differ, and show them again to those whose votes are odd.

    They come at the end of those raters' lists, at once if the pages are being served. Both votes are kept; opinion
    scores take the later one.
    """
    from iqabench.annotate.log import Log
    from iqabench.annotate.review import ask_again, doubts

    with Log(folder) as log:
        found = doubts(log, apart=apart)
        click.echo(f"{amount(len(found), 'image has', 'images have')} votes {apart:g} or more apart")
        for doubt in found[:_SHOWN]:
            odd = ", ".join(f"{rater} {vote:g}" for rater, vote in doubt.odd.items())
            click.echo(f"  {doubt.image}: {doubt.distance:g} apart, odd: {odd}")
        if len(found) > _SHOWN:
            click.echo(f"  ... and {len(found) - _SHOWN} more")
        if found and not only_list:
            added = amount(ask_again(log, found), "screen was", "screens were")
            click.echo(f"{added} added to the raters' lists.")


@command.command("export")
@folder_argument
@click.option("--format", "form", type=click.Choice(["long", "wide", "sureal"]), default="long", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write.")
def export(folder: Path, form: str, out: Path) -> None:
    """Write the votes: a row a vote (CSV), a column a rater (CSV), or SUREAL's JSON."""
    from iqabench.annotate.log import Log
    from iqabench.annotate.votes import export as write

    with Log(folder) as log:
        click.echo(f"{amount(write(log, form, out), 'vote')} in {out}")


@command.command("import")
@folder_argument
@click.argument("votes", type=click.Path(path_type=Path))
def bring(folder: Path, votes: Path) -> None:
    """Take in VOTES cast elsewhere, in any form that `iqabench mos` reads; they name images as images.csv does."""
    from iqabench.annotate.log import Log
    from iqabench.annotate.votes import bring_in

    with Log(folder, create=_is_built(folder)) as log:
        click.echo(amount(bring_in(folder, log, votes), "new vote"))


def _is_built(folder: Path) -> bool:
    from iqabench.datasets.built import read_entries

    return bool(read_entries(folder))


def _panel(folder: Path, log: Any, given: dict[str, Any]) -> Panel:
    """The panel of a dataset; its settings are written down when they are first used."""
    from iqabench.annotate.panel import Panel
    from iqabench.annotate.settings import Settings, read_settings, write_settings

    settings: Settings | None = read_settings(folder)
    if settings is None:
        settings = Settings(**given)
        write_settings(folder, settings)
    for name, value in given.items():
        if getattr(settings, name) != value:
            raise UsageError(
                f"This panel was begun with {name} = {getattr(settings, name)}, not {value}.",
                hint="Leave the option out, or rate a copy of the dataset.",
            )
    return Panel(folder, settings, log)


def _listen(panel: Panel, host: str, port: int, hosts: list[str]) -> None:
    try:
        import uvicorn

        from iqabench.annotate.server import Site
    except ModuleNotFoundError as error:
        hint = "Run: pip install 'iqabench[annotate]'"
        raise UsageError(f"The rating pages need {error.name}, which is not installed.", hint=hint) from error

    site = Site(panel, hosts=hosts or ["*"])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen(512)  # who follows a link as soon as it is printed waits a moment, and is not refused
        except OSError as error:
            hint = "Choose another --port, or 0 for a free one."
            raise UsageError(f"{host}:{port} cannot be listened on ({error.strerror}).", hint=hint) from error
        shown = f"[{host}]" if ":" in host else host
        base = f"http://{shown}:{listening.getsockname()[1]}"
        click.echo(f"Organiser: {base}{site.organiser_address}")
        for rater in panel.log.raters():
            click.echo(f"{rater.name}: {base}/r/{rater.token}")
        click.echo("Serving until Ctrl-C.")
        config = uvicorn.Config(
            site.app,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            h11_max_incomplete_event_size=16384,
            limit_concurrency=500,
            timeout_graceful_shutdown=3,
        )
        uvicorn.Server(config).run(sockets=[listening])
