"""Peak signal-to-noise ratio."""

from collections.abc import Iterable

from iqabench import Param, ScorerSpec, hookimpl


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="fr.psnr",
        summary="Peak signal-to-noise ratio in dB, over RGB or luma",
        load="iqabench_iqa_psnr.model:load",
        licence="Apache-2.0",
        paper="doi:10.1049/el:20080522",  # Huynh-Thu and Ghanbari, what PSNR is good for
        reference=True,
        score_range=(0, None),
        params=(
            Param(
                name="channels",
                default="rgb",
                choices=("rgb", "y", "y601"),
                help="rgb, y (full-range luma) or y601 (MATLAB rgb2ycbcr luma, as super-resolution papers use)",
            ),
            Param(name="crop", default=0, low=0, help="pixels cut off each border before comparing"),
        ),
    )
