"""The conformance suite that every plugin package runs::

    from iqabench.testing import ScorerContract

    class TestPsnr(ScorerContract):
        id = "fr.psnr"

See ``Contract`` for what else a class may say. What differs between models is read from their declarations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqabench.testing.contracts import Contract, DegraderContract, EnhancerContract, ScorerContract

__all__ = ["Contract", "DegraderContract", "EnhancerContract", "ScorerContract"]


def __getattr__(name: str) -> Any:
    # The pytest plugin beside this file loads in every pytest run, so this package must cost nothing.
    if name in __all__:
        from iqabench.testing import contracts

        return getattr(contracts, name)
    raise AttributeError(f"module 'iqabench.testing' has no attribute {name!r}")
