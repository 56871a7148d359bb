"""What large multimodal scorers declare alike. Imports no torch, as declarations must not."""

from __future__ import annotations

from iqabench.specs import OwnFiles, Param, WeightsFile

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


def hub_files(repository: str, licence: str, names: tuple[str, ...], *, shards: int) -> tuple[WeightsFile, ...]:
    """Files of a Hugging Face repository: ``names``, and a checkpoint in so many safetensors shards."""
    parts = [f"model-{number:05}-of-{shards:05}.safetensors" for number in range(1, shards + 1)]
    return tuple(
        WeightsFile(name=name, sources=(f"hf://{repository}/{name}",), licence=licence)
        for name in (*names, "model.safetensors.index.json", *parts)
    )


def qwen2vl_files(repository: str, licence: str) -> tuple[WeightsFile, ...]:
    """The files of a checkpoint laid out as that of Qwen2-VL-7B-Instruct."""
    return hub_files(repository, licence, ("config.json", "preprocessor_config.json", "tokenizer.json"), shards=5)
