"""Discovery: a broken plugin is named, and the others are there all the same."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

import pytest

from iqabench.plugins import Plugins, discover


@pytest.fixture
def found(zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Discovers what ``sources`` (distribution -> source) declare, in a path of its own."""

    def look(**sources: str) -> Plugins:
        site = tmp_path / "site"
        for name, source in sources.items():
            zoo.install(site, f"iqabench-iqa-{name.replace('_', '-')}-{tmp_path.name.replace('_', '-')}", source)
        monkeypatch.syspath_prepend(str(site))
        points = [point for dist in distributions(path=[str(site)]) for point in dist.entry_points]
        return discover(points)

    return look


HEAD = "from iqabench import ScorerSpec, EnhancerSpec, hookimpl\n@hookimpl\ndef iqabench_scorers():\n"
GOOD = HEAD + "    yield ScorerSpec(id='{}', summary='x', load='m:f', licence='MIT')\n"


def test_each_fault_stays_with_its_plugin(found, capsys: pytest.CaptureFixture[str]) -> None:
    plugins = found(
        good=GOOD.format("zoo.good"),
        raises="1 / 0",
        syntax="def (",
        leaves="import sys; sys.exit('bye')",
        prints="print('hello')\n" + GOOD.format("zoo.prints"),
        misspelt=GOOD.format("zoo.kept").replace("iqabench_scorers", "iqabench_scorer"),
        wrong=HEAD + "    return [42]\n",
        bad_id=GOOD.format("Zoo.Bad"),
        group=GOOD.format("sr.scorer"),
        late=HEAD
        + "    yield ScorerSpec(id='zoo.first', summary='x', load='m:f', licence='MIT')\n    raise OSError('late')\n",
        one=GOOD.format("zoo.twice"),
        two=GOOD.format("zoo.twice"),
        slow="import time; time.sleep(1.1)\n" + GOOD.format("zoo.slow"),
    )
    assert set(plugins.models) == {"zoo.good", "zoo.prints", "zoo.slow"}
    of = {problem.plugin.removeprefix("iqabench-iqa-").rpartition("-test")[0]: problem for problem in plugins.problems}
    stages = {name: problem.stage for name, problem in of.items()}
    assert stages == {
        "raises": "import", "syntax": "import", "leaves": "import", "misspelt": "hooks", "wrong": "declare",
        "bad-id": "declare", "group": "declare", "late": "declare", "one": "duplicate", "slow": "slow",
    }  # fmt: skip
    assert "ZeroDivisionError: division by zero" in of["raises"].reason
    assert "exit('bye')" in of["leaves"].reason
    assert "iqabench_scorer" in of["misspelt"].reason
    assert "int, not a declaration" in of["wrong"].reason
    assert "Zoo.Bad" in of["bad-id"].reason
    assert "must be none of" in of["group"].reason
    assert all("\n" not in problem.reason for problem in plugins.problems)
    assert "iqabench-iqa-one" in of["one"].reason
    assert "iqabench-iqa-two" in of["one"].reason
    assert not of["slow"].fatal
    assert {problem.stage for problem in plugins.broken()} == {"import", "hooks", "declare", "duplicate"}
    assert capsys.readouterr().out == ""


def test_blocked_distributions_are_not_even_imported(found, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = f"iqabench-iqa-touches-{tmp_path.name.replace('_', '-')}"
    monkeypatch.setenv("IQABENCH_BLOCK", f"other, {name}")
    plugins = found(touches=f"open({str(tmp_path / 'touched')!r}, 'w')", good=GOOD.format("zoo.good"))
    assert set(plugins.models) == {"zoo.good"}
    assert plugins.problems == ()
    assert not (tmp_path / "touched").exists()
