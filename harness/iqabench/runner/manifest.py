"""What a run folder says of itself: everything needed to repeat the run, and to read its table."""

from __future__ import annotations

import json
import os
import platform
import secrets
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from iqabench.errors import StoreError
from iqabench.patterns import Selection
from iqabench.runner.prepare import Prepared
from iqabench.specs import ScorerSpec
from iqabench.text import amount

MANIFEST = "manifest.json"
STUDY = "study.toml"
_LIBRARIES = ("iqabench", "torch", "numpy", "scipy", "pandas", "pillow")


def write_manifest(folder: Path, prepared: Prepared) -> None:
    """Write the manifest and the resolved study into a run folder."""
    selections = prepared.selections
    used = [*selections.degraders, *selections.enhancers, *selections.scorers]
    processors = amount(os.cpu_count() or 1, "processor")
    manifest = {
        "format": 1,
        "iqabench": _version("iqabench"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}, {processors}",
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "seed": prepared.study.seed,
        "datasets": _datasets(prepared),
        "models": {selection.label: _facts(prepared, selection) for selection in used},
        "photos": [
            {"dataset": photo.dataset, "name": photo.item.name, "digest": photo.digest, "size": photo.size}
            for photo in prepared.plan.photos
        ],
        "notes": prepared.plan.notes,
    }
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False))
    write_text(folder / STUDY, prepared.study.to_toml())


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder. Raises StoreError where there is none."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        hint = "Give the folder that `iqabench run --out` named, after a run."
        raise StoreError(f"{folder} is not a finished run folder ({error}).", hint=hint) from error
    return manifest


def write_text(path: Path, text: str) -> None:
    """Whole under its name, or not at all. Raises StoreError."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"{path}: cannot be written ({error.strerror or error}).") from error


def _facts(prepared: Prepared, selection: Selection) -> dict[str, Any]:
    spec = selection.spec
    declared = prepared.plugins.models[spec.id]
    facts: dict[str, Any] = {
        "id": spec.id,
        "kind": spec.kind,
        "distribution": f"{declared.distribution} {declared.version}",
        "revision": spec.revision,
        "params": dict(selection.params),
        "weights": dict(prepared.digests.get(selection.label, {})),
        "licence": spec.licence,
        "training_data": list(spec.training_data),
    }
    if isinstance(spec, ScorerSpec):
        facts |= {"higher_is_better": spec.higher_is_better, "reference": spec.reference}
    return facts


def _datasets(prepared: Prepared) -> dict[str, dict[str, Any]]:
    """What each dataset declares of its opinions and groups, as it was read: to read the table, no plugin is needed."""
    found = {}
    for text in prepared.study.dataset:
        name, _, path = text.partition(":")
        spec = prepared.plugins.datasets[name].as_read(Path(path))
        found[name] = {
            "read_from": text,
            "licence": spec.licence,
            "paper": spec.paper,
            "measure": spec.measure,
            "mos_range": list(spec.mos_range) if spec.mos_range else None,
            "higher_is_better": spec.higher_is_better,
            "groups": list(spec.groups),
            "splits": list(spec.splits),
            "within": spec.within,
            "subsets": dict(spec.subsets),
        }
    return found


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
