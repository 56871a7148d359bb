"""Which licences let anyone use a thing for any purpose."""

from __future__ import annotations

import re

PERMISSIVE = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC-BY-4.0",
        "CC0-1.0",
        "ISC",
        "LicenseRef-LIVE",  # any use without fee, with the notice and a citation
        "MIT",
        "Unlicense",
        "Zlib",
    }
)


def is_permissive(licence: str) -> bool:
    """Whether every part of an SPDX expression joined by AND is permissive; words in brackets are remarks."""
    expression = re.sub(r"\(.*?\)", "", licence)
    return all(part.strip() in PERMISSIVE for part in expression.split(" AND "))
