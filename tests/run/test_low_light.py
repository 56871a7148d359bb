"""The study's low-light enhancers from photos to pictures, by the real command, on small checkpoints."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from PIL import Image

ENHANCERS = {
    "glare": "lle.glare",
    "lightendiff": "lle.lightendiff[steps=2]",
    "nerco": "lle.nerco",
    "quadprior": "lle.quadprior[steps=3,short_side=64]",
}
SCORERS = ("fr.psnr", "fr.ssim")
SIZE = (65, 82)  # a multiple of nothing that any of them wants


def test_from_photos_to_the_matrix_and_the_grid(lab) -> None:
    lab.photos(2, size=SIZE)
    weights = [f"--weights=lle.{name}={lab.weights(f'lle.{name}')}" for name in ENHANCERS]
    stages = ["--degraders", "dark.exposure", "--enhancers", ",".join(ENHANCERS.values()), "--iqa", ",".join(SCORERS)]
    command = ["run", "--images", "photos", *stages, *weights, "--out", "run"]
    done = lab.command(*command)
    assert done.returncode == 0, done.stderr

    rows = [row for row in lab.rows("run") if row["enhancer"]]
    assert {(row["enhancer"], row["scorer"]) for row in rows} == {
        (enhancer, scorer) for enhancer in ENHANCERS.values() for scorer in SCORERS
    }
    assert len(rows) == 2 * len(ENHANCERS) * len(SCORERS)
    assert {row["status"] for row in rows} == {"done"}
    scores = {(row["enhancer"], row["item"]): float(row["score"]) for row in rows if row["scorer"] == "fr.psnr"}
    assert len(set(scores.values())) == len(scores)

    enhanced = [np.asarray(Image.open(path)) for path in (lab.root / "run" / "images").rglob("[!.]*.png")]
    assert all(image.shape == (*SIZE, 3) for image in enhanced)
    assert len(enhanced) == 2 * (1 + len(ENHANCERS))  # darkened, and enhanced by each
    assert all((one != other).mean() > 0.02 for one, other in combinations(enhanced, 2))

    for name in ENHANCERS:
        assert f"lle.{name}" in done.stdout
    shown = lab.command("show", "run").stdout
    assert all(f"lle.{name}" in shown for name in ENHANCERS)
    drawn = lab.command("grid", "run", "--tile", 64)
    assert drawn.returncode == 0, drawn.stderr
    with Image.open(lab.root / "run" / "grid.png") as picture:
        assert picture.width >= 64 * (2 + len(ENHANCERS))
        assert picture.height >= 2 * 64

    before = lab.table("run")
    again = lab.command(*command)  # nothing is left to do, so no checkpoint is read
    assert again.returncode == 0, again.stderr
    assert lab.table("run") == before
