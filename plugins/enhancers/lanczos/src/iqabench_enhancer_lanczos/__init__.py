"""Lanczos interpolation."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, Param, hookimpl


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="sr.lanczos",
        summary="Enlargement with the Lanczos kernel of three lobes",
        load="iqabench_enhancer_lanczos.model:load",
        licence="Apache-2.0",
        paper="doi:10.1175/1520-0450(1979)018<1016:LFIOAT>2.0.CO;2",
        task="sr",
        params=(Param(name="scale", default=4, choices=(2, 3, 4), help="the output's side over the input's"),),
    )
