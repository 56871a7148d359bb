"""Gradient magnitude similarity deviation."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, hookimpl


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="fr.gmsd",
        summary="Gradient magnitude similarity deviation (GMSD)",
        load="iqabench_iqa_gmsd.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/TIP.2013.2293423",
        code="https://www4.comp.polyu.edu.hk/~cslzhang/IQA/GMSD/GMSD.htm",
        reference=True,
        higher_is_better=False,
        score_range=(0, 0.5),
        needs=ImageNeeds(min_side=4),
        params=(
            Param(name="rounded", default=True, help="round the luma to 8 bits, as the authors' code does"),
            Param(
                name="odd",
                default="crop",
                choices=("crop", "zeros"),
                help="what becomes of an odd last row or column: crop (left out) or zeros (halved with a row of zeros)",
            ),
        ),
    )
