"""transformers, diffusers and what goes with them, imported when a model is loaded: they take seconds."""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType
from typing import Any

from iqabench.compat.torchvision import import_beside_torchvision


def import_library(name: str) -> ModuleType:
    """``transformers``, ``diffusers``, ``peft``, ``accelerate`` or a module of theirs.

    They look for torchvision in many of their modules, and hide why it fails, so torchvision goes first.
    Raises PluginError, with the command, where a library is not installed.
    """
    if find_spec("torchvision") is not None:
        import_beside_torchvision("torchvision")
    return import_beside_torchvision(name)


def library_class(module: str, name: str) -> Any:
    """The class ``name`` of ``module``: ``library_class("diffusers", "AutoencoderKL")``."""
    return getattr(import_library(module), name)
