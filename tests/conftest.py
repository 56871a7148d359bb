from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def zoo() -> ModuleType:
    """The module ``plugin_zoo/zoo.py``: ``zoo.install(folder, name, source)`` and what goes with it."""
    name = "iqabench_plugin_zoo"
    if name not in sys.modules:
        path = Path(__file__).parent / "plugin_zoo" / "zoo.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
