"""Underexposed photographs."""

from collections.abc import Iterable

from iqabench import DegraderSpec, Param, hookimpl


@hookimpl
def iqabench_degraders() -> Iterable[DegraderSpec]:
    yield DegraderSpec(
        id="dark.exposure",
        summary="Underexposure in linear light, with optional gamma darkening and read noise",
        load="iqabench_degrader_exposure.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/TIP.2018.2794218",
        undone_by="lle",
        seeded=True,
        params=(
            Param(name="ev", default=3.0, low=0, high=10, help="stops of exposure taken away: light times 2^-ev"),
            Param(name="gamma", default=1.0, low=1, high=10, help="exponent on the sRGB values afterwards; 1: none"),
            Param(
                name="read_noise",
                default=0.0,
                low=0,
                high=255,
                help="standard deviation of sensor noise in linear light, on the 0-255 scale; 0: none",
            ),
        ),
    )
