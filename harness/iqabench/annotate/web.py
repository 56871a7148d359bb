"""What every answer of the site has to do with the web itself: headers, refusals, bodies of a bounded size."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from iqabench.annotate.limits import BODY_BYTES

Handler = Callable[[Request], Awaitable[Response]]
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Headers:
    """Adds the protective headers to every answer that does not have its own."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] += [
                    (name.lower().encode(), value.encode())
                    for name, value in HEADERS.items()
                    if name.lower().encode() not in there
                ]
            await send(message)

        await self.app(scope, receive, sending)


async def json_of(request: Request) -> dict[str, Any]:
    """The object in a request's body. Raises Refusal where there is none, or it is too long: then the rest is not
    read."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES:
            raise Refusal(413, "The request is too long.")
    try:
        plain = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "The request is not JSON.") from None
    if not isinstance(plain, dict):
        raise Refusal(400, "The request is not an object.")
    return plain


def refused(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)


async def on_refusal(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, Refusal)
    return refused(error.status, error.message)


def plainly(message: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return refused(getattr(error, "status_code", 404), message)

    return handle


def same(secret: str, given: str) -> bool:
    return hmac.compare_digest(secret.encode(), given.encode("utf-8", "surrogatepass"))


def client(request: Request) -> str:
    return request.client.host if request.client else ""
