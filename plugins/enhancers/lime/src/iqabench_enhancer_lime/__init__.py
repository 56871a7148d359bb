"""LIME: low-light image enhancement via illumination map estimation."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, ImageNeeds, Param, hookimpl


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="lle.lime",
        summary="Division by an illumination map refined to keep structure (Guo et al., TIP 2017)",
        load="iqabench_enhancer_lime.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/TIP.2016.2639450",
        task="lle",
        needs=ImageNeeds(min_side=2, max_pixels=4_194_304),
        memory_mb=1100,
        params=(
            Param(name="alpha", default=0.15, low=0, high=10, help="weight of the structure term"),
            Param(name="gamma", default=0.8, low=0, high=1, help="exponent on the illumination; 1 brightens most"),
            Param(
                name="denoise",
                default=0.0,
                low=0,
                high=255,
                help="sigma of BM3D on the result's luma, 0-255 scale; 0: none. Needs the package bm3d",
            ),
        ),
    )
