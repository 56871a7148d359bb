"""Contrast-limited adaptive histogram equalisation."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, ImageNeeds, Param, hookimpl


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="lle.clahe",
        summary="Contrast-limited adaptive histogram equalisation of the lightness",
        load="iqabench_enhancer_clahe.model:load",
        licence="BSD-3-Clause",
        paper="doi:10.1016/B978-0-12-336156-1.50061-6",
        code="https://github.com/scikit-image/scikit-image",
        task="lle",
        needs=ImageNeeds(min_side=16),
        params=(
            Param(
                name="clip_limit",
                default=0.01,
                low=0,
                high=1,
                help="largest share of a tile's pixels that one of 256 bins may hold (OpenCV's clipLimit / 256)",
            ),
            Param(name="tiles", default=8, low=1, high=64, help="tiles along each side"),
        ),
    )
