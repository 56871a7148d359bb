"""Feature similarity."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, hookimpl


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="fr.fsim",
        summary="Feature similarity in colour (FSIMc), or of luma alone (FSIM)",
        load="iqabench_iqa_fsim.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/TIP.2011.2109730",
        code="https://www4.comp.polyu.edu.hk/~cslzhang/IQA/FSIM/FSIM.htm",
        reference=True,
        score_range=(0, 1),
        needs=ImageNeeds(min_side=16),
        params=(
            Param(name="chromatic", default=True, help="compare I and Q too (FSIMc); false gives FSIM, of luma alone"),
        ),
    )
