"""Weights files that only the user has: declared without a source, asked for by name."""

from __future__ import annotations

import json
import sys
import textwrap

import pytest
from click.testing import CliRunner

from iqabench.catalogue import Catalogue, render_models, row_of
from iqabench.cli.list import command as list_command
from iqabench.cli.weights import command as weights_command
from iqabench.errors import PluginError, WeightsMissing
from iqabench.plugins import discover
from iqabench.specs import EnhancerSpec, WeightsFile
from iqabench.weights.resolve import resolve

PLUGIN = """
from iqabench import EnhancerSpec, WeightsFile, hookimpl

@hookimpl
def iqabench_enhancers():
    yield EnhancerSpec(
        id="sr.bridge", summary="Runs any network", load="m:load", licence="MIT", task="sr", scale=4,
        weights=(WeightsFile(name="checkpoint", sources=(), licence="the file's own"),),
    )
"""


@pytest.fixture
def spec() -> EnhancerSpec:
    file = WeightsFile(name="checkpoint", sources=(), licence="the file's own")
    return EnhancerSpec(
        id="sr.bridge", summary="Runs any", load="m:load", licence="MIT", task="sr", scale=4, weights=(file,)
    )


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    site = tmp_path / "site"
    info = site / "given_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "given_plugin.py").write_text(textwrap.dedent(PLUGIN))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: given-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[iqabench]\ngiven = given_plugin\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("IQABENCH_CACHE", str(tmp_path / "cache"))
    yield
    sys.modules.pop("given_plugin", None)


def run(command, *arguments: str) -> str:
    result = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_none_given_says_how_to_give_it(cache, spec):
    for pull in (True, False):
        with pytest.raises(WeightsMissing, match=r"sr\.bridge runs a file of yours.*--weights sr\.bridge=PATH"):
            resolve(spec, {}, cache, pull=pull)


def test_one_path_is_enough(cache, spec, tmp_path):
    (tmp_path / "any name.pth").write_bytes(b"x")
    found = resolve(spec, {}, cache, overrides=tmp_path / "any name.pth")
    assert found == {"checkpoint": tmp_path / "any name.pth"}


def test_a_source_that_is_no_uri_is_still_refused():
    with pytest.raises(PluginError, match="must be hf://"):
        WeightsFile(name="a", sources=("a.pth",), licence="MIT")


def test_it_is_listed_as_the_user_s(plugin):
    (row,) = json.loads(run(list_command, "sr.bridge", "--json"))["models"]
    assert row["state"] == "needs a file of yours"
    assert row["detail"] == "give weights: --weights sr.bridge=FILE"
    assert (row["weights_bytes"], row["weights_given"]) == (0, 1)
    assert "--weights" in run(weights_command, "list", "sr.bridge")
    (row,) = json.loads(run(weights_command, "list", "sr.bridge", "--json"))
    assert row["state"] == "missing"


def test_pulling_everything_leaves_it_out_and_pulling_it_explains(plugin):
    with pytest.raises(WeightsMissing, match="runs a file of yours"):
        run(weights_command, "pull", "sr.bridge")
    assert "1 weights file is ready" in run(weights_command, "pull", "sr.bridge,sr.bicubic,nr.brisque", "--offline")


def test_the_table_of_models_says_so(plugin):
    row = row_of(discover().models["sr.bridge"])
    assert "a file of yours, the file's own" in render_models(Catalogue({row.id: row}, {}))
