"""registry.toml: every model known, whether or not it is installed here, and the named suites.

The models' rows are written from what the plugins declare (``python -m iqabench.catalogue``), and a test keeps
them equal; the suites are written by hand.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iqabench.errors import UsageError
from iqabench.patterns import nearest
from iqabench.plugins import Declared
from iqabench.specs import DegraderSpec, ModelSpec

_HEADING = """\
# Every model that iqabench knows, and the suites. The models' rows are written by `make registry` from what the
# plugins declare; change a declaration, not a row. The suites are written by hand.
"""
_MODELS_HEADING = """\
# Models
Written by `make registry` from what the plugins declare. `iqabench list` says which of them are ready here.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A model's row. ``weights_bytes`` counts what has to be fetched for the default parameters;
    ``weights_unsized`` is how many of those files are of a size that nobody has published, ``weights_given`` how
    many files only the user has."""

    id: str
    kind: str
    distribution: str
    summary: str
    licence: str
    weights_licence: str = ""
    paper: str = ""
    weights_bytes: int = 0
    weights_unsized: int = 0
    weights_given: int = 0
    training_data: tuple[str, ...] = ()

    @property
    def weights_size(self) -> str:
        """What has to be fetched, in words."""
        known = f"{self.weights_bytes / 1e6:.0f} MB" if self.weights_bytes else ""
        unknown = f"{self.weights_unsized} of unpublished size" if self.weights_unsized else ""
        given = "a file of yours" if self.weights_given else ""
        return " and ".join(filter(None, (known, unknown, given))) or "with the package"


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """A named selection of models."""

    name: str
    summary: str
    degraders: tuple[str, ...] = ()
    enhancers: tuple[str, ...] = ()
    iqa: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    models: Mapping[str, Known]
    suites: Mapping[str, Suite]

    def suite(self, name: str) -> Suite:
        """Raises UsageError, with the nearest names, where there is none such."""
        if name not in self.suites:
            hint = nearest(name, list(self.suites)) or f"There are: {', '.join(self.suites)}."
            raise UsageError(f"There is no suite {name!r}.", hint=hint)
        return self.suites[name]


def read_catalogue(path: Path | None = None) -> Catalogue:
    """The catalogue that belongs to this installation, or the one in ``path``."""
    plain = tomllib.loads((path or catalogue_path()).read_text(encoding="utf-8"))
    models = {model_id: _known(model_id, row) for model_id, row in plain.get("models", {}).items()}
    suites = {
        name: Suite(
            name=name,
            summary=row["summary"],
            degraders=tuple(row.get("degraders", ())),
            enhancers=tuple(row.get("enhancers", ())),
            iqa=tuple(row.get("iqa", ())),
        )
        for name, row in plain.get("suites", {}).items()
    }
    return Catalogue(models, suites)


def catalogue_path() -> Path:
    """The file itself: in a checkout it lies at the top, and the package links to it."""
    return Path(__file__).with_name("registry.toml").resolve()


def row_of(declared: Declared) -> Known:
    """The row that a declaration makes."""
    spec = declared.spec
    defaults = {param.name: param.default for param in spec.params}
    needed = spec.needed_weights(defaults)
    fetched = [file for file in needed if file.sources and is_fetched(file.sources[0])]
    return Known(
        id=spec.id,
        kind=spec.kind,
        distribution=declared.distribution,
        summary=spec.summary,
        licence=spec.licence,
        weights_licence=" / ".join(dict.fromkeys(file.licence for file in spec.weights)),
        paper=spec.paper,
        weights_bytes=sum(file.size or 0 for file in fetched),
        weights_unsized=sum(file.size is None for file in fetched),
        weights_given=sum(not file.sources for file in needed),
        training_data=spec.training_data,
    )


def is_fetched(source: str) -> bool:
    """Whether a weights source lies on another machine."""
    return not source.startswith(("package://", "file://"))


def render(models: Iterable[Declared], suites: Mapping[str, Suite]) -> str:
    """The text of registry.toml."""
    import tomli_w

    plain: dict[str, Any] = {"models": {}, "suites": {}}
    for declared in sorted(models, key=lambda declared: _order(declared.spec)):
        row = row_of(declared)
        plain["models"][row.id] = {
            name: getattr(row, name) for name in Known.__slots__ if name != "id" and getattr(row, name)
        }
    for name, suite in suites.items():
        plain["suites"][name] = {
            key: list(value) if isinstance(value, tuple) else value
            for key in Suite.__slots__
            if key != "name" and (value := getattr(suite, key))
        }
    return _HEADING + "\n" + tomli_w.dumps(plain)


def render_models(catalogue: Catalogue) -> str:
    """The text of docs/models.md: a line a model."""
    lines = [_MODELS_HEADING, "| id | what | licence | weights | paper |", "|---|---|---|---|---|"]
    for known in catalogue.models.values():
        weights = f"{known.weights_size}, {known.weights_licence}" if known.weights_licence else "none"
        cells = (f"`{known.id}`", known.summary, known.licence, weights, known.paper)
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _order(spec: ModelSpec) -> tuple[int, str]:
    rank = 0 if isinstance(spec, DegraderSpec) else 1 if spec.kind == "enhancer" else 2
    return rank, spec.id


def _known(model_id: str, row: Mapping[str, Any]) -> Known:
    return Known(id=model_id, **{**row, "training_data": tuple(row.get("training_data", ()))})


if __name__ == "__main__":
    from iqabench.plugins import discover

    path = catalogue_path()
    path.write_text(render(discover().models.values(), read_catalogue().suites), encoding="utf-8")
    (path.parent / "docs" / "models.md").write_text(render_models(read_catalogue()), encoding="utf-8")
