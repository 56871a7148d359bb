"""Bicubic interpolation."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, Param, hookimpl


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="sr.bicubic",
        summary="Bicubic enlargement, as MATLAB's imresize",
        load="iqabench_enhancer_bicubic.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/TASSP.1981.1163711",
        task="sr",
        params=(Param(name="scale", default=4, choices=(2, 3, 4), help="the output's side over the input's"),),
    )
