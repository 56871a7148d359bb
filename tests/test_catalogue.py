"""registry.toml and docs/models.md say what the installed plugins declare, and every suite can be run."""

from collections import Counter
from pathlib import Path

import pytest

from iqabench.catalogue import catalogue_path, is_fetched, read_catalogue, render, render_models
from iqabench.errors import UsageError
from iqabench.patterns import select
from iqabench.plugins import discover
from iqabench.report.auiqa import published

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def plugins():
    found = discover()
    ours = {folder.name for folder in ROOT.glob("plugins/*/*")} - {"pyiqa"}  # which declares what pyiqa holds
    installed = {d.distribution.split("-", 2)[2] for d in found.models.values() if d.distribution.count("-") >= 2}
    if missing := ours - installed:
        pytest.fail(f"not installed: {', '.join(sorted(missing))}; run `make test`")
    return found


def test_rows_are_what_the_plugins_declare(plugins):
    ours = [d for d in plugins.models.values() if d.distribution.startswith("iqabench-") and d.spec.group != "pyiqa"]
    catalogue = read_catalogue()
    assert catalogue_path().read_text(encoding="utf-8") == render(ours, catalogue.suites), "run `make registry`"
    assert (ROOT / "docs/models.md").read_text(encoding="utf-8") == render_models(catalogue), "run `make registry`"


@pytest.mark.parametrize("name", list(read_catalogue().suites))
def test_every_pattern_of_a_suite_names_models(plugins, name):
    suite = read_catalogue().suite(name)
    for kind, patterns in (("degrader", suite.degraders), ("enhancer", suite.enhancers), ("scorer", suite.iqa)):
        for pattern in patterns:
            assert select([pattern], plugins.of_kind(kind))


def test_an_unknown_suite_suggests_the_nearest():
    with pytest.raises(UsageError, match="demo"):
        read_catalogue().suite("dmeo")


def test_the_demo_needs_no_download(plugins):
    suite = read_catalogue().suite("demo")
    for kind, patterns in (("degrader", suite.degraders), ("enhancer", suite.enhancers), ("scorer", suite.iqa)):
        for selection in select(list(patterns), plugins.of_kind(kind)):
            needed = selection.spec.needed_weights(selection.params)
            assert not [file.name for file in needed if is_fetched(file.sources[0])], selection.spec.id


def test_the_study_s_suite_is_its_table():
    """Twenty-two scorers, and four enhancers for each of three tasks."""
    catalogue = read_catalogue()
    suite = catalogue.suite("au-iqa")
    assert set(suite.iqa) == set(catalogue.suite("au-iqa-scorers").iqa) == set(published()["scorer"])
    assert Counter(name.partition(".")[0] for name in suite.enhancers) == {"sr": 4, "lle": 4, "dn": 4}
