"""Zero-DCE, with weights that may be used freely."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, WeightsFile, hookimpl


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="lle.zerodce",
        summary="Zero-DCE: light curves for every pixel, estimated by a small network",
        load="iqabench_enhancer_zerodce.model:load",
        licence="Apache-2.0",
        paper="arXiv:2001.06826",
        code="https://github.com/Li-Chongyi/Zero-DCE",
        task="lle",
        training_data=("LOL",),
        weights=(
            WeightsFile(
                name="lol.safetensors",
                sources=("package://iqabench-enhancer-zerodce/iqabench_enhancer_zerodce/lol.safetensors",),
                licence="MIT",
                sha256="7106e741306df02d2a347f7e1c09220cb692039c712bf2a50a0cde83e9745383",
                size=318760,
            ),
        ),
    )
