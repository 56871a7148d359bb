"""Every package under plugins/ keeps to the house's names, is listed for pip, and tests what it declares."""

from __future__ import annotations

import ast
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from iqabench.plugins import Plugins, discover

ROOT = Path(__file__).parents[1]
KINDS = {"degraders": "degrader", "enhancers": "enhancer", "iqa": "iqa"}
FOLDERS = sorted(path.parent for path in ROOT.glob("plugins/*/*/pyproject.toml"))
CONTRACTS = {"scorer": "ScorerContract", "enhancer": "EnhancerContract", "degrader": "DegraderContract"}

each_package = pytest.mark.parametrize(
    "folder", FOLDERS, ids=[path.relative_to(ROOT / "plugins").as_posix() for path in FOLDERS]
)


@pytest.fixture(scope="module")
def installed() -> Plugins:
    return discover()


def test_there_are_packages_of_every_kind() -> None:
    assert {folder.parent.name for folder in FOLDERS} == set(KINDS)


def test_no_folder_is_without_a_package() -> None:
    folders = {path for path in ROOT.glob("plugins/*/*") if path.is_dir() and any(path.rglob("*.py"))}
    assert folders == set(FOLDERS)


@each_package
def test_names_follow_from_the_folder(folder: Path) -> None:
    key = f"{KINDS[folder.parent.name]}-{folder.name}"
    module = f"iqabench-{key}".replace("-", "_")
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == f"iqabench-{key}"
    assert project["entry-points"] == {"iqabench": {key: module}}
    assert (folder / "src" / module / "__init__.py").is_file()


@each_package
def test_every_id_has_a_contract(folder: Path, installed: Plugins) -> None:
    distribution = f"iqabench-{KINDS[folder.parent.name]}-{folder.name}"
    if is_bridge(folder):
        assert metadata.version(distribution)
        ids = [found.spec.id for found in installed.models.values() if found.distribution == distribution]
        assert all(id_.startswith(f"{folder.name}.") for id_ in ids)
        assert any((folder / "tests").glob("test_*.py"))
        return
    declared = {
        found.spec.id: CONTRACTS[found.spec.kind]
        for found in installed.models.values()
        if found.distribution == distribution
    }
    assert declared, f"{distribution} is not installed, or broken: pip install -e {folder.relative_to(ROOT)}"
    assert declared.items() <= contracts_in(folder / "tests").items()


def test_pip_is_told_of_every_package() -> None:
    lines = (ROOT / "requirements-plugins.txt").read_text().splitlines()
    entries = [line.split("#")[0].strip() for line in lines]
    listed = [entry.removeprefix("-e").strip().removeprefix("./") for entry in entries if entry.startswith("-e")]
    assert listed == [".", *(folder.relative_to(ROOT).as_posix() for folder in FOLDERS)]


def is_bridge(folder: Path) -> bool:
    """Whether a package declares what another distribution holds, which an extra of the same name installs. Its ids
    are that distribution's then, if it is here, in a group of its own, and tests of the bridge stand for them."""
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return folder.name in project.get("optional-dependencies", {})


def contracts_in(tests: Path) -> dict[str, str]:
    """The id that each contract class in a folder of tests names, with its base class."""
    found = {}
    for path in tests.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)} & set(CONTRACTS.values())
                for line in node.body:
                    if not bases or not isinstance(line, ast.Assign) or ast.unparse(line.targets[0]) != "id":
                        continue
                    found[str(ast.literal_eval(line.value))] = next(iter(bases))
    return found
