"""Giving an image file a second name: of the same file where the file system allows it, else of a copy."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from iqabench.errors import StoreError


def place(file: Path, target: Path) -> None:
    """``target`` becomes ``file``: whole, or not at all. Raises StoreError."""
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        if target.exists() and target.samefile(file):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, temporary)
        except OSError:
            shutil.copyfile(file, temporary)
        os.replace(temporary, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreError(f"{target}: cannot be written ({error.strerror or error}).") from error
