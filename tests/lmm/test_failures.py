"""An image without a score fails by itself, with its reason, and takes no other image of its batch along."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from iqabench.loading import load_selection
from iqabench.patterns import Selection
from iqabench.plan import identity
from iqabench.specs import ScorerSpec
from iqabench.types import LoadContext, Scores
from iqabench.weights.cache import Cache

BODY = """
from iqabench.types import Scores
means = images.mean(dim=(1, 2, 3))
dark = means < 0.5
reasons = {place: "its answer 'so dark' holds no number" for place in dark.nonzero()[:, 0].tolist()}
return Scores(means.masked_fill(dark, float("nan")), reasons)
"""


def load_some(context: LoadContext) -> Any:
    def score(images: torch.Tensor, references: torch.Tensor | None = None) -> Scores:
        means = images.mean(dim=(1, 2, 3)).to(context.dtype)
        return Scores(torch.where(means < 0.5, torch.nan, means), {i: "dark" for i, m in enumerate(means) if m < 0.5})

    return score


def spec(**facts: Any) -> ScorerSpec:
    return ScorerSpec(id="nr.some", summary="Some", load=f"{__name__}:load_some", licence="MIT", **facts)


def loaded(declared: ScorerSpec, tmp_path: Path, **options: Any) -> Any:
    sys.modules.setdefault(__name__, sys.modules[load_some.__module__])
    return load_selection(Selection(declared, {}), cache=Cache(tmp_path), **options)


def test_reasons_keep_their_place(tmp_path: Path) -> None:
    """Whether images are scored in one batch or, where a model cannot, one by one."""
    images = torch.stack([torch.full((3, 8, 8), level) for level in (0.9, 0.1, 0.8, 0.2)])
    for batchable in (True, False):
        model = loaded(spec(batchable=batchable), tmp_path)
        judged = model.judge(images)
        assert judged.reasons == {1: "dark", 3: "dark"}
        assert judged.values.isnan().tolist() == [False, True, False, True]
        assert torch.equal(model(images).isnan(), judged.values.isnan())


def test_the_dtype_is_the_models_own_unless_asked(tmp_path: Path) -> None:
    declared = spec(dtypes=("float32", "bfloat16"), cuda_dtype="bfloat16")
    assert loaded(declared, tmp_path).context.dtype == torch.float32
    assert loaded(declared, tmp_path, dtype="bfloat16").context.dtype == torch.bfloat16
    assert loaded(declared, tmp_path, dtype="float16").context.dtype == torch.float32
    assert [declared.dtype_for(asked, cuda=True) for asked in ("auto", "float32", "float16")] == [
        "bfloat16", "float32", "bfloat16"
    ]  # fmt: skip


def test_a_key_tells_the_models_own_dtype_from_one_asked_for() -> None:
    declared = spec(dtypes=("float32", "bfloat16"), cuda_dtype="bfloat16")
    keys = [identity(Selection(declared, {}), dtype=asked, seed=0, digests={}) for asked in ("auto", "float32")]
    assert keys[0] != keys[1]
    plain = [identity(Selection(spec(), {}), dtype=asked, seed=0, digests={}) for asked in ("auto", "float32")]
    assert plain[0] == plain[1]


def test_a_run_records_which_images_failed_and_why(zoo: ModuleType, tmp_path: Path) -> None:
    """The rest is scored; the table says how many failed, and the command ends as one that failed."""
    zoo.install(tmp_path / "site", zoo.distribution_of("scorer", "zoo.some"), zoo.scorer("zoo.some", BODY))
    photos = tmp_path / "photos"
    photos.mkdir()
    for at, level in enumerate((40, 200, 60, 220, 230)):
        Image.fromarray(np.full((16, 16, 3), level, np.uint8)).save(photos / f"{at}.png")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "IQABENCH_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "iqabench", "run", "--images", "photos", "--iqa", "zoo.some", "--batch-size", "5",
         "--out", "run", "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    rows = pd.read_csv(tmp_path / "run" / "scores.csv").set_index("item")
    assert rows["status"].tolist() == ["failed", "done", "failed", "done", "done"]
    assert (
        rows.loc[rows["status"] == "failed", "reason"].tolist()
        == ["zoo.some: its answer 'so dark' holds no number"] * 2
    )
    assert rows["score"].isna().tolist() == [True, False, True, False, False]
    summary = json.loads(done.stdout)
    assert (summary["scores"], summary["failed"]) == (5, 2)
