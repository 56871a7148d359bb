"""How a dataset is rated: the method, the parts of a session, and their sizes; a TOML file beside the votes."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

import tomli_w

from iqabench.datasets.built import VOTES
from iqabench.errors import DatasetError, UsageError
from iqabench.runner.manifest import write_text

FILE = "annotation.toml"
Method = Literal["acr", "acr-hr", "dcr", "pc"]
METHODS: tuple[Method, ...] = get_args(Method)
SCALE = (1, 5)
"""Lowest and highest vote of the category ratings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """``method``: absolute category rating (ACR, ITU-T P.910 7.1), with the hidden reference among the images (ACR-HR,
    7.2), degradation category rating beside the reference (DCR, 7.3), or pair comparison (PC, 7.4).

    A session is ``training`` images over the whole range, ``dummies`` whose votes are not counted (BT.500: about
    five), then the test, into which ``gold`` pristine photos and ``repeats`` of images seen before are mixed.
    ``break_minutes`` is how long a rater works before a rest is offered.
    """

    method: Method = "acr"
    seed: int = 0
    training: int = 8
    dummies: int = 5
    gold: int = 0
    repeats: int = 0
    break_minutes: int = 30

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UsageError(f"method={self.method!r} is not known.", hint=f"Say {', '.join(METHODS)}.")
        for name in ("training", "dummies", "gold", "repeats"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} cannot be negative.")
        if self.break_minutes < 1:
            raise UsageError("break_minutes must be 1 or more.")
        if self.gold and self.method != "acr":
            raise UsageError("gold images are for the method acr.", hint="In the others the source is shown anyway.")


def read_settings(folder: Path) -> Settings | None:
    """The settings of the dataset in ``folder``, None where it has none yet. Raises DatasetError."""
    path = folder / VOTES / FILE
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read as TOML ({error}).") from error
    known = {field.name: type(getattr(Settings(), field.name)) for field in fields(Settings)}
    for name, value in plain.items():
        if name not in known or type(value) is not known[name]:
            raise DatasetError(f"{path}: {name} = {value!r} is no setting.", hint=f"There are: {', '.join(known)}.")
    return Settings(**plain)


def write_settings(folder: Path, settings: Settings) -> None:
    """Raises StoreError where the folder cannot be written."""
    (folder / VOTES).mkdir(exist_ok=True)
    write_text(folder / VOTES / FILE, tomli_w.dumps(asdict(settings)))
