"""MA-AGIQA, which judges generated images with the help of what a large multimodal model makes of them."""

from collections.abc import Iterable

from iqabench import Param, ScorerSpec, WeightsFile, hookimpl
from iqabench.lmm.declaring import OWN, hub_files
from iqabench.lmm.mplug_owl2.declaring import BASE, BASE_LICENCE, BASE_SHARDS, INDEX, MEMORY_MB, PARAMS

LICENCE = "Apache-2.0 (as the code; none is stated for the weights)"
DRIVE = "https://drive.usercontent.google.com/download?id={}&export=download&confirm=t"


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="aigc.ma-agiqa",
        summary="MA-AGIQA: MANIQA's network and mPLUG-Owl2's answers about semantics and coherence, gated",
        load="iqabench_iqa_ma_agiqa.model:load",
        licence="Apache-2.0",
        paper="arXiv:2404.17762",
        code="https://github.com/wangpuyi/MA-AGIQA",
        params=(
            Param(
                name="weights",
                default="agiqa-3k",
                choices=("agiqa-3k", "aigcqa-20k"),
                help="training set; scores are about 0..4.5 with agiqa-3k, and 0.1..5 with aigcqa-20k, whose file the "
                "authors' page no longer shows",
            ),
            *PARAMS,
        ),
        weights=(
            WeightsFile(
                name="AGIQA_3k.pt",
                sources=(DRIVE.format("1YT9Fryok-ozYPIvT1V3gEnEF-Ij3UxPp"),),
                licence=LICENCE,
                when={"weights": "agiqa-3k"},
            ),
            WeightsFile(
                name="AIGCQA_20k.pt",
                sources=(DRIVE.format("1nKVcmBw-K9nS4tplZhMwHySpyy8ToAzK"),),
                licence=LICENCE,
                when={"weights": "aigcqa-20k"},
            ),
            WeightsFile(
                name="ma-agiqa.json",
                sources=("package://iqabench-iqa-ma-agiqa/iqabench_iqa_ma_agiqa/ma-agiqa.json",),
                licence="Apache-2.0",
            ),
            *hub_files(BASE, BASE_LICENCE, ("config.json", "tokenizer.model", INDEX, *BASE_SHARDS)),
        ),
        own=OWN,
        training_data=("ImageNet-21k", "ImageNet", "AGIQA-3K", "mPLUG-Owl2's own"),
        dtypes=("float32", "bfloat16", "float16"),
        cuda_dtype="float16",
        memory_mb=MEMORY_MB + 1500,
    )
