"""Q-Align, a large multimodal model taught to rate with five words."""

from collections.abc import Iterable

from iqabench import Param, ScorerSpec, hookimpl
from iqabench.lmm.declaring import by_group, hub_files
from iqabench.lmm.mplug_owl2.declaring import INDEX, MEMORY_MB, PARAMS, TUNED_SHARDS

RELEASES = {
    "one-align": "one-align",
    "iqa": "q-align-iqa",
    "quality": "q-align-quality",
    "image": "q-align-image",
    "iaa-vqa": "q-align-iaa-vqa",
    "aesthetic": "q-align-aesthetic",
    "vqa": "q-align-vqa",
}
LICENCE = "S-Lab-1.0 (non-commercial, the repository's) AND Llama 2 Community License"


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    return by_group(
        "qalign",
        "Q-Align: mPLUG-Owl2 taught five levels of quality",
        load="iqabench_iqa_qalign.model:load",
        paper="arXiv:2312.17090",
        code="https://github.com/Q-Future/Q-Align",
        params=(
            Param(
                name="weights",
                default="one-align",
                choices=tuple(RELEASES),
                help="the authors' releases: one-align, of all their data; iqa, of KonIQ, SPAQ and KADID; quality, "
                "with videos too; image, with AVA too; and of AVA, of videos, or of both: aesthetic, vqa, iaa-vqa",
            ),
            Param(
                name="task",
                default="quality",
                choices=("quality", "aesthetics"),
                help="what the model is asked to rate",
            ),
            *PARAMS,
        ),
        weights=tuple(
            file
            for weights, name in RELEASES.items()
            for file in hub_files(
                f"q-future/{name}",
                LICENCE,
                ("config.json", "tokenizer.model", INDEX, *TUNED_SHARDS),
                when={"weights": weights},
            )
        ),
        training_data=("KonIQ-10k", "SPAQ", "KADID-10k", "AVA", "LSVQ", "mPLUG-Owl2's own"),
        memory_mb=MEMORY_MB,
    )
