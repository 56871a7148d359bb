"""What a dataset says of its opinions: which way they run, and which of them can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iqabench.errors import IqabenchError, UsageError
from iqabench.report.contamination import photos_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the opinions of one dataset mean.

    ``within`` names the column inside whose values alone they can be compared; empty where they all can. ``subsets``
    maps a published subset to its condition, ``"distortion=awgn|blur"``. ``photos`` are the names of the datasets that
    its photos belong to, ``splits`` the columns that hold an official split. ``mos_range`` is (lowest, highest), where
    known.
    """

    higher_is_better: bool = True
    measure: str = "MOS"
    within: str = ""
    subsets: Mapping[str, str] = field(default_factory=dict)
    photos: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    mos_range: tuple[float, float] | None = None


def judged_datasets(manifest: Mapping[str, Any], folder: Path) -> dict[str, Judged]:
    """What the datasets of a run declare of their opinions: as the manifest has it, else as their plugins say now."""
    if "datasets" in manifest:
        return {
            name: Judged(
                higher_is_better=bool(facts.get("higher_is_better", True)),
                measure=str(facts.get("measure", "MOS")),
                within=str(facts.get("within", "")),
                subsets=dict(facts.get("subsets", {})),
                photos=photos_of(name, facts.get("photos", ())),
                splits=tuple(facts.get("splits", ())),
                mos_range=_range(facts.get("mos_range")),
            )
            for name, facts in manifest["datasets"].items()
        }
    from iqabench.plugins import discover
    from iqabench.runner.manifest import STUDY
    from iqabench.runner.study import read_study

    named = [text.partition(":") for text in read_study(folder / STUDY).dataset]
    declared = discover().datasets if named else {}
    found = {}
    for name, _, path in named:
        if name not in declared:
            raise UsageError(
                f"The dataset {name} of this run is not known here, so neither is the direction of its opinions.",
                hint="Install the package that declares it.",
            )
        try:
            spec = declared[name].as_read(Path(path))
        except IqabenchError as error:
            raise UsageError(f"What {name}:{path} says of its opinions cannot be read: {error.message}") from error
        found[name] = Judged(
            higher_is_better=spec.higher_is_better,
            measure=spec.measure,
            within=spec.within,
            subsets=spec.subsets,
            photos=photos_of(name),
            splits=spec.splits,
            mos_range=spec.mos_range,
        )
    return found


def _range(bounds: Any) -> tuple[float, float] | None:
    return (float(bounds[0]), float(bounds[1])) if bounds else None
