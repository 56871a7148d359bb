"""What large multimodal scorers declare alike. Imports no torch, as declarations must not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from iqabench.specs import OwnFiles, Param, ScorerSpec, WeightsFile
from iqabench.types import ParamValue

TUNED = {
    "ugc": "for user-generated photos; as released, or with your tuned weights or adapter (--weights)",
    "aigc": "for AI-generated images; as released, or with your tuned weights or adapter (--weights)",
    "mixed": "for photos and generated images; as released, or with your tuned weights or adapter (--weights)",
}
"""The study's groups of models, in a summary. Its tuned weights are not published, so a group differs from another
by its question, until a user gives weights or an adapter tuned on its data."""

ADAPTER = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "non_lora_trainables.bin")
OWN = OwnFiles(instead=("model*.safetensors*", "pytorch_model*.bin*"), beside=ADAPTER)
"""What a user's own weights may be: a whole fine-tuned checkpoint, or a LoRA adapter as peft saves it."""

ANSWER_TOKENS = Param(
    name="answer_tokens",
    default=16,
    low=1,
    help="how many tokens the model may write before its answer is cut off",
)
BITS = Param(
    name="bits",
    default=16,
    choices=(16, 8, 4),
    help="8 or 4 quantises the language model, with bitsandbytes; 16 leaves it as it is",
)
MAX_PIXELS = Param(
    name="max_pixels",
    default=0,
    low=0,
    help="larger images are shrunk to this many pixels; 0 leaves it to the checkpoint's preprocessor_config.json",
)
READING = Param(
    name="answer",
    default="number",
    choices=("number", "levels"),
    help="number: the model writes its score, as in AU-IQA; levels: the probabilities of excellent, good, fair, poor "
    "and bad in that place make it",
)


def by_group(
    name: str,
    summary: str,
    *,
    load: str,
    paper: str,
    code: str,
    params: tuple[Param, ...],
    weights: tuple[WeightsFile, ...],
    training_data: tuple[str, ...],
    memory_mb: int,
) -> Iterator[ScorerSpec]:
    """A scorer from 1 to 5, once for each of the study's groups; ``load`` may say ``{group}``.

    ``memory_mb`` is of float32; on CUDA half of it is enough.
    """
    for group, tuned in TUNED.items():
        yield ScorerSpec(
            id=f"{group}.{name}",
            summary=f"{summary}; {tuned}",
            load=load.format(group=group),
            licence="Apache-2.0",
            paper=paper,
            code=code,
            params=params,
            weights=weights,
            own=OWN,
            training_data=training_data,
            score_range=(1, 5),
            dtypes=("float32", "bfloat16", "float16"),
            cuda_dtype="bfloat16",
            memory_mb=memory_mb,
        )


def hub_files(
    repository: str, licence: str, names: Sequence[str], *, when: Mapping[str, ParamValue] | None = None
) -> tuple[WeightsFile, ...]:
    """Files of a Hugging Face repository."""
    return tuple(
        WeightsFile(name=name, sources=(f"hf://{repository}/{name}",), licence=licence, when=when) for name in names
    )


def shards(count: int) -> tuple[str, ...]:
    """The names of a checkpoint in so many safetensors files, the index first."""
    parts = (f"model-{number:05}-of-{count:05}.safetensors" for number in range(1, count + 1))
    return ("model.safetensors.index.json", *parts)


def qwen2vl_files(repository: str, licence: str) -> tuple[WeightsFile, ...]:
    """The files of a checkpoint laid out as that of Qwen2-VL-7B-Instruct."""
    names = ("config.json", "preprocessor_config.json", "tokenizer.json", *shards(5))
    return hub_files(repository, licence, names)
