"""The site over a real socket: what raters are shown, and what is refused."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image

from iqabench.annotate.limits import Rate

Make = Callable[..., object]


def test_a_rater_s_way(panel_of: Make, serve: Make, dataset: Path) -> None:
    panel = panel_of(method="acr")
    anna = panel.enrol("anna")
    browser = serve(panel).browser(anna)
    assert anna.token not in browser.get("/").url
    assert browser.post("/api/screen", {"width": 1920, "height": 1080, "ratio": 2, "distance": 60}).ok
    status = browser.get("/api/status").json()
    image = browser.get(status["screens"][0]["images"][0])
    assert image.headers["content-type"] == "image/png"
    shown = {path.read_bytes() for path in (dataset / "enhanced").rglob("*.png")}
    assert image.content in shown
    told = browser.vote(0, 5).json()
    assert (told["done"], told["screens"][0]["position"], told["undoable"]) == (1, 1, True)
    assert browser.post("/api/undo", {"nonce": "undo-0001"}).json()["done"] == 0
    assert json.loads(panel.log.screens()[0][2]) == {"width": 1920, "height": 1080, "ratio": 2, "distance": 60}


def test_raters_see_no_names(panel_of: Make, serve: Make) -> None:
    """Neither of models nor of files, nor others' votes."""
    panel = panel_of(method="dcr", training=2)
    anna, ben = panel.enrol("anna"), panel.enrol("ben")
    served = serve(panel)
    served.browser(ben).vote(0, 1)
    browser = served.browser(anna)
    pages = [browser.get(path) for path in ("/", "/rate", "/api/status", "/static/rate.js")]
    status = pages[2].json()
    pages += [browser.get(address) for screen in status["screens"] for address in screen["images"]]
    for page in pages:
        text = page.text + str(page.headers) + page.url
        for name in ("photo-", "sr.", "dn.", "lr.", "noise.", "sources", "enhanced", "ben"):
            assert name not in text or page.url.endswith(".js"), f"{name} in {page.url}"


@pytest.mark.parametrize("path", ["/", "/rate", "/organiser", "/api/status", "/image/0/0/" + "0" * 32])
def test_strangers_see_nothing(panel_of: Make, serve: Make, path: str) -> None:
    panel = panel_of()
    panel.enrol("anna")
    page = serve(panel).browser(None).get(path)
    assert page.status_code == 403
    assert "link" in page.text


def test_a_wrong_link_is_refused_and_guessing_is_slowed(panel_of: Make, serve: Make) -> None:
    panel = panel_of()
    served = serve(panel)
    codes = [served.browser(None).get(f"/r/{number}").status_code for number in range(40)]
    assert codes[0] == 403
    assert codes[-1] == 429


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/log.py",
        "/image/0/0/..%2f..%2f..%2fetc%2fpasswd",
        "/image/-1/0/x",
        "/image/0/99999999999999999999/x",
        "/image/1e3/0/x",
        "/r/%00",
        "/r/%F0%9F%98%80",
        "/organiser/%C3%A9",
        "//etc/passwd",
        "/static/rate.js%00.css",
    ],
)
def test_hostile_paths(panel_of: Make, serve: Make, path: str) -> None:
    """Sent as they are: a client library would tidy them up."""
    panel = panel_of()
    anna = panel.enrol("anna")
    place = urlsplit(serve(panel).base)
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        lines = (f"GET {path} HTTP/1.1", f"Host: {place.netloc}", f"Cookie: iqabench={anna.token}", "Connection: close")
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    status = int(answer.split(b" ", 2)[1])
    assert status in (400, 403, 404), answer[:300]
    assert b"root:" not in answer
    assert b"import" not in answer


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[1]", 400),
        ("[" * 4000, 400),
        ("null", 400),
        ('{"nonce": 3}', 400),
        ('{"nonce": "aaaaaaaa", "position": "0", "vote": 3, "duration": 1}', 400),
        ('{"nonce": "aaaaaaaa", "position": 0, "vote": NaN, "duration": 1}', 400),
        ('{"nonce": "aaaaaaaa", "position": 0, "vote": 1e999, "duration": 1}', 400),
        ('{"nonce": "aaaaaaaa", "position": 0, "vote": true, "duration": 1}', 400),
        ('{"nonce": "aaaaaaaa", "position": true, "vote": 3, "duration": 1}', 400),
        ('{"nonce": "aaaaaaaa", "position": 0, "vote": 3, "duration": -1}', 400),
        ('{"nonce": "aaaaaaaa", "position": 0, "vote": 7, "duration": 1}', 400),
        ('{"nonce": "aaaaaaaa", "position": 99999999999999999999, "vote": 3, "duration": 1}', 409),
        ('{"nonce": "aaaaaaaa", "position": 5, "vote": 3, "duration": 1}', 409),
        ('{"nonce": "' + "a" * 5000 + '"}', 413),
    ],
)
def test_hostile_votes(panel_of: Make, serve: Make, body: str, status: int) -> None:
    panel = panel_of()
    anna = panel.enrol("anna")
    answer = serve(panel).browser(anna).post("/api/vote", data=body)
    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")
    assert panel.log.events(anna.id) == []


def test_other_sites_cannot_vote(panel_of: Make, serve: Make) -> None:
    panel = panel_of()
    anna, ben = panel.enrol("anna"), panel.enrol("ben")
    served = serve(panel)
    browser, other = served.browser(anna), served.browser(ben)
    vote = {"nonce": "aaaaaaaa", "position": 0, "vote": 3, "duration": 1}
    for headers in (
        {"X-Page-Token": ""},
        {"X-Page-Token": other.token},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ):
        assert browser.post("/api/vote", vote, headers=headers).status_code == 403
    assert browser.session.get(f"{served.base}/api/vote", timeout=30).status_code == 405
    assert panel.log.events(anna.id) == []
    assert browser.post("/api/vote", vote, headers={"Origin": served.base}).ok


