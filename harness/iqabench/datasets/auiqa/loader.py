"""AU-IQA: 4,800 AI-enhanced photos, 400 by each of 12 enhancers (Wang et al., ACM MM 2025).

The release documents neither folders nor columns, so the loader looks for what can be meant: any tree of images,
any tables of labels in it; the names in the paths say task and enhancer.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from iqabench.datasets.auiqa.images import Images
from iqabench.datasets.auiqa.labels import Label, read_labels
from iqabench.datasets.auiqa.mapping import read_mapping
from iqabench.datasets.auiqa.names import UNKNOWN, Names
from iqabench.datasets.items import Fact, Item
from iqabench.errors import DatasetError
from iqabench.text import printable

_SAME = 1e-6
_KONIQ_ID = re.compile(r"(?<!\d)\d{6,}(?!\d)")


def load(path: Path, *, mapping: str) -> list[Item]:
    """Items by path. Facts: task (sr, lle, dn), enhancer, vote1.., std and votes (their number) where there are votes.

    ``mapping`` is a TOML file that says what cannot be guessed; without it, ``iqabench.toml`` in the folder counts.
    MOS is the label files' own, else the mean of the votes. Raises DatasetError for an image without either.
    """
    rules = read_mapping(path, mapping)
    images = Images(path, rules.names)
    labels = defaultdict(list)
    for label in read_labels(path, rules):
        found = images.find(label)
        labels[found].append(label)
    if not labels:
        raise DatasetError(
            f"{path}: holds no table with columns for images and scores.",
            hint="Say where they are in a mapping: auiqa:PATH[mapping=FILE.toml]. Without MOS, use --images.",
        )
    unlabelled = [found for found in images.enhanced() if found not in labels]
    if unlabelled:
        more = f" and {len(unlabelled) - 1} more" if len(unlabelled) > 1 else ""
        raise DatasetError(printable(f"{images.path(unlabelled[0])}{more}: in no table of labels, so without MOS."))
    return [_item(name, labels[name], images, rules.names) for name in sorted(labels)]


def _item(name: str, labels: Sequence[Label], images: Images, names: Names) -> Item:
    cell = images.cell(name)
    for label in labels:
        cell = cell.over(label.cell)
    cell = cell.complete()
    mos, votes = _opinion(labels)
    facts: dict[str, Fact] = {"task": cell.task or UNKNOWN, "enhancer": cell.enhancer or UNKNOWN}
    facts |= {f"vote{rater}": vote for rater, vote in enumerate(votes, 1) if vote is not None}
    given = [vote for vote in votes if vote is not None]
    if len(given) > 1:
        facts["std"] = statistics.stdev(given)
        if min(given) <= mos <= max(given):  # else the MOS is on a scale of its own, and the spread says nothing of it
            facts["votes"] = float(len(given))
    return Item(name=printable(name), image=images.path(name), source=_source(name, names), mos=mos, facts=facts)


def _opinion(labels: Sequence[Label]) -> tuple[float, list[float | None]]:
    """MOS and votes of one image, from one table or from several: of each rater, or of MOS beside votes."""
    votes = [vote for label in labels for vote in label.votes]
    means = [(label.mos, label) for label in labels if label.mos is not None]
    seen: dict[tuple[Path, str], Label] = {}
    for label in labels:
        key = (label.row.file, label.part)
        if key in seen:
            raise label.row.error(f"{label.image!r} is in {seen[key].row.where} already")
        seen[key] = label
    for mos, label in means[1:]:
        if abs(mos - means[0][0]) > _SAME:
            other = means[0][1].row
            hint = (
                "Name the table that counts in a mapping, or rename one file a rater annotator1.csv, annotator2.csv..."
            )
            what = f"{label.image!r} has MOS {mos}, but {means[0][0]} in {other.file.name}, {other.where}"
            raise label.row.error(what, hint=hint)
    if means:
        return means[0][0], votes
    given = [vote for vote in votes if vote is not None]
    if not given:
        raise labels[0].row.error(f"{labels[0].image!r} has no MOS and no votes")
    return statistics.fmean(given), votes


def _source(name: str, names: Names) -> str:
    """The KonIQ-10k number in the file's name, or else what is left of it without the enhancer and the task."""
    stem = name.rpartition("/")[2].rpartition(".")[0]
    found = _KONIQ_ID.search(stem)
    return found[0] if found else printable(names.plain(stem))
