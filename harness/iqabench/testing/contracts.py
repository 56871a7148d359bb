"""The contract classes. A test class names a model; the checks come with the base class.

A check that a model cannot pass for a good reason is waived by data, ``waivers = {"order": "why"}``: it is
still run and named in pytest's summary. A class that overrides or deletes a check cannot even be made.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from iqabench.patterns import nearest
from iqabench.testing.checks.declaration import DeclarationChecks
from iqabench.testing.checks.meaning import DegraderMeaning, EnhancerMeaning, ScorerMeaning
from iqabench.testing.checks.parity import ParityChecks
from iqabench.testing.checks.tensors import TensorChecks
from iqabench.testing.checks.weights import WeightsChecks
from iqabench.testing.subject import WeightsFactory
from iqabench.types import ParamValue


# pytest runs the checks of the last base first: what is cheap and basic stands last.
class Contract(ParityChecks, TensorChecks, WeightsChecks, DeclarationChecks):
    """What a test class may say of the model it tests; only ``id`` must be said.

    ``params`` runs the contract on a variant. ``weights`` maps the names of declared weights files to real
    files, or is a function (folder, spec, params) that makes files in the official layout and maps them; with
    made weights, checks of meaning are skipped. ``parity`` is the name of a file beside the test, see
    ``ParityChecks``. ``waivers`` maps the name of a check, without ``test_``, to the reason it cannot hold.
    """

    id: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    params: ClassVar[Mapping[str, ParamValue]] = {}
    weights: ClassVar[Mapping[str, Path] | WeightsFactory | None] = None
    parity: ClassVar[str] = ""
    waivers: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        official = next(base for base in cls.__mro__ if base.__module__ == __name__)
        if official is cls:
            return
        known = checks_of(official)
        for check in known:
            name = f"test_{check}"
            if getattr(cls, name, None) is not getattr(official, name):
                raise TypeError(
                    f"{cls.__name__} overrides or deletes the check {name}. Give the test another name; where "
                    f"the model cannot pass, say why in waivers = {{{check!r}: 'the reason'}}."
                )
        for check, reason in cls.waivers.items():
            if check not in known:
                raise TypeError(f"{cls.__name__} waives {check!r}, no check. {nearest(check, known)}".strip())
            if not reason.strip():
                raise TypeError(f"{cls.__name__} waives {check!r} without a reason.")


class ScorerContract(ScorerMeaning, Contract):
    """The contract of image quality models."""

    kind = "scorer"


class EnhancerContract(EnhancerMeaning, Contract):
    """The contract of enhancers."""

    kind = "enhancer"


class DegraderContract(DegraderMeaning, Contract):
    """The contract of degraders. ``digest`` is of the bytes made from the suite's images; the check that
    compares it prints it. None leaves the comparison out, as ``iqabench check`` does."""

    kind = "degrader"
    digest: ClassVar[str | None] = ""


def checks_of(contract: type) -> tuple[str, ...]:
    """The names of a contract's checks, without ``test_``, in the order they run."""
    names: dict[str, None] = {}
    for base in reversed(contract.__mro__):
        names.update(dict.fromkeys(name for name in vars(base) if name.startswith("test_")))
    return tuple(name.removeprefix("test_") for name in names)
