"""Additive white Gaussian noise."""

from collections.abc import Iterable

from iqabench import DegraderSpec, Param, hookimpl


@hookimpl
def iqabench_degraders() -> Iterable[DegraderSpec]:
    yield DegraderSpec(
        id="noise.gaussian",
        summary="Additive white Gaussian noise, clipped",
        load="iqabench_degrader_gaussian.model:load",
        licence="Apache-2.0",
        paper="arXiv:1608.03981",
        undone_by="dn",
        seeded=True,
        params=(Param(name="sigma", default=25.0, low=0, high=255, help="standard deviation on the 0-255 scale"),),
    )
