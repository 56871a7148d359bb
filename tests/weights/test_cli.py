"""``iqabench weights`` on a plugin that is really installed, against a real server."""

from __future__ import annotations

import hashlib
import json
import textwrap

import pytest
from click.testing import CliRunner

from iqabench.cli.weights import command
from iqabench.errors import DigestMismatch, SelectionError, UsageError, WeightsError, WeightsMissing
from iqabench.weights.cache import Cache

PLUGIN = """
from iqabench import Param, ScorerSpec, WeightsFile, hookimpl

def file(name, **facts):
    return WeightsFile(name=name, sources=("{address}/" + name,), licence="CC-BY-4.0", **facts)

@hookimpl
def iqabench_scorers():
    yield ScorerSpec(
        id="nr.two-variants", summary="Two variants", load="m:load", licence="MIT",
        params=(Param(name="weights", default="a", choices=("a", "b"), help="which"),),
        weights=(file("a.pth", when={{"weights": "a"}}, sha256="{digest}"), file("b.pth", when={{"weights": "b"}})),
    )
    yield ScorerSpec(
        id="nr.in-package", summary="From a package", load="m:load", licence="MIT",
        weights=(WeightsFile(name="c.pth", sources=("package://weights-nowhere/x/c.pth",), licence="MIT", size=7),),
    )
"""


@pytest.fixture
def plugin(server, body, tmp_path, monkeypatch):
    """A distribution whose models load files from the server."""
    for name in ("a.pth", "b.pth"):
        server.serve(f"/{name}", body)
    site = tmp_path / "site"
    info = site / "iqabench_iqa_weighty-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: iqabench-iqa-weighty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[iqabench]\niqa-weighty = weighty_plugin_of_test\n")
    text = PLUGIN.format(address=server.address, digest=hashlib.sha256(body).hexdigest())
    (site / "weighty_plugin_of_test.py").write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(site))
    yield
    import sys

    sys.modules.pop("weighty_plugin_of_test", None)


def run(*arguments: str, raises: type[Exception] | None = None):
    result = CliRunner().invoke(command, arguments, env={"COLUMNS": "160"})
    if raises is None:
        assert result.exception is None, (result.output, result.exception)
        return result.output
    assert isinstance(result.exception, raises), result.exception
    return str(result.exception)


@pytest.mark.usefixtures("plugin")
class TestWeights:
    def states(self) -> dict[str, str]:
        rows = json.loads(run("list", "nr.two-variants,nr.in-package", "--json"))
        return {row["file"]: row["state"] for row in rows}

    def test_list_shows_state_size_licence_and_source(self, server):
        assert self.states() == {"a.pth": "missing", "b.pth": "missing", "c.pth": "missing"}
        run("pull", "two-variants")
        assert self.states() == {"a.pth": "ready", "b.pth": "missing", "c.pth": "missing"}
        table = run("list", "nr.two-variants", "nr.in-package")
        for words in ("to pull", "ready", "CC-BY-4.0", "1.0 MB", "127.0.0.1", "weights=a"):
            assert words in table
        assert [path for path, _ in server.requests] == ["/a.pth"]

    def test_pull_takes_the_variant_asked_for_or_all(self, server):
        run("pull", "nr.two-variants[weights=b]")
        assert [path for path, _ in server.requests] == ["/b.pth"]
        assert "2 weights files are ready" in run("pull", "nr.two*", "--all-variants")
        assert [path for path, _ in server.requests] == ["/b.pth", "/a.pth"]

    def test_pull_goes_on_after_a_failure_and_ends_with_an_error(self, server):
        server.files.pop("/a.pth")
        told = run("pull", "nr.two-variants,nr.in-package", "--all-variants", raises=WeightsError)
        assert "2 of 3 files could not be had" in told
        assert "HTTP 404" in told
        assert "pip install weights-nowhere" in told
        assert self.states()["b.pth"] == "ready"

    def test_pull_offline_downloads_nothing(self, server):
        run("pull", "nr.two-variants", "--offline", raises=WeightsMissing)
        assert server.requests == []

    def test_verify_hashes_again_and_fails_on_damage(self, body):
        assert "0 weights files" in run("verify", "nr.two-variants")
        run("pull", "nr.two-variants", "--all-variants")
        assert "2 weights files are as they should be" in run("verify", "nr.two-variants")
        path = Cache.default().root.rglob("b.pth")
        next(path).write_bytes(bytes(len(body)))
        told = run("verify", "nr.two-variants", raises=DigestMismatch)
        assert "1 of 2 files is damaged" in told
        assert "b.pth" in told
        assert self.states()["b.pth"] == "corrupt"

    def test_path_prints_the_files_that_are_loaded(self, body):
        run("path", "nr.two-variants", raises=WeightsMissing)
        run("pull", "nr.two-variants")
        path = run("path", "two-variants").strip()
        with open(path, "rb") as stream:  # noqa: PTH123 - as a script would that reads our output
            assert stream.read() == body
        run("path", "nr.*", raises=UsageError)

    def test_export_clear_import(self, server, tmp_path):
        run("pull", "nr.two-variants", "--all-variants")
        assert "1 weights file is" in run("export", str(tmp_path / "b.tar"), "nr.two-variants[weights=b]")
        assert "2 weights files" in run("export", str(tmp_path / "all.tar"), "nr.two-variants")
        assert "Deleted 2 files, 2.0 MB" in run("clear", "nr.two-variants", "--yes")
        assert self.states() == {"a.pth": "missing", "b.pth": "missing", "c.pth": "missing"}
        asked = len(server.requests)
        run("import", str(tmp_path / "all.tar"))
        assert self.states() == {"a.pth": "ready", "b.pth": "ready", "c.pth": "missing"}
        assert len(server.requests) == asked

    def test_clear_asks_and_keeps_recorded_digests_unless_told_to_forget(self):
        run("pull", "nr.two-variants[weights=b]")
        assert CliRunner().invoke(command, ["clear"], input="n\n").exit_code == 1
        assert self.states()["b.pth"] == "ready"
        assert "Deleted 1 file," in CliRunner().invoke(command, ["clear"], input="y\n").output
        digests = Cache.default().digests
        assert len(digests.places()) == 1
        run("clear", "--forget", "--yes")
        assert digests.places() == []

    def test_a_pattern_that_fits_nothing_is_an_error(self):
        run("list", "nr.two-variant", raises=SelectionError)
