"""The web application: pages for raters and for the organiser, images, and what the pages' script asks.

Every address names a position in a rater's own list, never a file. What changes something is a POST of JSON with
the page's token from the page's own origin.
"""

from __future__ import annotations

import hmac
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from iqabench.annotate.consistency import overview
from iqabench.annotate.limits import Rate
from iqabench.annotate.log import Conflict, Rater
from iqabench.annotate.panel import Panel
from iqabench.annotate.web import Handler, Headers, Refusal, client, json_of, on_refusal, plainly, same
from iqabench.errors import IqabenchError, UsageError
from iqabench.images import read_image

_SHOWN = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
_STATIC = {"rate.js": "text/javascript", "begin.js": "text/javascript", "style.css": "text/css"}
_COOKIE = "iqabench"


class Site:
    """The pages of one panel. ``hosts`` are the names under which it may be asked for."""

    def __init__(self, panel: Panel, *, hosts: list[str]) -> None:
        self.panel = panel
        self._organiser = panel.log.secret("organiser")
        self._pages = Environment(
            loader=PackageLoader("iqabench.annotate"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._posts = Rate(burst=30, per_second=10)
        self._strangers = Rate(burst=30, per_second=0.5)
        self.app = Starlette(
            routes=[
                Route("/", self._page("begin.html")),
                Route("/rate", self._page("rate.html")),
                Route("/r/{token}", self.enter),
                Route("/organiser/{token}", self.enter_organiser),
                Route("/organiser", self.organiser),
                Route("/image/{position:int}/{slot:int}/{mark}", self.image),
                Route("/static/{name}", self.static),
                Route("/favicon.ico", _no_icon),
                Route("/api/status", self._asked(self._status)),
                Route("/api/vote", self._posted(self._vote), methods=["POST"]),
                Route("/api/undo", self._posted(self._undo), methods=["POST"]),
                Route("/api/rested", self._posted(self._rested), methods=["POST"]),
                Route("/api/screen", self._posted(self._screen), methods=["POST"]),
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts), Middleware(Headers)],
            exception_handlers={
                Refusal: on_refusal,
                404: plainly("There is no such page."),
                405: plainly("That cannot be done here."),
            },
        )

    @property
    def organiser_address(self) -> str:
        return f"/organiser/{self._organiser}"

    def _page(self, template: str) -> Handler:
        async def page(request: Request) -> Response:
            rater = await self._rater(request)
            if rater is None:
                return self._stranger(request)
            status = await run_sync(self.panel.status, rater)
            html = self._pages.get_template(template).render(
                method=self.panel.method,
                token=self._token(rater),
                rater=rater.name,
                done=status.done,
                total=status.total,
                minutes=self.panel.settings.break_minutes,
            )
            return HTMLResponse(html)

        return page

    async def enter(self, request: Request) -> Response:
        """A rater's own link: remember who it is, and take the secret out of the address."""
        token = request.path_params["token"]
        known = await run_sync(self.panel.log.raters)
        if not any(same(rater.token, token) for rater in known):
            return self._stranger(request)
        return _entered("/", token)

    async def enter_organiser(self, request: Request) -> Response:
        token = request.path_params["token"]
        if not same(self._organiser, token):
            return self._stranger(request)
        return _entered("/organiser", token)

    async def organiser(self, request: Request) -> Response:
        """Live counts, each rater's consistency, and the images on which they differ."""
        if not same(self._organiser, request.cookies.get(_COOKIE, "")):
            return self._stranger(request)
        found = await run_sync(overview, self.panel)
        return HTMLResponse(self._pages.get_template("organiser.html").render(overview=found))

    async def image(self, request: Request) -> Response:
        rater = await self._known(request)
        path = request.path_params
        file = await run_sync(self.panel.image, rater, path["position"], path["slot"], path["mark"])
        if file is None:
            raise Refusal(404, "There is no such image.")
        try:
            body, kind = await run_sync(_shown, file)
        except (OSError, IqabenchError) as error:
            raise Refusal(404, "The image cannot be read. Tell the organiser.") from error
        return Response(body, media_type=kind, headers={"Cache-Control": "private, max-age=3600, immutable"})

    async def static(self, request: Request) -> Response:
        kind = _STATIC.get(request.path_params["name"])
        if kind is None:
            raise Refusal(404, "There is no such page.")
        text = files("iqabench.annotate").joinpath("static", request.path_params["name"]).read_text(encoding="utf-8")
        return Response(text, media_type=kind)

    async def _rater(self, request: Request) -> Rater | None:
        token = request.cookies.get(_COOKIE, "")
        known = await run_sync(self.panel.log.raters)
        return next((rater for rater in known if same(rater.token, token)), None) if token else None

    def _token(self, rater: Rater) -> str:
        """What a page of this rater's sends with every POST, and no other site knows."""
        return hmac.new(self._organiser.encode(), f"page/{rater.token}".encode(), "sha256").hexdigest()

    def _asked(self, answer: Callable[[Rater], dict[str, Any]]) -> Handler:
        async def handle(request: Request) -> Response:
            return JSONResponse(await run_sync(answer, await self._known(request)))

        return handle

    def _posted(self, act: Callable[[Rater, dict[str, Any]], None]) -> Handler:
        """A handler that lets ``act`` change something, and answers with the new status."""

        def acted(rater: Rater, plain: dict[str, Any]) -> dict[str, Any]:
            act(rater, plain)
            return self._status(rater)

        async def handle(request: Request) -> Response:
            rater = await self._admitted(request)
            plain = await json_of(request)
            try:
                return JSONResponse(await run_sync(acted, rater, plain))
            except Conflict as error:
                raise Refusal(409, error.message) from error
            except UsageError as error:
                raise Refusal(400, error.message) from error
            except IqabenchError as error:
                raise Refusal(
                    503, "The vote could not be stored; it is kept on this page. Tell the organiser."
                ) from error

        return handle

    async def _known(self, request: Request) -> Rater:
        rater = await self._rater(request)
        if rater is None:
            raise Refusal(403, "Open your own link again.")
        return rater

    async def _admitted(self, request: Request) -> Rater:
        """Who asks for a change, from a page of this site, and not too often. Raises Refusal."""
        rater = await self._known(request)
        origin = request.headers.get("origin")
        own = origin is None or origin.partition("://")[2] == request.headers.get("host")
        if not own or not same(self._token(rater), request.headers.get("x-page-token", "")):
            raise Refusal(403, "Reload the page.")
        if not self._posts.allows(rater.token):
            raise Refusal(429, "Too many requests. Wait a moment.")
        return rater

    def _status(self, rater: Rater) -> dict[str, Any]:
        return asdict(self.panel.status(rater))

    def _vote(self, rater: Rater, plain: dict[str, Any]) -> None:
        position = plain.get("position")
        if not isinstance(position, int) or isinstance(position, bool):
            raise UsageError("The position is no whole number.")
        vote, duration = _number(plain, "vote"), _number(plain, "duration")
        self.panel.vote(rater, _nonce(plain), position, vote, duration)

    def _undo(self, rater: Rater, plain: dict[str, Any]) -> None:
        self.panel.undo(rater, _nonce(plain))

    def _rested(self, rater: Rater, plain: dict[str, Any]) -> None:
        self.panel.rested(rater, _nonce(plain))

    def _screen(self, rater: Rater, plain: dict[str, Any]) -> None:
        """The rater's screen and seat, as the browser and the rater tell them."""
        names = ("width", "height", "ratio", "zoom", "depth", "diagonal", "distance")
        facts = {name: _number(plain, name) for name in names if plain.get(name) is not None}
        self.panel.log.add_screen(rater.id, json.dumps(facts))

    def _stranger(self, request: Request) -> Response:
        """Who has no link, or a wrong one: guessing is slowed down."""
        if not self._strangers.allows(client(request)):
            raise Refusal(429, "Too many tries. Wait a minute.")
        page = self._pages.get_template("stranger.html").render()
        return HTMLResponse(page, status_code=403)


async def _no_icon(request: Request) -> Response:  # noqa: ARG001
    return Response(status_code=204)


def _shown(file: Path) -> tuple[bytes, str]:
    """What the browser is sent: the file itself where it can show it, else the same pixels as PNG."""
    kind = _SHOWN.get(file.suffix.lower())
    if kind:
        return file.read_bytes(), kind
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(read_image(file)).save(out, format="PNG", compress_level=1)
    return out.getvalue(), "image/png"


def _entered(where: str, token: str) -> Response:
    response = RedirectResponse(where, status_code=303)
    response.set_cookie(_COOKIE, token, httponly=True, samesite="lax", max_age=365 * 86400)
    return response


def _nonce(plain: dict[str, Any]) -> str:
    nonce = plain.get("nonce")
    if not isinstance(nonce, str) or not 8 <= len(nonce) <= 64 or not nonce.isascii() or not nonce.isprintable():
        raise UsageError("The request has no nonce.")
    return nonce


def _number(plain: dict[str, Any], name: str) -> float:
    value = plain.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e6:  # also false for NaN
        raise UsageError(f"{name} is no number.")
    return float(value)
