"""Plugins that fail in every way there is: each costs its own cells, is named in one line, and the rest goes on."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import torch
from PIL import Image

GOOD = "return images.double().mean(dim=(1, 2, 3))"
READS = """
from pathlib import Path
from iqabench.weights.safe import load_strictly, read_checkpoint
net = torch.nn.Linear(2, 3)
path, = context.weights.values()
load_strictly(net, read_checkpoint(path), path)
"""


WAS_HERE = "/tmp/iqabench-was-here"


class Payload:
    def __reduce__(self):
        return (open, (WAS_HERE, "w"))


def reasons(rows: list[dict[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["scorer"], set()).add(row["reason"])
    return found


def test_scorers_that_fail_in_every_way(lab) -> None:
    bodies = {
        "good": GOOD,
        "raises": 'raise RuntimeError("on\\npurpose \\x1b[31m")',
        "hangs": "time.sleep(1000)",
        "nan": GOOD + " * float('nan')",
        "shape": "return images.mean()",
        "text": 'return "a string"',
        "exits": "raise SystemExit(0)",
        "quits": "os._exit(0)",
        "crashes": "import ctypes; ctypes.string_at(0)",
        "interrupts": "raise KeyboardInterrupt",
        "prints": 'print("noise " * 1000)\nimport sys; print("{", file=sys.stderr)\n' + GOOD,
        "reads": 'import sys; assert sys.stdin.read() == ""\n' + GOOD,
        "changes": "images.zero_()\nreturn images.mean(dim=(1, 2, 3))",
    }
    for name, body in bodies.items():
        lab.install("scorer", f"zoo.{name}", body)
    lab.install("scorer", "zoo.noload", GOOD, setup='raise OSError("no such luck")')
    lab.install("scorer", "zoo.hangload", GOOD, setup="time.sleep(1000)")
    lab.install("scorer", "zoo.noimport", GOOD, setup="import a_library_that_nobody_has")
    lab.photos(1)
    done = lab.command("run", "--images", "photos", "--iqa", "zoo.*", "--out", "run", "--timeout", 2,
                       "--load-timeout", 3, "--workers", 2)  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    rows = lab.rows("run")
    assert len(rows) == 16
    status = {row["scorer"]: row["status"] for row in rows}
    assert {name for name, of in status.items() if of == "done"} == {
        f"zoo.{n}" for n in ("good", "prints", "reads", "changes")
    }
    found = reasons(rows)
    expected = {
        "raises": "zoo.raises: RuntimeError: on purpose \\x1b[31m",
        "hangs": "zoo.hangs: its process gave no answer within 2 s (--timeout)",
        "nan": "zoo.nan: its score is nan",
        "shape": "zoo.shape: it returned shape (), not (1,).",
        "text": "zoo.text: it returned str, not a float tensor.",
        "exits": "zoo.exits: it called exit(0).",
        "quits": "zoo.quits: its process ended with exit code 0",
        "crashes": "zoo.crashes: its process was killed by SIGSEGV",
        "noload": "zoo.noload: loading failed: OSError: no such luck",
        "hangload": "zoo.hangload: its process gave no answer within 3 s (--load-timeout) while loading",
        "noimport": "zoo.noimport: loading failed: ModuleNotFoundError: No module named 'a_library_that_nobody_has'",
    }
    for name, reason in expected.items():
        assert found[f"zoo.{name}"] == {reason}
        assert reason in done.stdout
    assert len(found["zoo.interrupts"]) == 1
    assert next(iter(found["zoo.interrupts"])).startswith("zoo.interrupts: ")
    logs = "".join(path.read_text() for path in (lab.root / "run" / "logs").iterdir())
    assert "on\npurpose" in logs
    assert "noise noise" in logs
    shown = lab.command("show", "run", "--value", "n")
    assert shown.returncode == 1
    assert " 0/1" in shown.stdout
    assert " 1/1" in shown.stdout


def test_makers_that_fail_take_only_their_own_with_them(lab) -> None:
    lab.install("scorer", "zoo.good", GOOD)
    lab.install("degrader", "noise.good", "return images / 2", facts="undone_by='dn'")
    lab.install("degrader", "noise.raises", 'raise ValueError("bad day")', facts="undone_by='dn'")
    lab.install("enhancer", "dn.good-one", "return images.sqrt()", facts="task='dn'")
    lab.install("enhancer", "dn.nan", "return images * float('nan')", facts="task='dn'")
    lab.install("enhancer", "dn.shape", "return images[..., 1:]", facts="task='dn'")
    lab.install("enhancer", "dn.picky", 'if images.mean() > 0.25: raise ValueError("too bright")\nreturn images',
                facts="task='dn'")  # fmt: skip
    lab.photos(4)
    done = lab.command(
        "run", "--images", "photos", "--degraders", "noise.good,noise.raises", "--out", "run", "--batch-size", 4,
        "--enhancers", "dn.good-one,dn.nan,dn.shape,dn.picky", "--iqa", "zoo.good",
    )  # fmt: skip
    assert done.returncode == 1
    rows = lab.rows("run")
    by_cell = {(row["degrader"], row["enhancer"]): row for row in rows}
    assert {
        r["status"] for r in rows if r["degrader"] in ("noise.good", "") and r["enhancer"] in ("", "dn.good-one")
    } == {"done"}
    assert {r["reason"] for r in rows if r["degrader"] == "noise.raises"} == {"noise.raises: ValueError: bad day"}
    assert by_cell["noise.good", "dn.nan"]["reason"] == "dn.nan: its image holds NaN or infinity."
    assert "dn.shape: it returned shape (4, 3, 40, 47), not (4, 3, 40, 48)." not in done.stdout
    assert (
        by_cell["noise.good", "dn.shape"]["reason"] == "dn.shape: it returned shape (1, 3, 40, 47), not (1, 3, 40, 48)."
    )
    picky = [row["status"] for row in rows if row["degrader"] == "noise.good" and row["enhancer"] == "dn.picky"]
    assert len(picky) == 4


def test_one_bad_image_costs_a_batch_nothing_else(lab) -> None:
    body = """
    LOG(len(images))
    corner = images[:, :, 0, 0].sum(dim=1)
    if (corner == 3).any(): os.kill(os.getpid(), 9)
    if (corner == 0).any(): raise ValueError("black")
    return images.double().mean(dim=(1, 2, 3))
    """
    lab.install("scorer", "zoo.picky", body)
    folder = lab.photos(9)
    for name, colour in (("003.png", (255, 255, 255)), ("006.png", (0, 0, 0))):
        image = Image.open(folder / name).copy()
        image.putpixel((0, 0), colour)
        image.save(folder / name)
    done = lab.command("run", "--images", "photos", "--iqa", "zoo.picky", "--out", "run", "--batch-size", 9)
    assert done.returncode == 1
    failed = {row["item"]: row["reason"] for row in lab.rows("run") if row["status"] == "failed"}
    assert failed == {
        "003.png": "zoo.picky: its process was killed by SIGKILL",
        "006.png": "zoo.picky: ValueError: black",
    }
    assert lab.lines()[0] == "9"


def test_a_model_that_always_crashes_is_given_up(lab) -> None:
    lab.install("scorer", "zoo.good", GOOD)
    lab.install("scorer", "zoo.quits", 'LOG("tried")\nos._exit(3)')
    lab.photos(8)
    done = lab.command("run", "--images", "photos", "--iqa", "zoo.*", "--out", "run")
    assert done.returncode == 1
    found = reasons(lab.rows("run"))
    assert found["zoo.good"] == {""}
    assert (
        "zoo.quits: its process ended with exit code 3, 5 times in a row; the rest was not tried" in found["zoo.quits"]
    )
    assert len(lab.lines()) == 5


def test_plugins_that_cannot_be_discovered(lab) -> None:
    lab.install("scorer", "zoo.good", GOOD)
    zoo = lab.zoo
    zoo.install(lab.site, "iqabench-iqa-torn", "import a_library_that_nobody_has")
    zoo.install(lab.site, "iqabench-iqa-exits", "raise SystemExit('bye')")
    zoo.install(lab.site, "iqabench-iqa-prints", 'print("I am here")')
    zoo.install(
        lab.site, "iqabench-iqa-misspelt", "from iqabench import hookimpl\n@hookimpl\ndef iqabench_scorer(): return []"
    )
    for name in ("one", "two"):
        source = zoo.scorer("zoo.twice", GOOD).replace("iqabench_iqa_twice", f"iqabench_iqa_{name}")
        zoo.install(lab.site, f"iqabench-iqa-{name}", source)
    listed = lab.command("list", "--json")
    assert listed.returncode == 0, listed.stderr
    report = json.loads(listed.stdout)
    problems = {problem["plugin"]: problem for problem in report["problems"]}
    assert "No module named 'a_library_that_nobody_has'" in problems["iqabench-iqa-torn"]["reason"]
    assert "exit('bye')" in problems["iqabench-iqa-exits"]["reason"]
    assert "iqabench_scorer" in problems["iqabench-iqa-misspelt"]["reason"]
    assert problems["iqabench-iqa-misspelt"]["stage"] == "hooks"
    assert (
        "zoo.twice is declared by iqabench-iqa-one 1.0 and iqabench-iqa-two 1.0"
        in problems["iqabench-iqa-one"]["reason"]
    )
    assert "zoo.good" in {model["id"] for model in report["models"]}
    assert "zoo.twice" not in {model["id"] for model in report["models"] if model["state"] == "ready"}
    plain = lab.command("list", "zoo.good")
    for plugin in problems:
        assert plugin in plain.stdout

    # A pattern may have meant what is broken: the run says so and does not end well, but does the rest.
    lab.photos(2)
    done = lab.command("run", "--images", "photos", "--iqa", "zoo.*", "--out", "run", "--json")
    assert done.returncode == 1
    summary = json.loads(done.stdout)
    assert (summary["done"], summary["failed"]) == (2, 0)
    assert any("iqabench-iqa-torn" in doubt for doubt in summary["doubts"])
    # Who names a model plainly gets that model, and is told where it is missing.
    assert lab.command("run", "--images", "photos", "--iqa", "zoo.good", "--out", "run").returncode == 0
    twice = lab.command("run", "--images", "photos", "--iqa", "zoo.twice", "--out", "run")
    assert twice.returncode == 2
    assert "declared by iqabench-iqa-one 1.0 and iqabench-iqa-two 1.0" in twice.stderr
    lab.environment["IQABENCH_BLOCK"] = "iqabench-iqa-two,iqabench-iqa-torn,iqabench-iqa-exits,iqabench-iqa-misspelt"
    blocked = lab.command("run", "--images", "photos", "--iqa", "zoo.*", "--out", "run")
    assert blocked.returncode == 0, blocked.stdout


def test_misspelt_names_get_the_nearest(lab) -> None:
    lab.install("scorer", "zoo.good", GOOD, facts="params=(Param(name='width', default=3, low=1, help='of it'),)")
    lab.photos(1)
    for given, words, code in [
        (("--iqa", "zoo.goood"), "Did you mean zoo.good?", 2),
        (("--iqa", "zoo.good[widht=3]"), "It has: width.", 2),
        (("--iqa", "zoo.good[width=0]"), "out of range", 2),
        (("--iqa", "zoo.good[width=x]"), "is not a whole number", 2),
        (("--iqa", "zoo.good", "--suite", "nonesuch"), "There is no suite 'nonesuch'", 2),
        (("--iqa", "zoo.good", "--dataset", "nonesuch:photos"), "no dataset 'nonesuch'", 2),
        (("--iqa", "zoo.good", "--enhanced", "folder"), "Write it as NAME=PATH.", 2),
        (("--iqa", "zoo.good", "--dtype", "float17"), "dtype='float17' is not known", 2),
        (("--iqa", "zoo.good", "--workers", "0"), "workers=0 is too few", 2),
    ]:
        done = lab.command("run", "--images", "photos", *given, "--out", "run")
        assert done.returncode == code, (given, done.stderr)
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_weights_that_cannot_be_used(lab) -> None:
    Path(WAS_HERE).unlink(missing_ok=True)
    folder = lab.root / "weights"
    folder.mkdir()
    net = torch.nn.Linear(2, 3)
    good = {"weight": net.weight.detach(), "bias": net.bias.detach()}
    torch.save(good, folder / "good.pth")
    torch.save({"weight": good["weight"], "scale": good["bias"]}, folder / "keys.pth")
    (folder / "corrupt.pth").write_bytes((folder / "good.pth").read_bytes()[:-200])
    (folder / "evil.pth").write_bytes(pickle.dumps(Payload()))
    shutil.copy(folder / "good.pth", folder / "digest.pth")
    for name in ("good", "keys", "corrupt", "evil", "digest", "missing"):
        digest = f", sha256='{'0' * 64}'" if name == "digest" else ""
        file = f"WeightsFile(name='net.pth', sources=('file://{folder}/{name}.pth',), licence='MIT'{digest})"
        lab.install("scorer", f"zoo.{name}", GOOD, facts=f"weights=({file},)", setup=READS)
    lab.photos(2)
    done = lab.command("run", "--images", "photos", "--iqa", "zoo.*", "--out", "run")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    found = {name: next(iter(of)) for name, of in reasons(lab.rows("run")).items()}
    assert found["zoo.good"] == ""
    assert "1 missing (bias); 1 unexpected (scale)" in found["zoo.keys"]
    assert "corrupt.pth" in found["zoo.corrupt"]
    assert "evil.pth" in found["zoo.evil"]
    assert "open" in found["zoo.evil"]
    assert "SHA-256" in found["zoo.digest"]
    assert "missing.pth" in found["zoo.missing"]
    assert not Path(WAS_HERE).exists()
    models = lab.manifest("run")["models"]
    assert len(models["zoo.good"]["weights"]["net.pth"]) == 64

    # The user's own file in the place of what is missing; other weights are other cells.
    own = ("--weights", f"zoo.missing={folder / 'good.pth'}", "--weights", f"zoo.good:net.pth={folder / 'good.pth'}")
    mended = lab.command("run", "--images", "photos", "--iqa", "zoo.missing,zoo.good", "--out", "run", *own)
    assert mended.returncode == 0, mended.stdout
    wrong = lab.command(
        "run", "--images", "photos", "--iqa", "zoo.good", "--out", "run", "--weights", "zoo.good:nte.pth=x"
    )
    assert wrong.returncode == 2
    assert "net.pth" in wrong.stderr
