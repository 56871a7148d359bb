"""diffusers and transformers, imported when a network is first made: they take seconds."""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType
from typing import Any

from iqabench.compat.torchvision import import_beside_torchvision


def import_library(module: str) -> ModuleType:
    """``diffusers``, ``transformers`` or a module of theirs, also where torchvision itself does not import.

    Both import torchvision if it is installed, and turn its failure into one of their own; so it goes first.
    Raises PluginError where the library is not installed.
    """
    if find_spec("torchvision"):
        import_beside_torchvision("torchvision")
    return import_beside_torchvision(module)


def library_class(module: str, name: str) -> Any:
    """The class ``name`` of ``module``: ``library_class("diffusers", "AutoencoderKL")``."""
    return getattr(import_library(module), name)
