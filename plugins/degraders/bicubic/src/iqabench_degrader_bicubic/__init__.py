"""Low resolution by antialiased bicubic reduction."""

from collections.abc import Iterable

from iqabench import DegraderSpec, Param, hookimpl


@hookimpl
def iqabench_degraders() -> Iterable[DegraderSpec]:
    yield DegraderSpec(
        id="lr.bicubic",
        summary="Antialiased bicubic reduction, as MATLAB's imresize",
        load="iqabench_degrader_bicubic.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/TASSP.1981.1163711",
        undone_by="sr",
        params=(Param(name="scale", default=4, choices=(2, 3, 4), help="the input's side over the output's"),),
    )
