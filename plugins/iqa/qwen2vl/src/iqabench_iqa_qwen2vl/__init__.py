"""Qwen2-VL, asked how good an image is: for a number, or for one of five levels."""

from collections.abc import Iterable

from iqabench import ScorerSpec, hookimpl
from iqabench.lmm.declaring import ANSWER_TOKENS, BITS, MAX_PIXELS, OWN, TUNED, qwen2vl_files

FILES = qwen2vl_files("Qwen/Qwen2-VL-7B-Instruct", licence="Apache-2.0")


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    for group in TUNED:
        yield ScorerSpec(
            id=f"{group}.qwen2vl",
            summary=f"Qwen2-VL-7B asked for a score from 1 to 5; {TUNED[group]}",
            load=f"iqabench_iqa_qwen2vl.model:load_{group}",
            licence="Apache-2.0",
            paper="arXiv:2409.12191",
            code="https://github.com/QwenLM/Qwen2-VL",
            params=(MAX_PIXELS, ANSWER_TOKENS, BITS),
            weights=FILES,
            own=OWN,
            training_data=("Qwen2-VL's own, not published",),
            score_range=(1, 5),
            dtypes=("float32", "bfloat16", "float16"),
            cuda_dtype="bfloat16",
            memory_mb=36000,  # in float32; half of it in bfloat16
        )
        yield ScorerSpec(
            id=f"{group}.qwen2vl-levels",
            summary=f"Qwen2-VL-7B asked for one of five levels; {TUNED[group]}",
            load=f"iqabench_iqa_qwen2vl.model:load_{group}_levels",
            licence="Apache-2.0",
            paper="arXiv:2409.12191",
            code="https://github.com/QwenLM/Qwen2-VL",
            params=(MAX_PIXELS, BITS),
            weights=FILES,
            own=OWN,
            training_data=("Qwen2-VL's own, not published",),
            score_range=(1, 5),
            dtypes=("float32", "bfloat16", "float16"),
            cuda_dtype="bfloat16",
            memory_mb=36000,  # in float32; half of it in bfloat16
        )
