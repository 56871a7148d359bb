"""Executing a plan: a supervisor that never imports torch, and worker processes that do the computing.

``iqabench.run`` names this package once any module of it was imported, and before that the function of
``iqabench.api``; so that ``iqabench.run(...)`` always works, the package can be called as the function.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqabench.api import Result


class _Callable(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Result:
        from iqabench.api import run

        return run(*args, **options)


sys.modules[__name__].__class__ = _Callable
