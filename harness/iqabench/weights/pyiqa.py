"""Weights that pyiqa gives away, of networks trained or converted by its authors."""

from __future__ import annotations

from iqabench.specs import WeightsFile


def pyiqa_file(training_set: str, name: str, sha256: str | None = None) -> WeightsFile:
    """The file that a model loads where its parameter ``weights`` is ``training_set``."""
    return WeightsFile(
        name=name,
        sources=(
            f"hf://chaofengc/IQA-PyTorch-Weights/{name}",
            f"https://github.com/chaofengc/IQA-PyTorch/releases/download/v0.1-weights/{name}",
        ),
        licence="PolyForm-Noncommercial-1.0.0 (the repository's; none is stated for the weights)",
        sha256=sha256,
        when={"weights": training_set},
    )
