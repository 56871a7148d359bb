"""InternVL2, asked how good an image is."""

from collections.abc import Iterable

from iqabench import Param, ScorerSpec, hookimpl
from iqabench.lmm.declaring import ANSWER_TOKENS, BITS, OWN, READING, TUNED, hub_files

MAX_TILES = Param(
    name="max_tiles",
    default=12,
    low=1,
    high=40,
    help="into how many tiles of 448 pixels an image is cut at most, besides the one that shows it whole",
)
FILES = hub_files(
    "OpenGVLab/InternVL2-8B",
    "MIT (its language model InternLM2.5: free for research, commercial use by application)",
    ("config.json", "tokenizer.model", "tokenizer_config.json"),
    shards=4,
)


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    for group, tuned in TUNED.items():
        yield ScorerSpec(
            id=f"{group}.internvl2",
            summary=f"InternVL2-8B asked for a score from 1 to 5; {tuned}",
            load=f"iqabench_iqa_internvl2.model:load_{group}",
            licence="Apache-2.0",
            paper="arXiv:2404.16821",
            code="https://github.com/OpenGVLab/InternVL",
            params=(MAX_TILES, READING, ANSWER_TOKENS, BITS),
            weights=FILES,
            own=OWN,
            training_data=("InternVL2's own, not published in full",),
            score_range=(1, 5),
            dtypes=("float32", "bfloat16", "float16"),
            cuda_dtype="bfloat16",
            memory_mb=38000,  # in float32; half of it in bfloat16
        )
