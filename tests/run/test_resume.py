"""What a second run computes: only what is new, was lost, or failed."""

from __future__ import annotations

import json

import pytest
from PIL import Image

MEAN = 'LOG("{}")\nreturn images.double().mean(dim=(1, 2, 3)){}'


@pytest.fixture
def chain(lab):
    lab.install("degrader", "noise.dim", 'LOG("dim")\nreturn images * 0.5', facts="undone_by='dn'")
    lab.install("enhancer", "dn.lift", 'LOG("lift")\nreturn images.sqrt()', facts="task='dn'")
    lab.install("scorer", "nr.mean", MEAN.format("mean", ""))
    lab.install("scorer", "nr.other", MEAN.format("other", " * 2"))
    lab.photos(4)
    return lab


def test_only_what_is_new_changed_lost_or_failed_is_computed(chain) -> None:
    def run(*more: object) -> tuple[dict[str, int], str]:
        """Calls of each model, and what the command said."""
        chain.log.unlink(missing_ok=True)
        done = chain.command(
            "run", "--images", "photos", "--degraders", "noise.dim", "--enhancers", "dn.lift", "--out", "run", *more
        )
        assert done.returncode == 0, done.stderr
        calls = chain.lines()
        return {name: calls.count(name) for name in dict.fromkeys(calls)}, done.stderr

    calls, said = run("--iqa", "nr.mean")
    assert calls == {"dim": 4, "lift": 4, "mean": 12}
    assert "computed before" not in said
    first = chain.table("run")

    calls, said = run("--iqa", "nr.mean")
    assert calls == {}
    assert "nothing to do" in said
    assert chain.table("run") == first

    # Another scorer needs only its own cells; images that lie there are not made again.
    calls, _ = run("--iqa", "nr.mean,nr.other")
    assert calls == {"other": 12}

    # New photos add their own cells.
    photo = Image.new("RGB", (48, 40), (10, 200, 30))
    photo.save(chain.root / "photos" / "new.png")
    calls, _ = run("--iqa", "nr.mean,nr.other")
    assert calls == {"dim": 1, "lift": 1, "mean": 3, "other": 3}

    # A photo under another name, or twice, is the same photo.
    photo.save(chain.root / "photos" / "twin.png")
    calls, _ = run("--iqa", "nr.mean,nr.other")
    assert calls == {}
    rows = {row["item"]: row for row in chain.rows("run") if row["enhancer"]}
    assert rows["twin.png"]["score"] == rows["new.png"]["score"]
    assert (chain.root / "run" / rows["twin.png"]["image"]).is_file()

    # An image that is gone is made again only when something needs it.
    for path in (chain.root / "run" / "images").rglob("new-*.png"):
        path.unlink()
    calls, _ = run("--iqa", "nr.mean,nr.other")
    assert calls == {}
    chain.install("scorer", "nr.mean", MEAN.format("mean", " + 1"), facts="revision=2")
    calls, _ = run("--iqa", "nr.mean,nr.other")
    assert calls == {"dim": 1, "lift": 1, "mean": 15}

    # A changed enhancer redoes its own cells and what rests on them.
    chain.install("enhancer", "dn.lift", 'LOG("lift")\nreturn images.sqrt() * 0.9', facts="task='dn', revision=2")
    calls, _ = run("--iqa", "nr.mean,nr.other")
    assert calls == {"lift": 5, "mean": 5, "other": 5}

    # A new release that changes no result changes nothing.
    (chain.site / "iqabench_enhancer_lift-1.0.dist-info").rename(chain.root / "old")
    chain.install(
        "enhancer", "dn.lift", 'LOG("lift")\nreturn images.sqrt() * 0.9', facts="task='dn', revision=2", version="2.0"
    )
    calls, _ = run("--iqa", "nr.mean,nr.other")
    assert calls == {}
    models = json.loads((chain.root / "run" / "manifest.json").read_text())["models"]
    assert models["dn.lift"]["distribution"] == "iqabench-enhancer-lift 2.0"


def test_failures_are_tried_again(lab) -> None:
    lab.install("scorer", "nr.moody", 'LOG("moody")\nif not os.path.exists("mended"): raise ValueError("not today")\n'
                "return images.mean(dim=(1, 2, 3))")  # fmt: skip
    lab.photos(2)
    (lab.root / "photos" / "torn.png").write_bytes((lab.root / "photos" / "000.png").read_bytes()[:200])
    arguments = ("run", "--images", "photos", "--iqa", "nr.moody", "--out", "run")
    broken = lab.command(*arguments)
    assert broken.returncode == 1
    assert "nr.moody: ValueError: not today" in broken.stdout
    assert "torn.png" in broken.stdout

    (lab.root / "mended").touch()
    (lab.root / "photos" / "torn.png").write_bytes((lab.root / "photos" / "000.png").read_bytes())
    mended = lab.command(*arguments)
    assert mended.returncode == 0, mended.stderr
    assert {row["status"] for row in lab.rows("run")} == {"done"}


def test_seed_and_parameters_are_part_of_a_cell(lab) -> None:
    noise = "LOG(seeds[0])\nreturn (images + torch.rand((), generator=torch.Generator().manual_seed(seeds[0]))) / 2"
    lab.install("degrader", "noise.seeded", noise, facts="undone_by='dn', seeded=True")
    lab.install("degrader", "noise.plain", 'LOG("plain")\nreturn images * context.params["by"]',
                facts="undone_by='dn', params=(Param(name='by', default=0.5, help='factor'),)")  # fmt: skip
    lab.photos(1)

    def run(patterns: str, seed: int) -> int:
        before = len(lab.lines())
        done = lab.command("run", "--images", "photos", "--degraders", patterns, "--out", "run", "--seed", seed)
        assert done.returncode == 0, done.stderr
        return len(lab.lines()) - before

    assert run("noise.seeded,noise.plain[by=0.5|0.25]", 0) == 3
    assert run("noise.seeded,noise.plain[by=0.25]", 1) == 1
    assert len(set(lab.lines())) == 3


def test_a_run_never_takes_its_own_images_for_photos(lab) -> None:
    lab.install("degrader", "noise.dim", 'LOG("dim")\nreturn images * 0.5', facts="undone_by='dn'")
    lab.photos(2)
    for _ in range(2):
        done = lab.command("run", "--images", ".", "--degraders", "noise.dim")
        assert done.returncode == 0
    assert lab.lines() == ["dim"] * 2
    assert (lab.root / "iqabench-run" / "images").is_dir()
