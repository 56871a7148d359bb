"""BM3D denoising."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, ImageNeeds, Param, hookimpl


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="dn.bm3d",
        summary="Block-matching and 3D filtering, the noise level estimated unless given",
        load="iqabench_enhancer_bm3d.model:load",
        licence="LicenseRef-TAU-non-commercial (bm3d and bm4d: for information and non-commercial use only)",
        paper="doi:10.1109/TIP.2007.901238",
        code="https://pypi.org/project/bm3d/",
        task="dn",
        needs=ImageNeeds(min_side=16),
        params=(
            Param(name="sigma", default=0.0, low=0, high=255, help="noise on the 0-255 scale; 0: estimated"),
            Param(
                name="profile",
                default="np",
                choices=("np", "lc", "high"),
                help="np (normal), lc (4 times as fast, 0.1 to 0.2 dB lower) or high (denser blocks, slower)",
            ),
        ),
    )
