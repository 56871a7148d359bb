"""Qwen2-VL, asked how good an image is: for a number, or for one of five levels."""

from collections.abc import Iterable
from functools import partial

from iqabench import ScorerSpec, hookimpl
from iqabench.lmm.declaring import ANSWER_TOKENS, BITS, MAX_PIXELS, by_group, qwen2vl_files

QWEN2VL = partial(
    by_group,
    paper="arXiv:2409.12191",
    code="https://github.com/QwenLM/Qwen2-VL",
    weights=qwen2vl_files("Qwen/Qwen2-VL-7B-Instruct", licence="Apache-2.0"),
    training_data=("Qwen2-VL's own, not published",),
    memory_mb=36000,
)


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield from QWEN2VL(
        "qwen2vl",
        "Qwen2-VL-7B asked for a score from 1 to 5",
        load="iqabench_iqa_qwen2vl.model:load_{group}",
        params=(MAX_PIXELS, ANSWER_TOKENS, BITS),
    )
    yield from QWEN2VL(
        "qwen2vl-levels",
        "Qwen2-VL-7B asked for one of five levels",
        load="iqabench_iqa_qwen2vl.model:load_{group}_levels",
        params=(MAX_PIXELS, BITS),
    )
