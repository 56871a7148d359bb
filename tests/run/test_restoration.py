"""The study's super-resolution and denoising enhancers from photos to pictures, by the real command, on small
checkpoints; and a network of the community's beside them."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image

from iqabench.compat.torchvision import import_beside_torchvision
from iqabench.testing.checkpoints import generate, manifest_of, save

ENHANCERS = {
    "sr.diffbir": "sr.diffbir[steps=1]",
    "sr.osediff": "sr.osediff[process_size=64]",
    "sr.pasd": "sr.pasd[steps=1,process_size=64]",
    "sr.spandrel": "sr.spandrel",
    "sr.supir": "sr.supir[steps=1]",
    "dn.diffbir": "dn.diffbir[version=v2,steps=2]",
    "dn.maskdn": "dn.maskdn",
    "dn.pasd": "dn.pasd[steps=2,process_size=64]",
    "dn.supir": "dn.supir[steps=2]",
}
OTHER_FILES = {"dn.diffbir": {"version": "v2"}}
DEGRADERS = {"lr.bicubic": "sr", "noise.gaussian": "dn"}
SCORERS = ("fr.psnr", "fr.ssim")
PHOTOS, SIZE, REDUCIBLE = 2, (66, 82), (64, 80)  # low resolution leaves out what is no multiple of 4


def write_esrgan(folder: Path) -> Path:
    """As the community gives them away: one file, whose keys alone say of what network it is."""
    import_beside_torchvision("spandrel")  # whose parts import each other, and cannot be imported alone
    esrgan = import_beside_torchvision("spandrel.architectures.ESRGAN").ESRGAN
    state = generate(manifest_of(esrgan(num_filters=16, num_blocks=1, scale=4)))
    state = {key: value * 0.7 if value.ndim > 1 else value for key, value in state.items()}
    state[next(reversed(state))] += 0.5  # the last bias: around grey
    return save(state, folder / "4x_esrgan.pth", wrappers=("params_ema",))


def test_from_photos_to_the_matrix_and_the_grid(lab) -> None:
    lab.photos(PHOTOS, size=SIZE)
    weights = {name: lab.weights(name, **OTHER_FILES.get(name, {})) for name in ENHANCERS if name != "sr.spandrel"}
    weights["sr.spandrel"] = write_esrgan(lab.root)
    stages = ["--degraders", ",".join(DEGRADERS), "--enhancers", ",".join(ENHANCERS.values())]
    stages += ["--iqa", ",".join(SCORERS), *(f"--weights={name}={path}" for name, path in weights.items())]
    command = ["run", "--images", "photos", *stages, "--device", "cpu", "--out", "run"]
    done = lab.command(*command)
    assert done.returncode == 0, done.stderr

    rows = [row for row in lab.rows("run") if row["enhancer"]]
    assert {row["status"] for row in rows} == {"done"}
    assert len(rows) == PHOTOS * len(ENHANCERS) * len(SCORERS)
    assert {(row["enhancer"], row["scorer"]) for row in rows} == {
        (enhancer, scorer) for enhancer in ENHANCERS.values() for scorer in SCORERS
    }
    assert all(row["enhancer"].startswith(f"{DEGRADERS[row['degrader']]}.") for row in rows)
    scores = [row["score"] for row in rows if row["scorer"] == "fr.psnr"]
    assert len(set(scores)) == len(scores)

    images = [np.asarray(Image.open(path)) for path in (lab.root / "run" / "images").rglob("[!.]*.png")]
    assert len(images) == PHOTOS * (len(DEGRADERS) + len(ENHANCERS))
    enlarged, denoised = ([image for image in images if image.shape == (*size, 3)] for size in (REDUCIBLE, SIZE))
    assert len(enlarged) == PHOTOS * sum(name.startswith("sr.") for name in ENHANCERS)
    assert len(denoised) == PHOTOS * (1 + sum(name.startswith("dn.") for name in ENHANCERS))  # the noisy ones too
    for alike in (enlarged, denoised):
        assert all((one != other).mean() > 0.02 for one, other in combinations(alike, 2))

    shown = lab.command("show", "run").stdout
    assert all(name in done.stdout and name in shown for name in ENHANCERS)
    drawn = lab.command("grid", "run", "--tile", 64)
    assert drawn.returncode == 0, drawn.stderr
    with Image.open(lab.root / "run" / "grid.png") as picture:
        assert picture.width >= 64 * (2 + len(ENHANCERS) // 2)
        assert picture.height >= PHOTOS * 64

    before = lab.table("run")
    again = lab.command(*command)  # nothing is left to do, so no checkpoint is read
    assert again.returncode == 0, again.stderr
    assert lab.table("run") == before
