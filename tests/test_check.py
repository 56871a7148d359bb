"""``iqabench check``: what it runs, prints and ends with."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from iqabench.cli import check
from iqabench.errors import PluginError, SelectionError, UsageError
from iqabench.plugins import Declared, Plugins, Problem
from iqabench.specs import Param, ScorerSpec

MSE = "return (images - references).square().mean(dim=(1, 2, 3))"
FACTS = "reference=True, higher_is_better=False"
SPECS = [
    ScorerSpec(
        id=model_id, summary="A", load="m:f", licence="MIT", params=(Param(name="p", default=1, help="a number"),)
    )
    for model_id in ("nr.one", "nr.two", "ugc.three")
]
INSTALLED = Plugins(
    models={
        spec.id: Declared(spec=spec, distribution=name, version="1")
        for spec, name in zip(SPECS, ["iqabench-iqa-pair", "iqabench-iqa-pair", "my-own"], strict=True)
    },
    datasets={},
    problems=(Problem(plugin="iqabench-iqa-ill", stage="import", reason="ImportError: no"),),
)


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (["iqabench-iqa-pair"], ["nr.one", "nr.two"]),
        (["my-own"], ["ugc.three"]),
        (["ugc.three", "nr.*"], ["ugc.three", "nr.one", "nr.two"]),
        (["two[p=1|2]"], ["nr.two", "nr.two[p=2]"]),
        (["nr.one", "iqabench-iqa-pair"], ["nr.one", "nr.two"]),
    ],
)
def test_models_are_found_by_distribution_id_and_pattern(texts: list[str], labels: list[str]) -> None:
    assert [selection.label for selection in check.find(texts, INSTALLED)] == labels


def test_models_are_found_by_source_folder(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "iqabench-iqa-pair"\n')
    assert [found.label for found in check.find([str(tmp_path)], INSTALLED)] == ["nr.one", "nr.two"]


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("nr.on", SelectionError, "Did you mean nr.one"),
        ("iqabench-iqa-pear", UsageError, "Did you mean iqabench-iqa-pair"),
        ("iqabench-enhancer-zzz", UsageError, "pip install iqabench-enhancer-zzz"),
        ("iqabench-iqa-ill", PluginError, "ImportError: no"),
    ],
)
def test_what_is_not_there_is_explained(text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        check.find([text], INSTALLED)


def test_a_folder_without_a_project_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.x]\n")
    with pytest.raises(UsageError, match="names no project"):
        check.find([str(tmp_path)], INSTALLED)


def test_without_pytest_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = CliRunner().invoke(check.command, ["nr.one"])
    assert isinstance(result.exception, UsageError)
    assert "pip install 'iqabench[test]'" in str(result.exception)


def test_a_failure_is_listed_with_its_remedy_and_ends_non_zero(zoo: ModuleType, tmp_path: Path) -> None:
    source = zoo.scorer("fr.batchy", f"{MSE} * images.mean()", facts=FACTS)
    zoo.install(tmp_path, "iqabench-iqa-batchy", source)
    process = zoo.run(tmp_path, ["-m", "iqabench.cli.main", "check", "fr.batchy"])
    assert "fr.batchy\n  ✓ kind\n" in process.stdout
    assert "✗ batch invariance: results in a batch and alone differ" in process.stdout
    assert "keep dimension 0 out of every reduction" in process.stdout
    assert "1 failed" in process.stdout
    assert process.returncode == 1
    assert "1 check failed" in process.stderr


def test_an_authors_own_contract_class_is_used(zoo: ModuleType, tmp_path: Path) -> None:
    """As after ``pip install -e``: its waivers count, its other tests are left out."""
    source = zoo.scorer("fr.batchy", f"{MSE} * images.mean()", facts=FACTS)
    zoo.install(tmp_path, "iqabench-iqa-batchy", source)
    origin = {"url": (tmp_path / "my source").as_uri(), "dir_info": {"editable": True}}
    (tmp_path / "iqabench_iqa_batchy-1.0.dist-info" / "direct_url.json").write_text(json.dumps(origin))
    tests = tmp_path / "my source" / "tests"
    tests.mkdir(parents=True)
    (tests / "test_conformance.py").write_text(
        "from iqabench.testing import ScorerContract\n"
        "class TestIt(ScorerContract):\n"
        "    id = 'fr.batchy'\n"
        "    waivers = {'batch_invariance': 'normalised, eq. 7'}\n"
        "def test_of_another_thing():\n"
        "    assert False\n"
    )
    process = zoo.run(tmp_path, ["-m", "iqabench.cli.main", "check", "iqabench-iqa-batchy"])
    assert "~ batch invariance: normalised, eq. 7" in process.stdout
    assert "1 waived" in process.stdout
    assert "another" not in process.stdout
    assert process.returncode == 0, process.stdout + process.stderr


def test_a_test_file_that_does_not_import_is_shown(zoo: ModuleType, tmp_path: Path) -> None:
    zoo.install(tmp_path, "iqabench-iqa-sound", zoo.scorer("fr.sound", MSE, facts=FACTS))
    (tmp_path / "test_broken.py").write_text("import no_such_module\n")
    code = (
        "from pathlib import Path; from iqabench.plugins import discover; from iqabench.patterns import select;"
        "from iqabench.testing.suite import run_suite;"
        "run_suite(select(['fr.sound'], discover().specs), authored=[Path('test_broken.py').absolute()])"
    )
    process = zoo.run(tmp_path, ["-c", code])
    assert "PluginError: pytest could not run the suite" in process.stderr
    assert "no_such_module" in process.stderr
