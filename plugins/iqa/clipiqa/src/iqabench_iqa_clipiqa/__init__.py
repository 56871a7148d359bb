"""CLIP-IQA, which asks an untuned CLIP whether an image is a good or a bad photo."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, WeightsFile, hookimpl

REVISION = "ec3d92cf63a5f9d591f0d611b736895966c73076"


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="nr.clipiqa",
        summary="CLIP-IQA: whether CLIP finds an image nearer to a good photo than to a bad one",
        load="iqabench_iqa_clipiqa.model:load",
        licence="Apache-2.0",
        paper="arXiv:2207.12396",
        code="https://github.com/IceClear/CLIP-IQA",
        params=(
            Param(
                name="prompts",
                default="official",
                choices=("official", "pyiqa"),
                help="official, the pair good photo / bad photo; pyiqa, the mean over its five pairs",
            ),
        ),
        weights=(
            WeightsFile(
                name="open_clip_model.safetensors",
                sources=(f"hf://timm/resnet50_clip.openai/open_clip_model.safetensors@{REVISION}",),
                licence="MIT (OpenAI CLIP RN50)",
                sha256="da0baa37fb2211eee5729ab69ed587eb10d48f5b7076ceeed01552fc3d4cb4ee",
                size=408291932,
            ),
        ),
        training_data=("WebImageText",),
        needs=ImageNeeds(min_side=32),
        score_range=(0, 1),
        dtypes=("float32", "float16", "bfloat16"),
    )
