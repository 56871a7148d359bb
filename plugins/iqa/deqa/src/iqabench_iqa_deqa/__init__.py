"""DeQA-Score, a large multimodal model taught the distribution of opinions over five words."""

from collections.abc import Iterable

from iqabench import Param, ScorerSpec, WeightsFile, hookimpl
from iqabench.lmm.declaring import OWN, hub_files
from iqabench.lmm.mplug_owl2.declaring import (
    BASE,
    BASE_LICENCE,
    BASE_SHARDS,
    INDEX,
    MEMORY_MB,
    PARAMS,
    TUNED_SHARDS,
)

FULL, LORA = "zhiyuanyou/DeQA-Score-Mix3", "zhiyuanyou/DeQA-Score-LoRA-Mix3"
COMMIT = "8e4abc826ed84a15f7c0bc3ac119e8b9245c7b2f"
LICENCE = "MIT (the repository's; none is stated for the weights) AND Llama 2 Community License"
BY_LORA = {"weights": "lora-mix3"}


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="ugc.deqa",
        summary="DeQA-Score: mPLUG-Owl2 taught the distribution of opinions over five levels of quality",
        load="iqabench_iqa_deqa.model:load",
        licence="Apache-2.0",
        paper="arXiv:2501.11561",
        code="https://github.com/zhiyuanyou/DeQA-Score",
        params=(
            Param(
                name="weights",
                default="mix3",
                choices=("mix3", "lora-mix3"),
                help="mix3, all weights tuned; lora-mix3, an adapter and some weights on top of mPLUG-Owl2",
            ),
            *PARAMS,
        ),
        weights=(
            WeightsFile(
                name="tokenizer.model",
                sources=(
                    f"hf://{FULL}/tokenizer.model",
                    f"https://raw.githubusercontent.com/zhiyuanyou/DeQA-Score/{COMMIT}/preprocessor/tokenizer.model",
                ),
                licence="Llama 2 Community License",
                sha256="9e556afd44213b6bd1be2b850ebbbd98f5481437a8021afaf58ee7fb1818d347",
                size=499723,
            ),
            *hub_files(FULL, LICENCE, ("config.json", INDEX, *TUNED_SHARDS), when={"weights": "mix3"}),
            *hub_files(
                LORA,
                LICENCE,
                ("config.json", "adapter_config.json", "adapter_model.bin", "non_lora_trainables.bin"),
                when=BY_LORA,
            ),
            *hub_files(BASE, BASE_LICENCE, (INDEX, *BASE_SHARDS), when=BY_LORA),
        ),
        own=OWN,
        training_data=("KonIQ-10k", "SPAQ", "KADID-10k", "mPLUG-Owl2's own"),
        score_range=(1, 5),
        dtypes=("float32", "bfloat16", "float16"),
        cuda_dtype="bfloat16",
        memory_mb=MEMORY_MB,
    )
