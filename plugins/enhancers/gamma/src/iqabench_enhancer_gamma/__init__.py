"""Automatic gamma correction."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, Param, hookimpl


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="lle.gamma",
        summary="Gamma correction that moves the mean brightness to the middle of the range",
        load="iqabench_enhancer_gamma.model:load",
        licence="Apache-2.0",
        paper="http://acsij.org/index.php/acsij/article/view/390",
        task="lle",
        params=(
            Param(name="statistic", default="mean", choices=("mean", "median"), help="of the luma, moved to target"),
            Param(name="target", default=0.5, low=0.05, high=0.95, help="brightness in [0, 1] that it is moved to"),
        ),
    )
