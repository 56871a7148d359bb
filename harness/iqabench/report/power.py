"""What studies of some sizes can show, as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from iqabench.errors import UsageError
from iqabench.report.sheet import Sheet, plain
from iqabench.stats.power import effective_n, images_needed, smallest_difference
from iqabench.text import amount


def power_table(
    sizes: Sequence[int],
    *,
    r: float,
    between: float,
    alpha: float = 0.05,
    power: float = 0.8,
    comparisons: int = 1,
    images_per_content: float = 1.0,
    content_icc: float = 0.0,
) -> pd.DataFrame:
    """For each number of images: ``n``, ``effective_n``, the smallest ``difference`` in correlation that is found
    with ``power``, and the smallest that is ``significant`` when it is seen. nan where nothing would show.

    The better of two scorers is compared with one of correlation ``r``; ``between`` is how they correlate with each
    other. Images of one photo count for less, by ``content_icc``. Raises UsageError.
    """
    if images_per_content < 1 or not 0 <= content_icc <= 1:
        raise UsageError("A photo has one image or more, and the ICC of contents lies in 0..1.")
    rows = []
    for n in sizes:
        effective = effective_n(n, images_per_content, content_icc)
        if effective <= 3:
            raise UsageError(
                f"{amount(n, 'image is', 'images are')} worth {effective:.1f} independent ones: too few for a test."
            )
        found, seen = (
            smallest_difference(r, between, effective, alpha=alpha, power=wanted, comparisons=comparisons)
            for wanted in (power, 0.5)
        )
        rows.append({"n": n, "effective_n": effective, "difference": found, "significant": seen})
    return pd.DataFrame(rows)


def needed(
    gain: float,
    *,
    r: float,
    between: float,
    alpha: float = 0.05,
    power: float = 0.8,
    comparisons: int = 1,
    images_per_content: float = 1.0,
    content_icc: float = 0.0,
) -> int:
    """How many images show that a scorer of ``r + gain`` beats one of ``r``."""
    independent = images_needed(r, gain, between, alpha=alpha, power=power, comparisons=comparisons)
    return math.ceil(independent * (1 + (images_per_content - 1) * content_icc))


def power_sheet(table: pd.DataFrame, *, r: float, between: float, alpha: float, power: float) -> Sheet:
    rows: list[tuple[object, ...]] = [
        (
            f"{int(row['n'])}",
            f"{row['effective_n']:.0f}",
            *("-" if math.isnan(row[name]) else f"{row[name]:.4f}" for name in ("difference", "significant")),
        )
        for row in table.to_dict("records")
    ]
    return plain(
        f"Smallest difference from a scorer of correlation {r:g} (the two correlate {between:g}), alpha {alpha:g}",
        ("images", "worth independent", f"found with power {power:g}", "significant when seen"),
        rows,
    )
