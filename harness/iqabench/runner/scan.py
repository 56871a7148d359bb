"""Looking at source files: digest and size of each, remembered by the run folder while the file is unchanged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from iqabench.datasets import Item
from iqabench.errors import ImageError
from iqabench.images import read_size
from iqabench.plan import External, Photo
from iqabench.store import FileFacts, Store
from iqabench.text import printable


@dataclass(frozen=True, slots=True)
class _Seen:
    facts: FileFacts | None
    problem: str = ""


class Scanner:
    """Looks at each file at most once a run, and only if it changed since the last."""

    def __init__(self, store: Store | None) -> None:
        self._known = store.files() if store else {}
        self._store = store

    def photos(
        self, items: Sequence[Item], *, dataset: str = "", advance: Callable[[], None] = lambda: None
    ) -> list[Photo]:
        """The items as photos, in order; one that cannot be read carries its problem."""
        paths = [item.image for item in items] + [item.reference for item in items if item.reference]
        seen = self._look(paths, advance)
        return [self._photo(item, seen, dataset) for item in items]

    def external(self, name: str, photos: Sequence[Photo], files: Sequence[Path | None], folder: Path) -> External:
        """For each photo what another tool made of it."""
        seen = self._look([path for path in files if path], lambda: None)
        found = []
        for photo, path in zip(photos, files, strict=True):
            if path is None:
                missing = Item(name=photo.item.name, image=photo.item.image)
                problem = f"{printable(str(folder))}: holds no image named like {photo.item.name}."
                found.append(Photo(item=missing, digest=f"missing:{name}:{photo.digest}", problem=problem))
            else:
                found.append(self._photo(Item(name=photo.item.name, image=path), seen, photo.dataset))
        return External(name=name, photos=found)

    def _photo(self, item: Item, seen: dict[Path, _Seen], dataset: str) -> Photo:
        image = seen[item.image]
        reference = seen[item.reference] if item.reference else None
        problem = image.problem or (reference.problem if reference else "")
        return Photo(
            item=item,
            digest=image.facts.digest if image.facts else f"unreadable:{printable(str(item.image))}",
            size=(image.facts.height, image.facts.width) if image.facts else (0, 0),
            reference_digest=reference.facts.digest if reference and reference.facts else "",
            dataset=dataset,
            problem=problem,
        )

    def _look(self, paths: Sequence[Path], advance: Callable[[], None]) -> dict[Path, _Seen]:
        unique = list(dict.fromkeys(paths))
        seen: dict[Path, _Seen] = {}
        with ThreadPoolExecutor(4) as pool:
            for path, result in zip(unique, pool.map(self._look_at, unique), strict=True):
                seen[path] = result
                advance()
        fresh = [s.facts for s in seen.values() if s.facts and self._known.get(s.facts.path) is not s.facts]
        self._known.update({facts.path: facts for facts in fresh})
        if self._store:
            self._store.remember(fresh)
        return seen

    def _look_at(self, path: Path) -> _Seen:
        try:
            stat = path.stat()
            name = printable(str(path))
            known = self._known.get(name)
            if known and (known.size, known.mtime) == (stat.st_size, stat.st_mtime_ns):
                return _Seen(known)
            height, width = read_size(path)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            return _Seen(FileFacts(name, stat.st_size, stat.st_mtime_ns, digest, height, width))
        except ImageError as error:
            return _Seen(None, printable(str(error)))
        except OSError as error:
            return _Seen(None, printable(f"{path}: cannot be read ({error.strerror})."))
