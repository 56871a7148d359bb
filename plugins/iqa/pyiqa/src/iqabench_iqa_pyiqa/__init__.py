"""A bridge to pyiqa: every metric of an installed pyiqa that scores one image, as ``pyiqa.<name>``.

pyiqa is not installed with this package, for its licence forbids commercial use: ``pip install
iqabench-iqa-pyiqa[pyiqa]``. Without it nothing is declared. Names are brought to the form of ids: ``ms_ssim`` is
``pyiqa.ms-ssim``, ``clipiqa+`` is ``pyiqa.clipiqa-plus``. pyiqa downloads its weights itself, at the first use.
"""

from collections.abc import Iterable

from iqabench import Param, ScorerSpec, hookimpl
from iqabench_iqa_pyiqa.table import Metric, installed_metrics

LICENCE = "PolyForm-Noncommercial-1.0.0 and S-Lab-1.0 (pyiqa: no commercial use; weights have licences of their own)"


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    return [declare(metric) for metric in installed_metrics()]


def declare(metric: Metric) -> ScorerSpec:
    return ScorerSpec(
        id=metric.id,
        summary=f"{metric.name}, as the installed pyiqa computes it",
        load="iqabench_iqa_pyiqa.model:load",
        licence=LICENCE,
        code="https://github.com/chaofengc/IQA-PyTorch",
        # By which the loader, one for all of them, is told what to load.
        params=(Param(name="metric", default=metric.name, choices=(metric.name,), help="pyiqa's name of the metric"),),
        reference=metric.reference,
        higher_is_better=metric.higher_is_better,
        score_range=metric.score_range,
        batchable=False,  # some of pyiqa's networks choose what they look at by the size of the batch
    )
