"""The real label files of KonIQ-10k and AGIQA-3K, where they lie beside the checkout."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not here"),
]


@pytest.fixture
def place(tmp_path):
    def copy(name: str) -> Path:
        shutil.copy(DATA / name, tmp_path)
        return tmp_path

    return copy


def test_koniq10k(specs, place):
    spec = specs["koniq10k"]
    items = spec.read(place("koniq/koniq10k_distributions_sets.csv.gz"))
    assert len(items) == spec.n
    splits = Counter(item.facts["split"] for item in items)
    assert {f"split={name}": count for name, count in splits.items()} == spec.counts
    assert sum(item.facts["raters"] for item in items) == 1_078_154
    assert (min(item.mos for item in items), max(item.mos for item in items)) == pytest.approx(
        (3.91176, 88.38889), abs=1e-5
    )
    assert items[0].facts["mos_1_5"] == pytest.approx(3.82857142857143, abs=1e-9)


def test_agiqa3k(specs, place):
    spec = specs["agiqa3k"]
    items = spec.read(place("agiqa3k/data.csv.gz"))
    assert len(items) == spec.n
    assert Counter(item.facts["generator"] for item in items).keys() == {
        "AttnGAN",
        "DALLE2",
        "glide",
        "midjourney",
        "sd1.5",
        "xl2.2",
    }
    assert len({item.source for item in items}) == 300
    assert all(0 <= item.mos <= 5 for item in items)


def test_tid2013_subsets_are_those_of_the_published_table(specs, tmp_path):
    """The Spearman correlations that lucia15 published for PSNR and GMSD on each subset come out on ours."""
    scipy_stats = pytest.importorskip("scipy.stats")
    pandas = pytest.importorskip("pandas")
    from iqabench.datasets.distortions import TID2013

    scores = pandas.read_csv(DATA / "lucia15_tid2013" / "data.csv.gz")
    published = pandas.read_csv(DATA / "lucia15_tid2013" / "Spearman-correlation.csv", index_col=0)
    lines = [f"{mos:.5f} {name}" for name, mos in zip(scores.name, scores.MOS, strict=True)]
    (tmp_path / "mos_with_names.txt").write_text("\n".join(lines))
    names = [name.lower() for name in scores.name]
    assert len(TID2013) == scores.distortion.nunique()
    for subset in specs["tid2013"].subsets:
        items = {item.name: item for item in specs["tid2013"].read(Path(f"{tmp_path}[subset={subset}]"))}
        kept = [name in items for name in names]
        for metric in ("PSNR", "GMSD"):
            found = scipy_stats.spearmanr(scores[metric][kept], scores.MOS[kept]).statistic
            assert found == pytest.approx(published.loc[metric, subset.title()], abs=1e-6), (subset, metric)
