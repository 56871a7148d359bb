"""Configurations beside weights: read strictly, as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from iqabench.errors import WeightsError
from iqabench.weights.config import read_config, read_json


@dataclass(frozen=True)
class Sizes:
    channels: int
    depths: tuple[int, ...] = (2, 2)


def written(folder: Path, text: str) -> Path:
    path = folder / "config.json"
    path.write_text(text)
    return path


def test_fields_are_taken_and_lists_become_tuples(tmp_path: Path) -> None:
    path = written(tmp_path, '{"channels": 8, "depths": [1, 2, 3]}')
    assert read_config(path, Sizes) == Sizes(8, (1, 2, 3))
    assert read_config(written(tmp_path, '{"channels": 8}'), Sizes).depths == (2, 2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"channels": 8, "width": 3}', "no use for width"),
        ('{"depths": [1]}', "lacks channels"),
        ('{"channels": 8', "no JSON file"),
        ("[" * 100_000, "no JSON file"),
        ("[8]", "not an object"),
        ("", "no JSON file"),
    ],
    ids=["unknown", "absent", "half", "deep", "list", "empty"],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(WeightsError, match=reason):
        read_config(written(tmp_path, text), Sizes)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.json"):
        read_json(tmp_path / "nowhere.json")
