"""From pytest-benchmark's JSON: each contender's images a second, and ours over the fastest peer's.

python tests/benchmarks/ratios.py scorers.json
python tests/benchmarks/ratios.py learned.json
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path


def rates(path: Path) -> dict[tuple[str, str], dict[str, float]]:
    """(metric, size) -> contender -> images a second, by the fastest round: the least disturbed one."""
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for benchmark in json.loads(path.read_text())["benchmarks"]:
        info = benchmark["extra_info"]
        if "images_a_second" in info:  # contenders that were timed by turns
            found[info["metric"], info["size"]].update(info["images_a_second"])
        else:
            found[info["metric"], info["size"]][info["contender"]] = 1 / benchmark["stats"]["min"]
    return found


def table(found: dict[tuple[str, str], dict[str, float]]) -> str:
    """Markdown: a row a metric and size, then every contender's rate."""
    rows = ["| metric | size | iqabench, images/s | fastest peer, images/s | ratio |", "|---|---|---:|---:|---:|"]
    rest = []
    for (metric, size), by_contender in found.items():
        peers = {name: rate for name, rate in by_contender.items() if not name.startswith("iqabench")}
        own = by_contender.get("iqabench")
        rest.append(f"{metric} {size}: " + ", ".join(f"{name} {rate:.3g}" for name, rate in by_contender.items()))
        if own is None or not peers:
            continue
        fastest = max(peers, key=lambda name: peers[name])
        rows.append(
            f"| {metric} | {size} | {own:.3g} | {peers[fastest]:.3g} ({fastest}) | {own / peers[fastest]:.2f} |"
        )
    return "\n".join([*rows, "", "All, images/s:", *rest])


if __name__ == "__main__":
    print(table(rates(Path(sys.argv[1]))))
