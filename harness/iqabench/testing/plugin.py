"""The pytest plugin: the model under test as a fixture, waivers, and their list at the end of a run.

It loads in every pytest run on a machine with iqabench, so it imports next to nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from iqabench.testing.contracts import Contract
    from iqabench.testing.subject import Subject

WAIVER = "iqabench_waiver"
ADVICE = "what to do"

pytest.register_assert_rewrite("iqabench.testing.contracts", "iqabench.testing.checks")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gpu: needs a CUDA device")


@pytest.fixture(scope="class")
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """The model that a contract class tests, loaded once for the whole class."""
    from iqabench.testing.subject import Subject

    yield Subject.of(request.cls, tmp_path_factory.mktemp("weights"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A waived check is run all the same: its failure is expected, and named in the summary."""
    for item in items:
        contract = _contract(item)
        check = getattr(item, "originalname", "").removeprefix("test_")
        if contract is not None and check in contract.waivers:
            reason = contract.waivers[check]
            item.add_marker(pytest.mark.xfail(reason=f"waived: {reason}", strict=False))
            item.user_properties.append((WAIVER, (contract.id, check, reason)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a check's docstring says to do goes below its failure."""
    report = yield
    doc = getattr(getattr(item, "obj", None), "__doc__", None)
    if report.failed and doc and _contract(item) is not None:
        report.sections.append((ADVICE, " ".join(doc.split())))
    return report


def _contract(item: pytest.Item) -> type[Contract] | None:
    contracts = sys.modules.get("iqabench.testing.contracts")
    found = getattr(item, "cls", None)
    return found if contracts and found and issubclass(found, contracts.Contract) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    waived = {}
    for outcome in ("xfailed", "xpassed", "passed", "skipped", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in getattr(report, "user_properties", ()):
                if name == WAIVER:
                    waived[tuple(value)] = outcome
    if waived:
        terminalreporter.section("iqabench waivers")
    for (model, check, reason), outcome in sorted(waived.items()):
        note = " (it passes here: is the waiver still needed?)" if outcome == "xpassed" else ""
        terminalreporter.write_line(f"{model} {check}: {reason}{note}")
