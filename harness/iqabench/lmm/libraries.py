"""transformers and what goes with it, imported when a model is loaded."""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType

from iqabench.compat.torchvision import import_beside_torchvision


def import_library(name: str) -> ModuleType:
    """The module ``name`` of transformers, peft or accelerate.

    transformers looks for torchvision in many of its modules, and hides why it fails, so torchvision goes first.
    Raises PluginError, with the command, where a library is not installed.
    """
    if find_spec("torchvision") is not None:
        import_beside_torchvision("torchvision")
    return import_beside_torchvision(name)
