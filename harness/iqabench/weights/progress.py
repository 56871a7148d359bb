"""Who wants to see a download advance. The bar itself belongs to the command line."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told about one file at a time; ``start`` comes again where a download begins anew."""

    def start(self, name: str, total: int | None) -> None:
        """A transfer of ``total`` bytes begins (None where the server does not say)."""

    def advance(self, count: int) -> None:
        """So many more bytes are here."""

    def done(self) -> None:
        """The file is complete, or given up."""


class Silent:
    """A Progress that shows nothing."""

    def start(self, name: str, total: int | None) -> None: ...

    def advance(self, count: int) -> None: ...

    def done(self) -> None: ...
