"""Source URIs: what they mean, where their files lie in the cache, and what is refused."""

from __future__ import annotations

import pytest

from iqabench.errors import PluginError, UsageError
from iqabench.specs import WeightsFile
from iqabench.weights.cache import Cache, cache_path
from iqabench.weights.sources import FileSource, HttpSource, HubSource, PackageSource, parse


@pytest.mark.parametrize(
    ("uri", "url", "place"),
    [
        (
            "hf://owner/repo/sub/net.safetensors@abc123",
            "https://huggingface.co/owner/repo/resolve/abc123/sub/net.safetensors",
            "hf/owner/repo/abc123/sub/net.safetensors",
        ),
        (
            "hf://owner/repo/a b.bin@refs/pr/1",
            "https://huggingface.co/owner/repo/resolve/refs%2Fpr%2F1/a%20b.bin",
            "hf/owner/repo/refs%2Fpr%2F1/a b.bin",
        ),
        (
            "hf://owner/repo/net.bin",
            "https://huggingface.co/owner/repo/resolve/main/net.bin",
            "hf/owner/repo/main/net.bin",
        ),
        (
            "https://host.org:8443/a/net%20x.pth",
            "https://host.org:8443/a/net%20x.pth",
            "http/host.org_8443/a/net x.pth",
        ),
    ],
)
def test_a_remote_uri_gives_its_url_and_its_place_in_the_cache(uri, url, place):
    source = parse(uri)
    assert isinstance(source, HubSource | HttpSource)
    assert source.url() == url
    assert str(source.cache_path) == place
    assert source.origin in ("hf://owner/repo", "host.org:8443")


def test_addresses_that_differ_in_their_query_alone_do_not_share_a_place():
    one, other = (parse(f"https://drive.google.com/uc?id={x}").cache_path for x in "ab")
    assert one != other
    assert one.parent == other.parent


def test_the_first_remote_source_gives_the_place_so_models_share_the_file():
    file = WeightsFile(name="a", sources=("package://none/x.bin", "https://h/x.pth", "hf://o/r/y"), licence="MIT")
    other = WeightsFile(name="b", sources=("https://h/x.pth",), licence="MIT")
    assert cache_path(file) == cache_path(other)
    assert cache_path(WeightsFile(name="a", sources=("file:///x",), licence="MIT")) is None


@pytest.mark.parametrize(
    "uri",
    [
        "hf://owner/repo",
        "hf://owner/repo/../../x",
        "https://host/a/../../b",
        "https://host/a/%2e%2e/%2e%2e/b",
        "https://host",
        "package://dist",
        "package://dist/../x",
        "file://relative/x",
        "ftp://host/x",
        "net.pth",
    ],
)
def test_a_uri_that_is_malformed_or_leaves_its_folder_is_refused(uri):
    with pytest.raises(PluginError, match="weights source"):
        parse(uri)


def test_a_file_inside_an_installed_package_is_found():
    found = PackageSource("iqabench", "iqabench/specs.py").locate()  # installed editable or not
    assert found is not None
    assert found.name == "specs.py"
    pytest_file = PackageSource("pytest", "pytest/py.typed").locate()
    assert pytest_file is not None
    assert pytest_file.is_file()
    assert PackageSource("pytest", "pytest/none").locate() is None
    assert PackageSource("no-such-distribution", "x/y").locate() is None


def test_a_file_uri_names_a_file(tmp_path):
    (tmp_path / "a b.bin").write_bytes(b"x")
    source = parse((tmp_path / "a b.bin").as_uri())
    assert isinstance(source, FileSource)
    assert source.locate() == tmp_path / "a b.bin"


def test_the_environment_shapes_the_default_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("IQABENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("IQABENCH_MIRROR", "https://one/m/  http://two")
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    cache = Cache.default()
    assert cache.root == tmp_path / "weights"
    assert cache.offline
    file = WeightsFile(name="n", sources=("hf://o/r/n@v1",), licence="MIT")
    assert cache.urls(file) == (
        "https://one/m/hf/o/r/v1/n",
        "http://two/hf/o/r/v1/n",
        "https://hub.example/o/r/resolve/v1/n",
    )


def test_a_mirror_that_is_no_address_is_refused(monkeypatch):
    monkeypatch.setenv("IQABENCH_MIRROR", "/mnt/weights")
    with pytest.raises(UsageError, match="IQABENCH_MIRROR"):
        Cache.default()
