"""Run folders made by hand, of any size, with real pictures."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from iqabench.demo import photos as demo_photos
from iqabench.report.table import write_table

CELLS = {
    "sr": ("diffbir", "osediff", "pasd", "supir"),
    "lle": ("glare", "lightendiff", "nerco", "quadprior"),
    "dn": ("diffbir", "maskdn", "pasd", "supir"),
}


def pictures(folder: Path, count: int, size: tuple[int, int] = (512, 384)) -> list[Path]:
    """Crops of the demo's photos at several places, as JPEG files."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    sources = [Image.open(path).convert("RGB") for path in sorted(demo_photos().glob("*.png"))]
    made = []
    for at in range(count):
        source = sources[at % len(sources)]
        scale = max(size[0] / source.width, size[1] / source.height) * 1.2
        larger = source.resize((round(source.width * scale), round(source.height * scale)))
        left, top = (int(rng.integers(0, room + 1)) for room in (larger.width - size[0], larger.height - size[1]))
        made.append(folder / f"{at:03}.jpg")
        larger.crop((left, top, left + size[0], top + size[1])).save(made[-1], quality=90)
    return made


def rated_run(folder: Path, *, contents: int = 30, scorers: int = 5, kinds: int = 6, hostile: str = "") -> Path:
    """A run of ``contents`` photos by AU-IQA's twelve enhancers: opinions of five people, ``scorers`` scorers, of which
    the last ranks backwards, the first was trained on the photos, and the second failed on three images.

    ``hostile`` becomes part of the first image's name.
    """
    rng = np.random.default_rng(0)
    base = pictures(folder / "base", kinds)
    rows = []
    for task, names in CELLS.items():
        for name in names:
            place = folder / "data" / task / name
            place.mkdir(parents=True)
            for photo in range(contents):
                item = f"{task}/{name}/{photo:04}{hostile if not rows else ''}.jpg"
                file = place / f"{photo:04}.jpg"
                os.link(base[photo % kinds], file)
                rows.append((item, f"{photo:04}", f"{task}.{name}", task, str(file)))
    images = pd.DataFrame(rows, columns=["item", "source", "enhancer", "task", "image"])
    content = images["source"].astype(int).to_numpy()
    quality = 0.6 * rng.normal(size=len(images)) + 0.5 * rng.normal(size=contents)[content]
    quality += images["task"].map({"sr": 0.3, "lle": -0.4, "dn": 0.1}).to_numpy()
    votes = np.clip(np.round(3.2 + quality[:, None] + 0.6 * rng.normal(size=(len(images), 5))), 1, 5)
    images = images.assign(
        dataset="auiqa", degrader="", mos=votes.mean(axis=1), std=votes.std(axis=1, ddof=1), votes=5.0
    )
    models, frames = {}, []
    for at in range(scorers):
        label = f"{('ugc', 'aigc', 'mixed', 'nr')[at % 4]}.scorer{at:02}"
        higher = at % 3 != 2
        values = np.tanh(quality / 2 + rng.normal(size=len(images)) * (0.2 + at / 12))
        values = (values if higher else -values) * (1 if at < scorers - 1 else -1)
        if at == 1:
            values[[0, 7, 11]] = np.nan
        models[label] = {
            "kind": "scorer",
            "higher_is_better": higher,
            "params": {},
            "training_data": ["KonIQ-10k"] if at == 0 else [],
            "weights": {"model.pth": f"{at:064x}"},
            "licence": "Apache-2.0",
            "distribution": "iqabench-iqa-made 0.1.0",
            "revision": 1,
        }
        failed = np.isnan(values)
        frames.append(
            images.assign(
                scorer=label,
                seed=0,
                score=values,
                status=np.where(failed, "failed", "done"),
                reason=np.where(failed, "the image is 3×3: under the least side of 32", ""),
                seconds=0.01,
                device="cpu",
            )
        )
    write_table(folder, "scores", pd.concat(frames, ignore_index=True))
    write_table(folder, "images", images.assign(status="done", reason="", seconds=0.0, device=""))
    manifest = {
        "format": 1,
        "iqabench": "0.1.0",
        "python": "3.11",
        "machine": "made by hand",
        "libraries": {"numpy": np.__version__},
        "seed": 0,
        "datasets": {
            "auiqa": {
                "read_from": "auiqa:data", "measure": "MOS", "mos_range": [1, 5], "higher_is_better": True,
                "groups": ["task", "enhancer"], "splits": [], "within": "", "subsets": {}, "licence": "MIT",
            }
        },
        "models": models,
        "notes": [],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "study.toml").write_text('dataset = ["auiqa:data"]\niqa = ["*"]\n')
    return folder
