"""A checkpoint read as data, then handed to spandrel, which finds the network that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from iqabench.compat.torchvision import import_beside_torchvision
from iqabench.errors import KeysMismatch, UsageError, WeightsError
from iqabench.weights.safe import read_checkpoint

EXTRA = "spandrel_extra_arches"
_MISSING = re.compile(r"Missing key\(s\) in state_dict: (.*?)\. *$", re.MULTILINE)
_UNEXPECTED = re.compile(r"Unexpected key\(s\) in state_dict: (.*?)\. *$", re.MULTILINE)
_RESHAPED = re.compile(r"size mismatch for (\S+): ")


def read_network(path: Path) -> Any:
    """spandrel's descriptor of the network in ``path``, on the CPU in eval mode: one that makes images of images.

    Raises UnsafeWeights or WeightsError for a file that cannot be read as data, WeightsError where spandrel knows
    no such network, KeysMismatch where keys do not fit it, UsageError where it restores something else.
    """
    spandrel = import_beside_torchvision("spandrel")
    state = read_checkpoint(path)
    if not isinstance(state, Mapping):
        raise WeightsError(f"{path} holds {type(state).__name__}, not weights by their names.")
    loader = spandrel.ModelLoader(registry=_registry(spandrel))
    try:
        found = loader.load_from_state_dict(dict(state))
    except spandrel.UnsupportedModelError as error:
        raise WeightsError(
            f"{path} fits no network that spandrel {spandrel.__version__} knows.",
            hint=f"Networks that may not be used commercially come with: pip install {EXTRA}",
        ) from error
    except RuntimeError as error:
        raise _mismatch(path, str(error)) from error
    except Exception as error:
        reason = " ".join(str(error).split()) or "no reason given"
        raise WeightsError(
            f"{path} does not fit the network that spandrel takes it for: {type(error).__name__}: {reason[:160]}."
        ) from error
    return _restoring(found, spandrel, path).eval()


def _registry(spandrel: ModuleType) -> Any:
    """spandrel's own architectures, and those of the package apart where it is installed."""
    registry = spandrel.MAIN_REGISTRY.copy()
    if find_spec(EXTRA) is not None:
        registry.add(*import_beside_torchvision(EXTRA).EXTRA_REGISTRY, ignore_duplicates=True)
    return registry


def _restoring(found: Any, spandrel: ModuleType, path: Path) -> Any:
    """``found``, if it restores photographs from nothing but themselves."""
    name = found.architecture.name
    if not isinstance(found, spandrel.ImageModelDescriptor) or found.purpose == "FaceSR":
        works = "faces cut out" if isinstance(found, spandrel.ImageModelDescriptor) else "holes under a mask"
        raise UsageError(f"{path} is a {name} network, which restores {works}, not whole photos.")
    if (found.input_channels, found.output_channels) not in ((3, 3), (1, 1)):
        raise UsageError(
            f"{path} is a {name} network from {found.input_channels} to {found.output_channels} channels; "
            "photos have three."
        )
    return found


def _mismatch(path: Path, text: str) -> WeightsError:
    """torch's complaint about a state, as the error that names its keys."""
    missing = [key for keys in _MISSING.findall(text) for key in re.findall(r'"([^"]+)"', keys)]
    unexpected = [key for keys in _UNEXPECTED.findall(text) for key in re.findall(r'"([^"]+)"', keys)]
    reshaped = _RESHAPED.findall(text)
    if missing or unexpected or reshaped:
        return KeysMismatch(str(path), missing=missing, unexpected=unexpected, reshaped=reshaped)
    return WeightsError(f"{path} could not be loaded: {' '.join(text.split())[:160]}.")
