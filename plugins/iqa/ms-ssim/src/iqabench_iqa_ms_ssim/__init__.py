"""Multi-scale structural similarity."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, hookimpl


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="fr.ms-ssim",
        summary="Multi-scale structural similarity (MS-SSIM), over luma or RGB",
        load="iqabench_iqa_ms_ssim.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/ACSSC.2003.1292216",
        code="https://ece.uwaterloo.ca/~z70wang/research/iwssim/",
        reference=True,
        score_range=(-1, 1),
        needs=ImageNeeds(min_side=161),
        params=(
            Param(
                name="channels",
                default="y",
                choices=("y", "rgb"),
                help="y (luma rounded to 8 bits) or rgb (mean over the channels)",
            ),
            Param(
                name="combine",
                default="product",
                choices=("product", "sum"),
                help="product of powers of the scales (the paper) or their weighted sum (published MATLAB tables)",
            ),
        ),
    )
