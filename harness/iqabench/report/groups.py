"""Groups of images that figures are given for: by enhancer, type, dataset or degrader, a random draw, and all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from iqabench.datasets.items import conditions
from iqabench.errors import UsageError
from iqabench.patterns import nearest
from iqabench.report.opinions import Rated
from iqabench.specs import TASKS
from iqabench.text import amount

Mask = NDArray[np.bool_]

ALL = "all"
_COLUMNS = {"type": "task"}
_USUAL = ("enhancer", "type", "dataset", "degrader")
_SUBSET = "subset"
_NO_GROUPS = ("dataset", "item", "degrader", "enhancer", "source", "mos", "image", "task", "std")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Images that share a figure. ``parts`` are masks (n,) of images that may be pooled.

    There is one part, unless opinions of several datasets, or of several scenes that were never compared, come
    together: then each part has its own correlation, and the group their mean through Fisher's z.
    """

    label: str
    by: str
    parts: tuple[Mask, ...]

    @property
    def n(self) -> int:
        return int(sum(part.sum() for part in self.parts))


def groups(rated: Rated, by: Sequence[str] = (), *, random: int = 0, seed: int = 0, pooled: bool = True) -> list[Group]:
    """The groups of each of ``by`` in order, then ``random`` images drawn by ``seed`` (0: no draw), then all.

    ``by`` names enhancer, type, dataset, degrader, subset (those the dataset's maker published, which may overlap), or
    a column of the dataset's own facts. Groups of one name are told apart as ``by=name``. Raises UsageError for one
    that these images cannot be grouped by, and for a draw of more images than there are.
    """
    found = [group for name in by for group in _by(rated, name)]
    if random:
        if not 3 <= random <= rated.n:
            raise UsageError(f"{random} of {amount(rated.n, 'rated image')} cannot be drawn.")
        drawn = np.zeros(rated.n, dtype=bool)
        drawn[np.random.default_rng(seed).choice(rated.n, random, replace=False)] = True
        found.append(_group(rated, f"random-{random}", "random", drawn))
    if pooled:
        found.append(_group(rated, ALL, ALL, np.ones(rated.n, dtype=bool)))
    times = Counter(group.label for group in found)
    return [replace(group, label=f"{group.by}={group.label}") if times[group.label] > 1 else group for group in found]


def tells(rated: Rated, name: str) -> bool:
    """Whether the enhancer, type, dataset or degrader of any of these images is known."""
    return bool(_names(rated, name) - {""})


def usual_groupings(rated: Rated) -> list[str]:
    """What these images can be told apart by: those of enhancer, type, degrader and dataset that differ among them."""
    return [name for name in ("enhancer", "type", "degrader", "dataset") if len(_names(rated, name)) > 1]


def _names(rated: Rated, by: str) -> set[str]:
    """Every enhancer, or type and so on, of these images; empty text stands for those that have none."""
    column = _COLUMNS.get(by, by)
    return set(rated.images[column].fillna("").astype(str)) if column in rated.images else set()


def _by(rated: Rated, name: str) -> Iterator[Group]:
    if name == _SUBSET:
        yield from _subsets(rated)
        return
    column = _COLUMNS.get(name, name)
    own = [str(label) for label in rated.images.columns if label not in _NO_GROUPS]
    if column not in rated.images.columns or (name not in _USUAL and column not in own):
        known = [*(usual for usual in _USUAL if _COLUMNS.get(usual, usual) in rated.images.columns), *own]
        raise UsageError(
            f"These images cannot be grouped by {name!r}.",
            hint=nearest(name, known) or f"Say {', '.join(known)}." if known else "Nothing is known of them.",
        )
    labels = rated.images[column].fillna("").astype(str).to_numpy(dtype=object)
    if not (labels != "").any():
        raise UsageError(f"Nothing here says the {name} of an image.", hint="Group by something else, or not at all.")
    for label in sorted(set(labels), key=_order):
        yield _group(rated, label or f"(no {name})", name, labels == label)


def _subsets(rated: Rated) -> Iterator[Group]:
    declared = {label: None for judged in rated.judged.values() for label in judged.subsets}
    if not declared:
        raise UsageError("No dataset here declares subsets.", hint="Group by something else, or not at all.")
    for label in declared:
        mask = np.zeros(rated.n, dtype=bool)
        for dataset, judged in rated.judged.items():
            if label in judged.subsets:
                here = (rated.images["dataset"] == dataset).to_numpy()
                for column, values in conditions(judged.subsets[label]).items():
                    here = here & (rated.images[column].isin(values).to_numpy() if column in rated.images else False)
                mask |= here
        if mask.any():
            yield _group(rated, label, _SUBSET, mask)


def _order(label: str) -> tuple[int, str]:
    head = label.partition(".")[0]
    return (TASKS.index(head) if head in TASKS else len(TASKS), label)


def _group(rated: Rated, label: str, by: str, mask: Mask) -> Group:
    return Group(label=label, by=by, parts=tuple(_parts(rated, mask)))


def _parts(rated: Rated, mask: Mask) -> Iterator[Mask]:
    datasets = rated.images["dataset"].to_numpy(dtype=object)
    for dataset in dict.fromkeys(datasets[mask]):
        here = mask & (datasets == dataset)
        within = rated.judged[dataset].within if dataset in rated.judged else ""
        if within and within in rated.images:
            values = rated.images[within].to_numpy(dtype=object)
            for value in dict.fromkeys(values[here]):
                yield here & (values == value)
        else:
            yield here
