"""BRISQUE, with the regression of its authors."""

from collections.abc import Iterable

from iqabench import ImageNeeds, ScorerSpec, WeightsFile, hookimpl

REGRESSION = "live.safetensors"


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="nr.brisque",
        summary="Blind/Referenceless Image Spatial Quality Evaluator, trained on LIVE; about 0 (best) to 100",
        load="iqabench_iqa_brisque.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/TIP.2012.2214050",
        code="https://github.com/utlive/BRISQUE",
        weights=(
            WeightsFile(
                name=REGRESSION,
                sources=(f"package://iqabench-iqa-brisque/iqabench_iqa_brisque/{REGRESSION}",),
                licence="LicenseRef-LIVE (any use, with the notice and a citation)",
                sha256="003c46579c8a6b8a6fd6b94a403e754615dd116090abd7c51cb715ef9265d7ff",
                size=229544,
            ),
        ),
        training_data=("LIVE",),
        needs=ImageNeeds(min_side=16),
        higher_is_better=False,
    )
