"""LLaVA-v1.6 (LLaVA-NeXT) on Mistral-7B, asked how good an image is."""

from collections.abc import Iterable

from iqabench import ScorerSpec, hookimpl
from iqabench.lmm.declaring import ANSWER_TOKENS, BITS, OWN, READING, TUNED, hub_files

FILES = hub_files(
    "llava-hf/llava-v1.6-mistral-7b-hf",
    "Apache-2.0",
    ("config.json", "preprocessor_config.json", "tokenizer.json"),
    shards=4,
)


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    for group, tuned in TUNED.items():
        yield ScorerSpec(
            id=f"{group}.llava16",
            summary=f"LLaVA-v1.6-Mistral-7B asked for a score from 1 to 5; {tuned}",
            load=f"iqabench_iqa_llava16.model:load_{group}",
            licence="Apache-2.0",
            paper="arXiv:2310.03744",
            code="https://github.com/haotian-liu/LLaVA",
            params=(READING, ANSWER_TOKENS, BITS),
            weights=FILES,
            own=OWN,
            training_data=("LLaVA-NeXT's instruction data", "WebImageText", "Mistral's own, not published"),
            score_range=(1, 5),
            dtypes=("float32", "bfloat16", "float16"),
            cuda_dtype="bfloat16",
            memory_mb=36000,  # in float32; half of it in bfloat16
        )
