"""From a kind and a name to a plugin package on disk."""

from __future__ import annotations

import re
import secrets
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from iqabench.errors import PluginError, StoreError, UsageError
from iqabench.specs import DEGRADER_GROUPS, TASKS, ModelSpec

KINDS = ("scorer", "enhancer", "degrader")
_PACKAGE_KINDS = {"scorer": "iqa", "enhancer": "enhancer", "degrader": "degrader"}
_FOLDERS = {"scorer": "iqa", "enhancer": "enhancers", "degrader": "degraders"}
_DEFAULT_GROUPS = {"scorer": "nr", "enhancer": "dn", "degrader": "noise"}
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A plugin package to be: its names, and where it goes."""

    kind: str
    name: str
    id: str
    folder: Path

    @property
    def key(self) -> str:
        return f"{_PACKAGE_KINDS[self.kind]}-{self.name}"

    @property
    def distribution(self) -> str:
        return f"iqabench-{self.key}"

    @property
    def module(self) -> str:
        return self.distribution.replace("-", "_")

    @property
    def template(self) -> str:
        """The templates' folder: groups differ in what a working model does."""
        group = self.id.partition(".")[0]
        return group if self.kind != "scorer" or group == "fr" else "nr"

    def texts(self) -> dict[str, str]:
        """Every file of the package, by its path within."""
        words = {
            "id": self.id,
            "kind": self.kind,
            "key": self.key,
            "distribution": self.distribution,
            "module": self.module,
            "title": self.name.replace("-", " ").capitalize(),
            "class_name": "".join(part.capitalize() for part in self.name.split("-")),
            "arguments": "images, images / 2" if self.template == "fr" else "images",
        }
        places = {
            "package/pyproject.toml": "pyproject.toml",
            "package/README.md": "README.md",
            f"{self.template}/declaration.py": f"src/{self.module}/__init__.py",
            f"{self.template}/model.py": f"src/{self.module}/model.py",
            f"{self.template}/test_conformance.py": "tests/test_conformance.py",
            f"{self.template}/test_model.py": "tests/test_model.py",
        }
        templates = resources.files("iqabench.scaffold") / "templates"
        return {
            place: Template((templates / f"{source}.tmpl").read_text(encoding="utf-8")).substitute(words)
            for source, place in places.items()
        }


def plan_package(kind: str, name: str, *, model_id: str | None = None, parent: Path = Path()) -> Package:
    """The package of a new ``kind`` (scorer, enhancer, degrader) named ``name``, in a new folder of ``parent``.

    The folder bears the distribution's name; inside iqabench's own ``plugins/<kinds>`` just the model's.
    Raises UsageError for a name or id that cannot be, naming what can.
    """
    if kind not in KINDS:
        raise UsageError(f"{kind!r} is no kind of model.", hint=f"Say one of {', '.join(KINDS)}.")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a plugin's name.",
            hint="Use lower-case letters, digits and single hyphens, beginning with a letter, as ma-agiqa.",
        )
    full_id = model_id or f"{_DEFAULT_GROUPS[kind]}.{name}"
    _check_id(kind, full_id)
    parent = parent.resolve()
    at_home = (parent.parent.name, parent.name) == ("plugins", _FOLDERS[kind])
    package = Package(kind=kind, name=name, id=full_id, folder=parent / name)
    if not at_home:
        package = Package(kind=kind, name=name, id=full_id, folder=parent / package.distribution)
    return package


def write_package(package: Package) -> list[Path]:
    """Write the package's files; gives their paths. The folder appears whole or not at all.

    Raises UsageError where it exists already, StoreError where it cannot be written.
    """
    if package.folder.exists():
        raise UsageError(f"{package.folder} exists already; nothing was written.", hint="Choose another name or --dir.")
    draft = package.folder.with_name(f".{package.folder.name}.{secrets.token_hex(4)}.tmp")
    texts = package.texts()
    try:
        for place, text in texts.items():
            path = draft / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        draft.rename(package.folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise StoreError(f"{package.folder} cannot be written ({error.strerror}).") from error
    return [package.folder / place for place in texts]


def _check_id(kind: str, model_id: str) -> None:
    """Raises UsageError where no declaration of this kind could bear the id."""
    try:
        group = ModelSpec(id=model_id, summary="new", load="module:load", licence="Apache-2.0").group
    except PluginError as error:
        raise UsageError(error.message, hint=f"Write it as --id {_DEFAULT_GROUPS[kind]}.name.") from None
    if kind == "scorer":
        taken = (*TASKS, *DEGRADER_GROUPS)
        if group in taken:
            raise UsageError(f"{model_id}: a scorer's group is none of {', '.join(taken)}.")
    elif group not in (allowed := TASKS if kind == "enhancer" else tuple(DEGRADER_GROUPS)):
        raise UsageError(f"{model_id}: the group of this {kind} must be one of {', '.join(allowed)}.")