def test_another_host_name_is_refused(panel_of: Make, serve: Make) -> None:
    """So that no other name can be pointed at this machine (DNS rebinding)."""
    panel = panel_of()
    anna = panel.enrol("anna")
    answer = serve(panel).browser(anna).get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400


def test_headers(panel_of: Make, serve: Make) -> None:
    panel = panel_of()
    browser = serve(panel).browser(panel.enrol("anna"))
    for path in ("/", "/static/style.css", "/nowhere"):
        headers = browser.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    cookie = browser.session.get(f"{browser.base}/r/{panel.log.raters()[0].token}", allow_redirects=False, timeout=30)
    assert "HttpOnly" in cookie.headers["set-cookie"]
    assert "SameSite=lax" in cookie.headers["set-cookie"]


def test_too_many_votes_at_once_are_slowed(panel_of: Make, serve: Make) -> None:
    panel = panel_of()
    anna = panel.enrol("anna")
    browser = serve(panel).browser(anna)
    codes = [browser.post("/api/undo", {"nonce": f"undo-{number:04}"}).status_code for number in range(60)]
    assert codes[0] == 409
    assert 429 in codes


def test_names_are_escaped(panel_of: Make, serve: Make) -> None:
    panel = panel_of()
    anna = panel.enrol("<script>alert(1)</script>")
    served = serve(panel)
    browser = served.browser(anna)
    assert "<script>alert" not in browser.get("/").text
    page = served.browser(None).get(served.site.organiser_address)
    assert "&lt;script&gt;" in page.text
    assert "<script>alert" not in page.text


def test_images_that_browsers_cannot_show_come_as_png(panel_of: Make, serve: Make, dataset: Path) -> None:
    listing = dataset / "images.csv"
    file = next((dataset / "enhanced").rglob("*.png"))
    with Image.open(file) as image:
        pixels = image.convert("RGB")
    for other in (dataset / "enhanced").rglob("*.png"):
        pixels.save(other.with_suffix(".bmp"))
    lines = [line.replace(".png,photo", ".bmp,photo") if line.startswith("enhanced") else line
             for line in listing.read_text().splitlines()]  # fmt: skip
    listing.write_text("\n".join(lines) + "\n")
    panel = panel_of()
    browser = serve(panel).browser(panel.enrol("anna"))
    answer = browser.get(browser.get("/api/status").json()["screens"][0]["images"][0])
    assert answer.headers["content-type"] == "image/png"


def test_a_missing_image_is_an_error_of_its_own(panel_of: Make, serve: Make, dataset: Path) -> None:
    panel = panel_of()
    browser = serve(panel).browser(panel.enrol("anna"))
    for file in (dataset / "enhanced").rglob("*.png"):
        file.unlink()
    answer = browser.get(browser.get("/api/status").json()["screens"][0]["images"][0])
    assert answer.status_code == 404
    assert "organiser" in answer.json()["error"]


def test_the_organiser_sees_who_is_how_far(panel_of: Make, serve: Make) -> None:
    panel = panel_of(gold=2, repeats=4)
    raters = [panel.enrol(name) for name in ("anna", "ben", "cleo")]
    served = serve(panel)
    page = served.browser(None).get(served.site.organiser_address).text
    assert "0 of 30" in page
    quality = {entry.file: 1 + int(entry.sha256[:8], 16) % 5 for entry in panel.entries}
    for number, rater in enumerate(raters):
        for position, shown in enumerate(panel.log.plan(rater.id)):
            best = 5 if shown.kind == "gold" else quality[shown.image]
            vote = best if number < 2 else 6 - best
            panel.vote(rater, f"nonce-{position}", position, vote, 2.5)
    page = served.browser(None).get(served.site.organiser_address).text
    assert page.count("30 of 30") == 3
    assert "2/2" in page  # gold, of those who pay attention
    assert "0/2" in page
    assert "-1.00" in page  # who votes the other way round
    assert "Images on which raters differ most" in page


def test_many_raters_at_once(panel_of: Make, serve: Make) -> None:
    panel = panel_of()
    raters = [panel.enrol(f"rater-{number}") for number in range(12)]
    served = serve(panel)
    browsers = [served.browser(rater) for rater in raters]

    def rate(browser: object) -> int:
        return sum(browser.vote(position, 1 + position % 5).ok for position in range(15))

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(rate, browsers)) == [15] * 12
    assert all(panel.status(rater).done == 15 for rater in raters)


def test_rates() -> None:
    now = [0.0]
    rate = Rate(burst=2, per_second=1, now=lambda: now[0])
    assert [rate.allows("a") for _ in range(3)] == [True, True, False]
    assert rate.allows("b")
    now[0] = 1.0
    assert [rate.allows("a") for _ in range(2)] == [True, False]


def test_a_body_that_never_ends_is_cut_off(panel_of: Make, serve: Make) -> None:
    panel = panel_of()
    anna = panel.enrol("anna")
    served = serve(panel)
    browser = served.browser(anna)
    with pytest.raises(requests.exceptions.RequestException):
        browser.post("/api/vote", data=(b"x" * 65536 for _ in range(10_000))).raise_for_status()
    assert browser.vote(0).ok
