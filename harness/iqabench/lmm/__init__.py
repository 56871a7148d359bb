"""What large multimodal models share as scorers: prompts, decoding, levels, numbers, checkpoints.

Nothing here imports transformers, peft or tokenizers before a model is loaded.
"""
