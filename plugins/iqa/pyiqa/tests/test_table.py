"""What is read from pyiqa's table, none of which is run."""

from __future__ import annotations

import pytest

from iqabench.errors import PluginError
from iqabench_iqa_pyiqa import declare
from iqabench_iqa_pyiqa.table import bounds, identifier, metrics_in

TABLE = """
from collections import OrderedDict
raise SystemExit("this text must not be run")
DEFAULT_CONFIGS = OrderedDict({
    'lpips+': {'metric_opts': {'type': 'LPIPS'}, 'metric_mode': 'FR', 'lower_better': True, 'score_range': '0, 1'},
    'musiq': {'metric_opts': {'type': 'MUSIQ'}, 'metric_mode': 'NR', 'score_range': '~0, ~100'},
    'mad': {'metric_opts': {'type': 'MAD'}, 'metric_mode': 'FR', 'lower_better': True, 'score_range': '0, ~'},
    'unsaid': {'metric_opts': {'type': 'New'}, 'metric_mode': 'NR'},
    'fid': {'metric_opts': {'type': 'FID'}, 'metric_mode': 'NR', 'score_range': '0, ~'},
    'pair': {'metric_opts': {'type': 'FGResQ'}, 'metric_mode': 'FR', 'score_range': 'quality: 0, 1; rank: 0, 2'},
})
"""


def test_metrics() -> None:
    """Those that give no single number for an image are left out."""
    specs = {metric.id: declare(metric) for metric in metrics_in(TABLE)}
    assert list(specs) == ["pyiqa.lpips-plus", "pyiqa.musiq", "pyiqa.mad", "pyiqa.unsaid"]
    lpips, musiq = specs["pyiqa.lpips-plus"], specs["pyiqa.musiq"]
    assert (lpips.reference, lpips.higher_is_better, lpips.score_range) == (True, False, (0, 1))
    assert (musiq.reference, musiq.higher_is_better, musiq.score_range) == (False, True, (0, 100))
    assert lpips.resolve({}) == {"metric": "lpips+"}
    assert "commercial" in musiq.licence.lower()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ms_ssim", "pyiqa.ms-ssim"),
        ("clipiqa+_vitL14_512", "pyiqa.clipiqa-plus-vitl14-512"),
        ("qualiclip+-clive", "pyiqa.qualiclip-plus-clive"),
        ("topiq_nr-face-v1", "pyiqa.topiq-nr-face-v1"),
    ],
)
def test_identifiers(name: str, expected: str) -> None:
    assert identifier(name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0, 1", (0, 1)),
        ("~-1, ~0.1", (-1, 0.1)),
        ("~, 2", (None, 2)),
        ("~0, ~", (0, None)),
        ("a: 0, 1", None),
    ],
)
def test_bounds(text: str, expected: object) -> None:
    assert bounds(text) == expected


@pytest.mark.parametrize(
    "table",
    [
        "",
        "DEFAULT_CONFIGS = {",
        "DEFAULT_CONFIGS = read()",
        "DEFAULT_CONFIGS = {'a': {'metric_mode': 'NR'}}",
        "DEFAULT_CONFIGS = ['psnr']",
        "DEFAULT_CONFIGS = {'a': __import__('os').getcwd()}",
    ],
)
def test_another_table_is_refused(table: str) -> None:
    with pytest.raises(PluginError, match="table of metrics cannot be read"):
        metrics_in(table)


def test_two_names_of_one_id_are_refused() -> None:
    row = "{'metric_opts': {'type': 'SSIM'}, 'metric_mode': 'FR'}"
    with pytest.raises(PluginError, match=r"ms_ssim and MS-SSIM would both be pyiqa\.ms-ssim"):
        metrics_in(f"DEFAULT_CONFIGS = {{'ms_ssim': {row}, 'MS-SSIM': {row}}}")
