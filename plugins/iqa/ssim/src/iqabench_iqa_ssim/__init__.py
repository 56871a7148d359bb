"""Structural similarity."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, hookimpl


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="fr.ssim",
        summary="Structural similarity (SSIM), over luma or RGB",
        load="iqabench_iqa_ssim.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/TIP.2003.819861",
        code="https://ece.uwaterloo.ca/~z70wang/research/ssim/",
        reference=True,
        score_range=(-1, 1),
        needs=ImageNeeds(min_side=11),
        params=(
            Param(
                name="channels",
                default="y",
                choices=("y", "rgb", "y601"),
                help="y (luma rounded to 8 bits), rgb (mean over the channels) or y601 (MATLAB rgb2ycbcr luma)",
            ),
            Param(
                name="downsample",
                default=False,
                help="average blocks of round(shorter side / 256) pixels first, as the authors' ssim.m of 2009 does",
            ),
            Param(name="clamp", default=False, help="take a negative contrast-structure term as 0, as pyiqa does"),
            Param(name="crop", default=0, low=0, help="pixels cut off each border before comparing"),
        ),
    )
