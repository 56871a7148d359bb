"""Whether a built dataset is whole: every image there, unchanged and readable, and nothing there that is not listed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from iqabench.datasets.built import Entry, of_role, read_entries
from iqabench.datasets.folder import image_files
from iqabench.errors import DatasetError, IqabenchError
from iqabench.images import read_size
from iqabench.weights.digests import sha256_of

_FOLDERS = ("sources", "degraded", "enhanced")


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """Files by what is wrong with them. ``uneven`` are models with fewer images than others of their role."""

    images: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    unlisted: tuple[str, ...]
    uneven: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not (self.missing or self.changed or self.unlisted or self.uneven)


def verify(folder: Path) -> Verified:
    """Look at every image of the dataset in ``folder``. Raises DatasetError where it is none."""
    entries = read_entries(folder)
    missing, changed = [], []
    for entry in entries:
        path = folder / entry.file
        try:
            if not path.resolve().is_relative_to(folder.resolve()):
                raise DatasetError(f"{entry.file} leads out of the dataset's folder.")
            if sha256_of(path) != entry.sha256 or read_size(path) != (entry.height, entry.width):
                changed.append(entry.file)
        except IqabenchError:
            missing.append(entry.file)
    listed = {entry.file for entry in entries}
    there = {
        path.relative_to(folder).as_posix()
        for name in _FOLDERS
        if (folder / name).is_dir()
        for path in image_files(folder / name)
    }
    return Verified(
        images=len(entries),
        missing=tuple(missing),
        changed=tuple(changed),
        unlisted=tuple(sorted(there - listed)),
        uneven=tuple(_uneven(entries)),
    )


def _uneven(entries: list[Entry]) -> list[str]:
    """Combinations that lack images of some sources."""
    sources = len(of_role(entries, "source"))
    made = (" + ".join(filter(None, (entry.degrader, entry.enhancer))) for entry in entries if entry.role != "source")
    counts = Counter(made)
    return [f"{label}: {n} of {sources} images" for label, n in counts.items() if n != sources]
