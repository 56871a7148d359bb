"""What could not be made or scored, and why."""

from __future__ import annotations

import pandas as pd

from iqabench.report.sheet import Sheet, plain

MOST = 200


def reasons(scores: pd.DataFrame, images: pd.DataFrame) -> Sheet | None:
    """Every reason with the scores and images it cost, the costliest first; None where nothing failed."""
    lost = scores[scores["status"] != "done"].assign(what="scores")
    unmade = images[images["status"] != "done"].assign(what="images")
    every = pd.concat([frame[["reason", "what"]] for frame in (lost, unmade)])
    if every.empty:
        return None
    every["reason"] = every["reason"].where(every["reason"] != "", "not tried yet")
    counted = every.groupby(["reason", "what"]).size().unstack("what", fill_value=0)
    counted = counted.reindex(columns=["scores", "images"], fill_value=0)
    counted = counted.sort_values(["scores", "images"], ascending=False, kind="stable")
    rows = [(str(reason), int(row["scores"]), int(row["images"])) for reason, row in counted.iterrows()]
    return plain("Reasons", ("reason", "scores lost", "images not made"), [tuple(row) for row in rows])


def rows(scores: pd.DataFrame, images: pd.DataFrame) -> Sheet | None:
    """The first of them one by one."""
    columns = ["item", "degrader", "enhancer", "scorer", "reason"]
    unmade = images[images["status"] != "done"].assign(scorer="(the image itself)")
    lost = scores[scores["status"] != "done"]
    every = pd.concat([unmade[columns], lost[columns]])
    if every.empty:
        return None
    shown = every.head(MOST).fillna("").astype(str)
    found = plain("One by one", tuple(columns), list(shown.itertuples(index=False, name=None)), labels=5)
    more = len(every) - len(shown)
    notes = (f"And {more:,} more: scores.csv and images.csv of the run have all of them.",) if more else ()
    return Sheet(title=found.title, headings=found.headings, rows=found.rows, notes=notes)
