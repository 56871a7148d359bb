"""Raw votes as people bring them: a row a vote, a column a rater, or SUREAL's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iqabench.errors import UsageError
from iqabench.patterns import nearest
from iqabench.report.reading import read_csv

_SYNONYMS = {
    "rater": ("rater", "annotator", "subject", "observer", "worker", "participant", "user", "voter"),
    "image": ("image", "img", "stimulus", "pvs", "item", "path", "filename", "file", "name", "dis_img_path"),
    "vote": ("vote", "score", "rating", "opinion", "os", "grade"),
}
_NO_RATERS = ("content_id", "asset_id", "content", "source", "mos", "std", "sd")
_NOT_COUNTED = ("train", "training", "dummy", "gold")
_REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """``table`` (stimuli, raters), nan where there is no vote. ``repeats`` counts votes that a rater cast on an image
    seen before: they were averaged with the first."""

    table: NDArray[np.float64]
    stimuli: tuple[str, ...]
    raters: tuple[str, ...]
    repeats: int = 0


def read_votes(path: Path, *, image: str = "", rater: str = "", vote: str = "", skip: Sequence[str] = ()) -> Votes:
    """The votes in a file.

    A CSV with columns for rater, image and vote (named, or found by their usual names) is long; any other is wide, a
    column a rater, those in ``skip`` left out. A file of numbers alone is a matrix, stimuli down; lines of commas
    divide its repetitions. In a cell ``|`` joins repetitions. Raises UsageError.
    """
    if path.suffix == ".json":
        return _sureal(path)
    if _is_bare(path):
        return _matrix(path)
    frame = read_csv(path, text=True)
    columns = {
        what: _column(frame, what, given) for what, given in (("rater", rater), ("image", image), ("vote", vote))
    }
    if columns["rater"] and columns["vote"]:
        if not columns["image"]:
            raise UsageError(f"{path}: no column says which image a vote is of.", hint="Name it with --image.")
        return _long(frame, columns)
    return _wide(path, frame, columns["image"], skip)


def _column(frame: pd.DataFrame, what: str, given: str) -> str:
    if given:
        if given not in frame.columns:
            hint = nearest(given, list(frame.columns)) or f"There are: {', '.join(frame.columns[:12])}."
            raise UsageError(f"There is no column {given!r}.", hint=hint)
        return given
    by_name = {name.casefold(): name for name in reversed(frame.columns)}
    return next((by_name[name] for name in _SYNONYMS[what] if name in by_name), "")


def counted(frame: pd.DataFrame, *, image: str = "image", rater: str = "rater") -> pd.DataFrame:
    """The votes of a session's log (a row a vote, ``kind``) that opinion scores rest on.

    Practice and gold are left out; where a rater was asked to look again, the later vote counts.
    """
    if "kind" not in frame:
        return frame
    rows = frame[~frame["kind"].isin(_NOT_COUNTED)]
    again = rows["kind"].eq(_REVIEW).to_numpy()
    pairs = pd.MultiIndex.from_frame(rows[[rater, image]])
    return rows[again | ~pairs.isin(pairs[again])]


def long_votes(frame: pd.DataFrame) -> Votes:
    """The counted votes of a table with columns rater, image and vote, repeats averaged. Raises UsageError."""
    return _long(frame, {"image": "image", "rater": "rater", "vote": "vote"})


def _long(frame: pd.DataFrame, columns: dict[str, str]) -> Votes:
    frame = counted(frame, image=columns["image"], rater=columns["rater"])
    rows = pd.DataFrame(
        {
            "image": frame[columns["image"]],
            "rater": frame[columns["rater"]],
            "vote": _numbers(frame[columns["vote"]]),
        }
    )
    for what in ("image", "rater"):
        unnamed = np.flatnonzero(rows[what].isna().to_numpy())
        if unnamed.size:
            raise UsageError(f"Line {int(unnamed[0]) + 2}: the vote has no {what}.")
    rows = rows[rows["vote"].notna()]
    if rows.empty:
        raise UsageError("There are no votes.")
    wide = rows.pivot_table(index="image", columns="rater", values="vote", aggfunc="mean", sort=False)
    return Votes(
        table=wide.to_numpy(dtype=float),
        stimuli=tuple(map(str, wide.index)),
        raters=tuple(map(str, wide.columns)),
        repeats=len(rows) - int(wide.notna().to_numpy().sum()),
    )


def _wide(path: Path, frame: pd.DataFrame, image: str, skip: Sequence[str]) -> Votes:
    for name in skip:
        if name not in frame.columns:
            raise UsageError(f"There is no column {name!r} to skip.", hint=nearest(name, list(frame.columns)))
    left_out = {*skip, image, *(name for name in frame.columns if name.casefold() in _NO_RATERS)}
    raters = [name for name in frame.columns if name not in left_out]
    if len(raters) < 2:
        raise UsageError(
            f"{path}: neither has columns for rater, image and vote, nor a column a rater.",
            hint="Name them with --rater, --image and --vote.",
        )
    stimuli = frame[image].astype(str) if image else pd.Series([str(row + 1) for row in range(len(frame))])
    cells = pd.DataFrame({name: _numbers(frame[name]) for name in raters})
    joined = int(sum(frame[name].str.count(r"\|").sum() for name in raters))
    means = cells.groupby(stimuli.to_numpy(), sort=False).mean()
    return Votes(
        table=means.to_numpy(dtype=float),
        stimuli=tuple(map(str, means.index)),
        raters=tuple(raters),
        repeats=joined + int(cells.notna().to_numpy().sum() - means.notna().to_numpy().sum()),
    )


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    """Cells of text as votes; where ``|`` joins several, their mean."""
    out = np.full(len(column), np.nan)
    for at, cell in enumerate(column):
        if pd.isna(cell) or not str(cell).strip() or str(cell).strip().casefold() in ("nan", "na"):
            continue
        try:
            out[at] = np.mean([float(part) for part in str(cell).split("|")])
        except ValueError:
            hint = "A column that holds no votes is left out with --skip."
            raise UsageError(f"Line {at + 2}: {cell!r} in column {column.name!r} is no vote.", hint=hint) from None
    return out


def _is_bare(path: Path) -> bool:
    """Whether the first line is numbers already."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            cells = file.readline().strip().split(",")
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as text ({error}).") from error
    return len(cells) > 1 and all(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True


def _matrix(path: Path) -> Votes:
    blocks: list[list[list[float]]] = [[]]
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip(" ,"):
            blocks.append([])
            continue
        cells = line.split(",")
        if not all(map(_is_number, cells)):
            raise UsageError(f"{path}: line {number} holds what is no vote.")
        blocks[-1].append([float(cell or "nan") for cell in cells])
    shapes = {(len(block), len(row)) for block in blocks if block for row in block}
    if len(shapes) != 1:
        raise UsageError(f"{path}: its lines and blocks are not of one size.")
    stack = np.array([block for block in blocks if block])
    present = np.isfinite(stack)
    with np.errstate(invalid="ignore"):
        table = np.where(present, stack, 0.0).sum(axis=0) / present.sum(axis=0)
    return Votes(
        table=table,
        stimuli=_numbered(table.shape[0]),
        raters=_numbered(table.shape[1]),
        repeats=int(present.sum() - np.isfinite(table).sum()),
    )


def _sureal(path: Path) -> Votes:
    """SUREAL's dataset: ``dis_videos``, each with a path and its opinion scores ``os``, a list or by rater."""
    try:
        videos = json.loads(path.read_text(encoding="utf-8"))["dis_videos"]
        rows = [(str(video.get("path", at + 1)), _cast(video["os"])) for at, video in enumerate(videos)]
        pairs = [(name, rater, float(str(value))) for name, row in rows for rater, value in row if value is not None]
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(
            f"{path}: is not a SUREAL dataset ({reason}).", hint='It has "dis_videos", each with "os".'
        ) from error
    return long_votes(pd.DataFrame(pairs, columns=["image", "rater", "vote"]))


def _cast(scores: object) -> Iterable[tuple[str, object]]:
    named = scores.items() if isinstance(scores, dict) else enumerate(_list(scores), 1)
    for rater, given in named:
        for value in given if isinstance(given, list) else [given]:
            yield str(rater), value


def _list(scores: object) -> list[object]:
    if not isinstance(scores, list):
        raise TypeError("os is neither a list nor a mapping")
    return scores


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(1, count + 1))
