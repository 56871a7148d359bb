"""From what a user types to what it names.

``'sr.*,nr.niqe,noise.gaussian[sigma=25|50],!sr.bicubic'`` to models with parameters, ``koniq10k:PATH`` to a dataset.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from iqabench.errors import SelectionError, UsageError
from iqabench.specs import ModelSpec
from iqabench.types import ParamValue

Named = TypeVar("Named")

_TERM = re.compile(r"(?P<drop>!?)(?P<pattern>[^\[\]]+)(\[(?P<params>[^\[\]]*)\])?")


@dataclass(frozen=True, slots=True)
class Selection:
    """A model and every one of its parameters, defaults filled in."""

    spec: ModelSpec
    params: Mapping[str, ParamValue]

    @property
    def label(self) -> str:
        """The id, with the parameters that differ from their defaults: ``noise.gaussian[sigma=50]``."""
        defaults = {param.name: param.default for param in self.spec.params}
        given = [f"{name}={value}" for name, value in self.params.items() if value != defaults[name]]
        return f"{self.spec.id}[{','.join(given)}]" if given else self.spec.id


def split(text: str) -> list[str]:
    """The terms of a list; commas inside brackets do not separate."""
    terms, depth, start = [], 0, 0
    for position, char in enumerate(f"{text},"):
        depth += (char == "[") - (char == "]")
        if char == "," and depth <= 0:
            terms.append(text[start:position].strip())
            start = position + 1
    if depth:
        raise SelectionError(f"{text!r} has an unclosed bracket.", hint="Write it as 'noise.gaussian[sigma=50]'.")
    return [term for term in terms if term]


def match(pattern: str, specs: Iterable[ModelSpec]) -> list[ModelSpec]:
    """Specs whose id fits the shell pattern; a bare name fits the one id that ends in it."""
    specs = list(specs)
    if "." in pattern or any(char in pattern for char in "*?"):
        return [spec for spec in specs if fnmatchcase(spec.id, pattern)]
    return [spec for spec in specs if spec.id.partition(".")[2] == pattern]


def select(
    texts: Iterable[str], specs: Iterable[ModelSpec], *, elsewhere: Mapping[str, str] | None = None
) -> list[Selection]:
    """The models that the texts name, in the order named, each selection once.

    ``elsewhere`` maps ids that cannot be used here to the reason and remedy. Raises SelectionError for a term
    that fits nothing, for a bare name that fits several, and for a bad parameter.
    """
    specs = list(specs)
    chosen: dict[str, Selection] = {}
    for term in itertools.chain.from_iterable(map(split, texts)):
        parsed = _TERM.fullmatch(term)
        if parsed is None:
            raise SelectionError(f"{term!r} cannot be read.", hint="Write it as 'noise.gaussian[sigma=25|50]'.")
        pattern = parsed["pattern"].strip()
        found = match(pattern, specs)
        if not found:
            raise _nothing(pattern, specs, elsewhere or {})
        if len(found) > 1 and "." not in pattern and not any(char in pattern for char in "*?"):
            ids = ", ".join(spec.id for spec in found)
            raise SelectionError(f"{pattern!r} is the name of several models.", hint=f"Say which of {ids}.")
        for spec in found:
            for params in _sweep(parsed["params"] or "", term):
                selection = Selection(spec, spec.resolve(params))
                if parsed["drop"]:
                    for label in [x for x, other in chosen.items() if other.spec.id == spec.id]:
                        if not params or label == selection.label:
                            del chosen[label]
                else:
                    chosen.setdefault(selection.label, selection)
    return list(chosen.values())


def at_path(text: str, datasets: Mapping[str, Named]) -> tuple[Named, Path]:
    """The one of ``datasets``, and the path, that ``NAME:PATH`` names. Raises UsageError."""
    name, colon, path = text.partition(":")
    if name not in datasets:
        hint = nearest(name, list(datasets)) or "See them with: iqabench datasets"
        raise UsageError(f"There is no dataset {name!r}.", hint=hint)
    if not colon or not path:
        raise UsageError(f"{text!r} does not say where the dataset is.", hint=f"Write it as {name}:PATH.")
    return datasets[name], Path(path).expanduser()


def nearest(word: str, known: Sequence[str]) -> str:
    """A hint that names up to three of ``known`` like ``word``, or the empty string."""
    by_name = {name.partition(".")[2]: name for name in known if "." in name}
    close = difflib.get_close_matches(word, known, 3, 0.6)
    close += [by_name[name] for name in difflib.get_close_matches(word, list(by_name), 3, 0.7)]
    unique = list(dict.fromkeys(close))[:3]
    return f"Did you mean {' or '.join(unique)}?" if unique else ""


def _sweep(text: str, term: str) -> list[dict[str, str]]:
    """``"sigma=25|50,clip=true"`` as every combination of values."""
    axes = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, values = part.partition("=")
        if not equals or not name.strip() or not values.strip():
            raise SelectionError(f"{part!r} in {term!r} is not name=value.", hint="Write it as 'sigma=25|50'.")
        axes.append([(name.strip(), value.strip()) for value in values.split("|")])
    return [dict(point) for point in itertools.product(*axes)]


def _nothing(pattern: str, specs: Sequence[ModelSpec], elsewhere: Mapping[str, str]) -> SelectionError:
    for model_id, reason in elsewhere.items():
        if fnmatchcase(model_id, pattern) or model_id.partition(".")[2] == pattern:
            return SelectionError(f"{model_id} cannot be used here: {reason}")
    ids = [spec.id for spec in specs]
    hint = nearest(pattern, ids) or "See what there is with: iqabench list"
    return SelectionError(f"No model here fits {pattern!r}.", hint=hint)
