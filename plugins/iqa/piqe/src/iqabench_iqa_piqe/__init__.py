"""PIQE, which has no learned parameters."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, hookimpl


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="nr.piqe",
        summary="Perception-based Image Quality Evaluator: the share of active blocks that are distorted",
        load="iqabench_iqa_piqe.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/NCC.2015.7084843",
        code="https://www.mathworks.com/help/images/ref/piqe.html",
        params=(
            Param(
                name="convention",
                default="matlab",
                choices=("matlab", "pyiqa"),
                help="matlab (8-bit grey, padded to whole blocks) or pyiqa (grey not rounded, edge blocks dropped)",
            ),
        ),
        needs=ImageNeeds(min_side=16),
        higher_is_better=False,
        score_range=(0, 100),
    )
