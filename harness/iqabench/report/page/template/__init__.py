"""The template, its style and scripts, and the page they make. Whatever a file is called, it is text in the page."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from iqabench.report.page.agreement import shade
from iqabench.text import printable

_SCRIPTS = ("data.js", "sort.js", "scatter.js", "walk.js", "tests.js", "slider.js", "apart.js", "start.js")


def render(shown: Mapping[str, Any], data: Mapping[str, Any], pictures: Mapping[str, Any]) -> str:
    """The page: ``shown`` fills the template, ``data`` and ``pictures`` are carried as JSON for the scripts.

    The page's own policy forbids every request and every script but its own.
    """
    here = files("iqabench.report.page.template")
    script = '"use strict";\n' + "\n".join(here.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = Environment(
        loader=PackageLoader("iqabench.report.page", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shade": shade, "printable": printable}
    text: str = environment.get_template("report.html.jinja").render(
        **shown,
        style=Markup(here.joinpath("style.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own files
        digest=digest,
        data=_embedded(data),
        pictures=_embedded(pictures),
    )
    return text


def _embedded(value: Any) -> Markup:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    safe = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(safe.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704 - escaped above
