"""InternVL2, asked how good an image is."""

from collections.abc import Iterable

from iqabench import Param, ScorerSpec, hookimpl
from iqabench.lmm.declaring import ANSWER_TOKENS, BITS, READING, by_group, hub_files, shards

MAX_TILES = Param(
    name="max_tiles",
    default=12,
    low=1,
    high=40,
    help="into how many tiles of 448 pixels an image is cut at most, besides the one that shows it whole",
)


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    return by_group(
        "internvl2",
        "InternVL2-8B asked for a score from 1 to 5",
        load="iqabench_iqa_internvl2.model:load_{group}",
        paper="arXiv:2404.16821",
        code="https://github.com/OpenGVLab/InternVL",
        params=(MAX_TILES, READING, ANSWER_TOKENS, BITS),
        weights=hub_files(
            "OpenGVLab/InternVL2-8B",
            "MIT (its language model InternLM2.5: free for research, commercial use by application)",
            ("config.json", "tokenizer.model", "tokenizer_config.json", *shards(4)),
        ),
        training_data=("InternVL2's own, not published in full",),
        memory_mb=38000,
    )
