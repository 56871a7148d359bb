"""LLaVA-v1.6 (LLaVA-NeXT) on Mistral-7B, asked how good an image is."""

from collections.abc import Iterable

from iqabench import ScorerSpec, hookimpl
from iqabench.lmm.declaring import ANSWER_TOKENS, BITS, READING, by_group, hub_files, shards


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    return by_group(
        "llava16",
        "LLaVA-v1.6-Mistral-7B asked for a score from 1 to 5",
        load="iqabench_iqa_llava16.model:load_{group}",
        paper="arXiv:2310.03744",
        code="https://github.com/haotian-liu/LLaVA",
        params=(READING, ANSWER_TOKENS, BITS),
        weights=hub_files(
            "llava-hf/llava-v1.6-mistral-7b-hf",
            "Apache-2.0",
            ("config.json", "preprocessor_config.json", "tokenizer.json", *shards(4)),
        ),
        training_data=("LLaVA-NeXT's instruction data", "WebImageText", "Mistral's own, not published"),
        memory_mb=36000,
    )
