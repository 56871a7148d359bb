"""NIQE, with the pristine model of its authors."""

from collections.abc import Iterable

from iqabench import ImageNeeds, ScorerSpec, WeightsFile, hookimpl

PRISTINE = "pristine.safetensors"


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="nr.niqe",
        summary="Naturalness Image Quality Evaluator: distance from the statistics of pristine photographs",
        load="iqabench_iqa_niqe.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/LSP.2012.2227726",
        code="https://github.com/utlive/niqe",
        weights=(
            WeightsFile(
                name=PRISTINE,
                sources=(f"package://iqabench-iqa-niqe/iqabench_iqa_niqe/{PRISTINE}",),
                licence="LicenseRef-LIVE (any use, with the notice and a citation)",
                sha256="78b3c036896435661bcf1755753af1c96420411b317c3c5a60e738edf8e381c7",
                size=10952,
            ),
        ),
        training_data=("125 pristine photographs from Flickr and the Berkeley segmentation database",),
        needs=ImageNeeds(min_side=96),
        higher_is_better=False,
        score_range=(0, None),
    )
