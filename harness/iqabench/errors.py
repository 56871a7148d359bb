"""Every exception that iqabench raises on purpose, on one page.

An error carries one sentence that says what is wrong and where, and a ``hint`` that says what to do.
``iqabench.cli.main`` is the only place that prints them and turns them into an exit code.
"""

from __future__ import annotations

from collections.abc import Sequence


class IqabenchError(Exception):
    """Base of the tree. ``exit_code`` is what the command line ends with."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(IqabenchError):
    """The command or call asks for something that cannot be."""

    exit_code = 2


class SelectionError(UsageError):
    """A pattern, id or parameter that names nothing; the hint holds the nearest names."""


class PluginError(IqabenchError):
    """A plugin that cannot be used: broken at import, a bad declaration, an id taken twice."""


class ModelError(PluginError):
    """A model that raised, or returned a wrong shape, range, dtype or NaN."""


class WeightsError(IqabenchError):
    """Anything about a weights file."""


class WeightsMissing(WeightsError):
    """The file is not on this machine; the hint is the command that gets it."""


class DownloadError(WeightsError):
    """No source of the file could be read."""


class DigestMismatch(WeightsError):
    """The file's SHA-256 is not the one declared or recorded at first fetch."""


class UnsafeWeights(WeightsError):
    """The file would run code when loaded, so it was not loaded."""


class KeysMismatch(WeightsError):
    """The checkpoint does not fit the network; names the first keys that differ."""

    def __init__(
        self,
        where: str,
        *,
        missing: Sequence[str] = (),
        unexpected: Sequence[str] = (),
        reshaped: Sequence[str] = (),
    ) -> None:
        parts = [
            f"{len(keys)} {what} ({', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''})"
            for what, keys in (
                ("missing", missing),
                ("unexpected", unexpected),
                ("of another shape", reshaped),
            )
            if keys
        ]
        super().__init__(
            f"{where} does not fit the network: keys {'; '.join(parts)}.",
            hint="Give the official checkpoint of this very model and variant.",
        )
        self.missing, self.unexpected, self.reshaped = tuple(missing), tuple(unexpected), tuple(reshaped)


class ImageError(IqabenchError):
    """An image that cannot be read, written or used; the message begins with its path."""


class DatasetError(IqabenchError):
    """A dataset whose files are not as its layout says."""


class StoreError(IqabenchError):
    """The run folder cannot be read or written, or belongs to another run."""


class RunFailed(IqabenchError):
    """The run ended with cells that failed; what could be computed is kept."""
