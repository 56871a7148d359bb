"""Non-local means denoising."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, ImageNeeds, Param, hookimpl


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="dn.nlm",
        summary="Non-local means, the noise level estimated unless given",
        load="iqabench_enhancer_nlm.model:load",
        licence="BSD-3-Clause",
        paper="doi:10.1109/CVPR.2005.38",
        code="https://github.com/scikit-image/scikit-image",
        task="dn",
        needs=ImageNeeds(min_side=16),
        params=(
            Param(name="sigma", default=0.0, low=0, high=255, help="noise on the 0-255 scale; 0: estimated"),
            Param(name="strength", default=0.6, low=0.01, high=10, help="filter strength h over sigma"),
            Param(name="patch_size", default=5, low=1, high=31, help="side of the patches compared, in pixels"),
            Param(name="patch_distance", default=6, low=1, high=50, help="farthest patch compared, in pixels"),
        ),
    )
