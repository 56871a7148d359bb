"""Run the conformance suite from a program: on any installed model, with or without a test file of its own."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from iqabench.errors import PluginError
from iqabench.patterns import Selection
from iqabench.specs import ModelSpec
from iqabench.testing.plugin import ADVICE

Outcome = Literal["passed", "failed", "waived", "skipped"]
_CONTRACTS = {"scorer": "ScorerContract", "enhancer": "EnhancerContract", "degrader": "DegraderContract"}
_GENERATED = "test_generated_conformance.py"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check of one model ended. ``advice`` is what to do, ``traceback`` where it failed."""

    model: str
    check: str
    outcome: Outcome
    reason: str = ""
    advice: str = ""
    traceback: str = ""


def run_suite(
    selections: Sequence[Selection],
    *,
    authored: Sequence[Path] = (),
    report: Callable[[CheckResult], None] | None = None,
) -> list[CheckResult]:
    """Every check of the suite on every selected model; ``report`` is called as each one ends.

    ``authored`` are test files of the plugins themselves: where one has a contract class for a selected model,
    that class is run, with its weights and waivers, in place of a plain one. Raises PluginError where pytest
    cannot run at all, as when an authored file does not import.
    """
    with tempfile.TemporaryDirectory(prefix="iqabench-check-") as name:
        folder = Path(name).resolve()
        (folder / _GENERATED).write_text(_source(selections), encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        options = ["-c", str(folder / "pytest.ini"), "--rootdir", str(folder), "--import-mode=importlib"]
        options += ["-p", "no:cacheprovider", "-q", str(folder / _GENERATED), *map(str, authored)]
        collector = _Collector(selections, report)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            status = pytest.main(options, plugins=[collector])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not collector.results:
        raise PluginError(f"pytest could not run the suite:\n{said.getvalue().strip()}")
    return collector.results


def _source(selections: Sequence[Selection]) -> str:
    """A test module with a plain contract class for each selection."""
    lines = ["from iqabench import testing"]
    for number, selection in enumerate(selections):
        lines += [
            f"class Test{number}(testing.{_CONTRACTS[selection.spec.kind]}):",
            f"    id = {selection.spec.id!r}",
            f"    params = {dict(selection.params)!r}",
            *(["    digest = None"] if selection.spec.kind == "degrader" else []),
        ]
    return "\n".join(lines) + "\n"


class _Collector:
    """A pytest plugin: chooses which classes run, and collects what came of them."""

    def __init__(self, selections: Sequence[Selection], report: Callable[[CheckResult], None] | None) -> None:
        self.labels = {_key(selection.spec, selection.params): selection.label for selection in selections}
        self.report = report
        self.results: list[CheckResult] = []
        self._models: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        found = [(item, self._label(item)) for item in items]
        authored = {label for item, label in found if label and item.path.name != _GENERATED}
        items[:] = [item for item, label in found if label and (item.path.name != _GENERATED or label not in authored)]
        self._models = {item.nodeid: label for item, label in found if label}

    def _label(self, item: pytest.Item) -> str | None:
        """The selection that the item checks; None for other tests and other models."""
        from iqabench.testing.contracts import Contract
        from iqabench.testing.subject import declared

        contract = getattr(item, "cls", None)
        found = declared(contract.id) if contract and issubclass(contract, Contract) else None
        if contract is None or found is None:
            return None
        return self.labels.get(_key(found.spec, found.spec.resolve(contract.params)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.passed and report.when != "call":
            return
        outcome: Outcome = "waived" if hasattr(report, "wasxfail") else report.outcome
        result = CheckResult(
            model=self._models[report.nodeid],
            check=report.nodeid.rpartition("::")[2].removeprefix("test_"),
            outcome=outcome,
            reason=_reason(report, outcome),
            advice=next((text for title, text in report.sections if title == ADVICE), ""),
            traceback=str(report.longrepr) if report.failed else "",
        )
        self.results.append(result)
        if self.report is not None:
            self.report(result)


def _key(spec: ModelSpec, params: Mapping[str, object]) -> tuple[object, ...]:
    return (spec.id, *sorted(params.items()))


def _reason(report: pytest.TestReport, outcome: Outcome) -> str:
    if outcome == "passed":
        return ""
    if outcome == "waived":
        return str(report.wasxfail).removeprefix("reason: ").removeprefix("waived: ")
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    message = str(crash.message if crash else report.longrepr).strip()
    return message.partition("\n")[0].removeprefix("AssertionError: ")
