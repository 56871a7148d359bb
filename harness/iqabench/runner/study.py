"""A study: everything that a run is asked for, as one value that can be written to a file and read back."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import tomli_w

from iqabench.errors import UsageError
from iqabench.patterns import nearest

DEFAULT_OUT = "iqabench-run"
DTYPES = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """What to run. Paths are as text; ``degraders``, ``enhancers`` and ``iqa`` are lists of patterns.

    ``enhanced`` maps a name to a folder of images that another tool made of the same photos. ``weights`` maps
    a model id (or ``id:file``) to a path of the user's own. ``timeout`` and ``load_timeout`` are in seconds,
    ``batch_size`` 0 is automatic, ``limit`` 0 takes every photo, ``workers`` are processes, ``pull`` fetches
    missing weights first.
    """

    images: str = ""
    references: str = ""
    dataset: Sequence[str] = ()
    enhanced: Mapping[str, str] = field(default_factory=dict)
    suite: str = ""
    degraders: Sequence[str] = ()
    enhancers: Sequence[str] = ()
    iqa: Sequence[str] = ()
    all_pairs: bool = False
    baselines: bool = True
    limit: int = 0
    seed: int = 0
    out: str = DEFAULT_OUT
    device: str = "auto"
    dtype: str = "auto"
    batch_size: int = 0
    workers: int = 1
    strict: bool = False
    timeout: float = 600.0
    load_timeout: float = 600.0
    fail_fast: bool = False
    offline: bool = False
    pull: bool = False
    weights: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError(f"workers={self.workers} is too few.", hint="Give 1 or more.")
        if self.batch_size < 0 or self.limit < 0:
            raise UsageError("batch_size and limit cannot be negative.")
        if self.timeout <= 0 or self.load_timeout <= 0:
            raise UsageError("timeout and load_timeout must be more than 0 seconds.")
        if self.dtype not in DTYPES:
            raise UsageError(f"dtype={self.dtype!r} is not known.", hint=f"Say {', '.join(DTYPES)}.")

    def to_toml(self) -> str:
        """The study as a file that ``read_study`` reads back."""
        return tomli_w.dumps({key: value for key, value in asdict(self).items() if value != ""})


def read_study(path: Path) -> Study:
    """A study file. Its relative paths are relative to the file. Raises UsageError naming what is wrong."""
    try:
        with path.open("rb") as file:
            plain = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML ({error}).") from error
    study = study_from(plain, where=str(path))
    return relative_to(study, path.parent)


def study_from(plain: Mapping[str, Any], *, where: str) -> Study:
    """A study from plain values, each checked for its type. Text is taken where a list of text belongs."""
    hints = get_type_hints(Study)
    known = {item.name: hints[item.name] for item in fields(Study)}
    values = {}
    for name, value in plain.items():
        if name not in known:
            raise UsageError(f"{where}: {name!r} is not an option.", hint=nearest(name, list(known)))
        values[name] = _typed(value, known[name], f"{where}: {name}")
    return Study(**values)


def relative_to(study: Study, base: Path) -> Study:
    """The study with its relative paths taken from ``base``, and ``~`` as the user's home."""

    def path(text: str) -> str:
        return str(base / Path(text).expanduser()) if text else text

    def dataset(text: str) -> str:
        name, colon, where = text.partition(":")
        return f"{name}:{path(where)}" if colon else text

    return replace(
        study,
        images=path(study.images),
        references=path(study.references),
        out=path(study.out),
        dataset=[dataset(text) for text in study.dataset],
        enhanced={name: path(folder) for name, folder in study.enhanced.items()},
        weights={model: path(file) for model, file in study.weights.items()},
    )


def _typed(value: Any, wanted: Any, where: str) -> Any:
    if wanted == Sequence[str]:
        value = [value] if isinstance(value, str) else value
        fits = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
        what = "a list of text"
    elif wanted == Mapping[str, str]:
        fits = isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values())
        what = "a table of text"
    elif wanted is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        value, what = (float(value) if fits else value), "a number"
    else:
        fits = type(value) is wanted
        what = {str: "text", int: "a whole number", bool: "true or false"}[wanted]
    if not fits:
        raise UsageError(f"{where} must be {what}, not {value!r}.")
    return value
