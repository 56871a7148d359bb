"""The demo photographs, so that a first run needs nothing of the user's own. Their origins: photos/CREDITS.md."""

from __future__ import annotations

from pathlib import Path


def photos() -> Path:
    """The folder of six views of four free photographs, 512×384 each."""
    return Path(__file__).with_name("photos")
