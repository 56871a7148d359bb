"""``iqabench new`` writes packages that install, are discovered, and pass their own tests and ``iqabench check``."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from iqabench.cli.new import command
from iqabench.errors import StoreError, UsageError
from iqabench.scaffold import plan_package, write_package

NEW = {
    "nr.sharp": ("scorer", "sharp"),
    "fr.error": ("scorer", "my-error"),
    "ugc.third": ("scorer", "third"),
    "sr.enlarge": ("enhancer", "enlarge"),
    "lle.expose": ("enhancer", "expose"),
    "dn.local": ("enhancer", "local"),
    "lr.blurred": ("degrader", "blurred"),
    "dark.power": ("degrader", "power"),
    "noise.dither": ("degrader", "dither"),
}
"""One of every kind of template: id -> kind and name."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new package of every kind."""
    parent = tmp_path_factory.mktemp("sources")
    for model_id, (kind, name) in NEW.items():
        result = CliRunner().invoke(command, [kind, name, "--id", model_id, "--dir", str(parent)])
        assert result.exit_code == 0, result.output
    return parent


@pytest.fixture(scope="module")
def site(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, installed by pip."""
    pytest.importorskip("uv_build", reason="the packages' build backend is not installed")
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps", "--no-index"]
    folders = [str(folder) for folder in sorted(sources.iterdir())]
    done = subprocess.run([*pip, "--target", str(target), *folders], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def test_they_are_discovered(site: Path, zoo: ModuleType) -> None:
    code = (
        "import json; from iqabench.plugins import discover; found = discover();"
        "print(json.dumps([sorted(found.models), [str(problem) for problem in found.broken()]]))"
    )
    ids, problems = json.loads(zoo.run(site, ["-c", code]).stdout)
    assert set(NEW) <= set(ids)
    assert problems == []


def test_they_pass_iqabench_check(site: Path, zoo: ModuleType) -> None:
    code = "from iqabench.cli.check import command; command(standalone_mode=True)"
    process = zoo.run(site, ["-c", code, *NEW])
    assert process.returncode == 0, process.stdout + process.stderr
    assert "failed" not in process.stdout
    for model_id in NEW:
        assert f"\n{model_id}\n" in f"\n{process.stdout}"


def test_their_own_tests_pass(site: Path, sources: Path, zoo: ModuleType) -> None:
    tests = [str(folder / "tests") for folder in sorted(sources.iterdir())]
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir", str(sources)]
    process = zoo.run(site, ["-m", "pytest", *options, *tests], cwd=sources)
    assert process.returncode == 0, process.stdout


def test_a_package_is_whole(sources: Path) -> None:
    folder = sources / "iqabench-iqa-my-error"
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == [
        "README.md",
        "pyproject.toml",
        "src/iqabench_iqa_my_error/__init__.py",
        "src/iqabench_iqa_my_error/model.py",
        "tests/test_conformance.py",
        "tests/test_model.py",
    ]
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    assert project["project"]["name"] == "iqabench-iqa-my-error"
    assert project["project"]["entry-points"]["iqabench"] == {"iqa-my-error": "iqabench_iqa_my_error"}


def test_nothing_of_the_templates_is_left_over(sources: Path) -> None:
    for path in sources.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert "$" not in text, path
            assert max(map(len, text.splitlines())) <= 120, path
            if path.suffix == ".py":
                ast.parse(text)


def test_the_default_ids() -> None:
    ids = [plan_package(kind, "mine").id for kind in ("scorer", "enhancer", "degrader")]
    assert ids == ["nr.mine", "dn.mine", "noise.mine"]


def test_inside_the_house_the_folder_bears_the_models_name(tmp_path: Path) -> None:
    home = tmp_path / "plugins" / "degraders"
    assert plan_package("degrader", "rain", parent=home).folder == home / "rain"
    assert plan_package("scorer", "rain", parent=home).folder == home / "iqabench-iqa-rain"


@pytest.mark.parametrize("name", ["Mine", "my_model", "-a", "a--b", "1st", "a/b", "..", "", "a\n", "größe"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a plugin's name"):
        plan_package("scorer", name)


@pytest.mark.parametrize(
    ("kind", "model_id", "says"),
    [
        ("scorer", "sr.mine", "a scorer's group is none of sr, lle"),
        ("enhancer", "nr.mine", "must be one of sr, lle, dn"),
        ("degrader", "dn.mine", "must be one of lr, dark, noise"),
        ("scorer", "mine", "is not <group>.<name>"),
        ("scorer", "nr.Mine", "is not <group>.<name>"),
        ("model", "nr.mine", "no kind of model"),
    ],
)
def test_bad_ids_are_refused(kind: str, model_id: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        plan_package(kind, "mine", model_id=model_id)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    package = plan_package("scorer", "mine", parent=tmp_path)
    package.folder.mkdir()
    (package.folder / "mine.txt").write_text("dear")
    with pytest.raises(UsageError, match="exists already"):
        write_package(package)
    assert [path.name for path in package.folder.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_package(plan_package("scorer", "mine", parent=tmp_path / "file"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
