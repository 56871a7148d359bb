"""Q-Eval-Score, which asks a Qwen2-VL tuned on generated images for one of five levels of quality."""

from collections.abc import Iterable

from iqabench import Param, ScorerSpec, hookimpl
from iqabench.lmm.declaring import BITS, MAX_PIXELS, OWN, qwen2vl_files


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="aigc.qeval",
        summary="Q-Eval-Score: Qwen2-VL-7B tuned on the ratings of Q-Eval-100K; the authors' retrained weights",
        load="iqabench_iqa_qeval.model:load",
        licence="Apache-2.0",
        paper="arXiv:2503.02357",
        code="https://github.com/zzc-1998/Q-Eval",
        params=(
            Param(
                name="prompt",
                default="",
                help="the text that all the images were generated from, which the question then quotes; without one "
                "that sentence is left out",
            ),
            MAX_PIXELS,
            BITS,
        ),
        weights=qwen2vl_files(
            "AGI-Eval-Official/Q-Eval-Score", licence="not stated (fine-tuned from Qwen2-VL-7B-Instruct, Apache-2.0)"
        ),
        own=OWN,
        training_data=("Q-Eval-100K (public part)", "Qwen2-VL's own, not published"),
        score_range=(0, 1),
        dtypes=("float32", "float16", "bfloat16"),
        cuda_dtype="bfloat16",
        memory_mb=36000,  # in float32; half of it in bfloat16
    )
