"""Benchmark image enhancers with every image quality model, and image quality models with people's opinions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iqabench.errors import IqabenchError
from iqabench.hookspecs import hookimpl
from iqabench.specs import DegraderSpec, EnhancerSpec, ImageNeeds, ModelSpec, OwnFiles, Param, ScorerSpec, WeightsFile
from iqabench.types import Degrader, Enhancer, LoadContext, Scorer, Scores

if TYPE_CHECKING:
    from iqabench.api import Result, run
    from iqabench.loading import load

__version__ = "0.1.0"
__all__ = [
    "Degrader",
    "DegraderSpec",
    "Enhancer",
    "EnhancerSpec",
    "ImageNeeds",
    "IqabenchError",
    "LoadContext",
    "ModelSpec",
    "OwnFiles",
    "Param",
    "Result",
    "Scorer",
    "ScorerSpec",
    "Scores",
    "WeightsFile",
    "hookimpl",
    "load",
    "run",
]


def __getattr__(name: str) -> Any:
    # torch and pandas are imported only by those who run something.
    if name == "load":
        from iqabench.loading import load

        return load
    if name in ("run", "Result"):
        from iqabench import api

        return getattr(api, name)
    raise AttributeError(f"module 'iqabench' has no attribute {name!r}")
