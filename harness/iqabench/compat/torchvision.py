"""Importing libraries that import torchvision, where torchvision itself does not import.

torchvision's wheels on the package index are built for CUDA. Beside a CPU build of torch its compiled operators
do not load, and ``import torchvision`` fails because it registers a shape function for an operator that is not
there. Declaring the two operators that it asks for is enough for everything written in Python to work; what is
compiled (``nms``, ``deform_conv2d``, image files) stays missing, and says so when called.
"""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

import torch

from iqabench.errors import PluginError

_COMPLAINT = "operator torchvision::nms does not exist"
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def import_beside_torchvision(name: str) -> ModuleType:
    """The module ``name`` (``timm``, ``open_clip``), which may import torchvision or do without it.

    The operators are declared only after the plain import has failed for want of them, so that a torchvision
    that fits its torch is never touched. To be called by a plugin's loader, not when its module is imported.
    Raises PluginError where a library is not installed.
    """
    try:
        return _import(name)
    except RuntimeError as error:
        if _COMPLAINT not in str(error):
            raise
    _declare_operators()
    return _import(name)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or name).partition(".")[0]
        if missing not in (name.partition(".")[0], "torchvision"):
            raise
        raise PluginError(f"{missing} is not installed.", hint=f"Run: pip install {missing}") from error


@cache
def _declare_operators() -> torch.library.Library:
    """The declarations last as long as the object that this returns, which the cache keeps."""
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for schema in _SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    return library
