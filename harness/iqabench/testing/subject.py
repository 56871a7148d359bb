"""The model under test, as a contract class names it: its declaration, parameters, weights, and how to run it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch

from iqabench.errors import WeightsMissing
from iqabench.loading import Loaded, load_selection
from iqabench.patterns import Selection
from iqabench.plugins import Declared, Plugins, discover
from iqabench.testing import images as test_images
from iqabench.types import ParamValue
from iqabench.weights.cache import Cache
from iqabench.weights.resolve import resolve

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench.testing.contracts import Contract

WeightsFactory = Callable[[Path, Any, Mapping[str, ParamValue]], Mapping[str, Path]]
"""(an empty folder, the declaration, the parameters) -> the path of each weights file it made, by name."""


@cache
def _plugins() -> Plugins:
    return discover()


def declared(model_id: str) -> Declared | None:
    """The installed model with this id."""
    return _plugins().models.get(model_id)


@dataclass(frozen=True, slots=True)
class Run:
    """What a model was asked, what it was given to work on (now perhaps changed), and what it made."""

    images: Tensor
    references: Tensor | None
    given_images: Tensor
    given_references: Tensor | None
    result: Tensor


@dataclass(eq=False)
class Subject:
    """A model and all that a check may want of it. Loaded at the first use of ``model``."""

    contract: type[Contract]
    declared: Declared
    folder: Path

    @classmethod
    def of(cls, contract: type[Contract], folder: Path) -> Subject:
        """The subject of a contract class; the test fails where no plugin declares its id."""
        found = declared(contract.id)
        if found is None:
            problems = "; ".join(map(str, _plugins().broken())) or "none"
            pytest.fail(
                f"{contract.__name__}: no installed plugin declares {contract.id!r}. Install the package "
                f"(pip install -e FOLDER) or correct the id. Problems with installed plugins: {problems}.",
                pytrace=False,
            )
        return cls(contract, found, folder)

    @property
    def spec(self) -> Any:
        return self.declared.spec

    @cached_property
    def params(self) -> dict[str, ParamValue]:
        return self.declared.spec.resolve(self.contract.params)

    @cached_property
    def own_weights(self) -> Mapping[str, Path]:
        """The files that the contract class gives; empty where it leaves it to the declared sources."""
        given = inspect.getattr_static(self.contract, "weights")
        given = given.__func__ if isinstance(given, staticmethod) else given
        if callable(given):
            return dict(given(self.folder, self.spec, self.params))
        return dict(given or {})

    @property
    def trained(self) -> bool:
        """Whether the weights are real: generated ones know nothing of quality."""
        given = inspect.getattr_static(self.contract, "weights")
        return not (callable(given) or isinstance(given, staticmethod))

    @cached_property
    def weights(self) -> dict[str, Path]:
        """The path of every file that the model loads. Skips the test where one is not on this machine."""
        try:
            return resolve(self.spec, self.params, Cache.default(), overrides=self.own_weights or None, pull=False)
        except WeightsMissing as error:
            pytest.skip(f"weights: {error}")

    def load(self, weights: Mapping[str, Path] | None = None, device: str = "cpu", *, dtype: str = "auto") -> Loaded:
        """The model, loaded anew, perhaps from other files."""
        files = self.weights if weights is None else weights
        return load_selection(
            Selection(self.spec, self.params), weights=files or None, device=device, dtype=dtype, cache=Cache.default()
        )

    @cached_property
    def model(self) -> Loaded:
        return self.load()

    def run(
        self,
        images: Tensor,
        references: Tensor | None = None,
        *,
        seeds: Sequence[int] | None = None,
        model: Loaded | None = None,
    ) -> Tensor:
        """What the model makes of copies of ``images``, called as the harness calls it."""
        copies = images.clone(), None if references is None else references.clone()
        return self._call(*copies, seeds=seeds, model=model)

    def _call(
        self,
        images: Tensor,
        references: Tensor | None,
        *,
        seeds: Sequence[int] | None = None,
        model: Loaded | None = None,
    ) -> Tensor:
        call: Callable[..., Tensor] = cast("Any", self.model if model is None else model)
        return call(images, references, seeds=seeds) if self.spec.kind == "scorer" else call(images, seeds=seeds)

    def inputs(self, size: tuple[int, int] | None = None) -> tuple[Tensor, Tensor | None]:
        """Three unlike images of one size (clean, noisy, dark), and their references where it wants some."""
        clean = test_images.natural(3, *(size or self.usual_size))
        noisy = test_images.with_noise(clean[1:2], 20)
        images = torch.cat([test_images.with_blur(clean[:1], 0.8), noisy, clean[2:] * 0.3])
        return images, (clean if self.full_reference else None)

    @cached_property
    def usual(self) -> Run:
        """One run on the usual inputs, which many checks look at from their own side."""
        images, references = self.inputs()
        given = images.clone(), None if references is None else references.clone()
        return Run(images, references, *given, self._call(*given))

    @property
    def full_reference(self) -> bool:
        return self.spec.kind == "scorer" and bool(self.spec.reference)

    @property
    def scale(self) -> int:
        """Output size over input size of an enhancer, input over output of a degrader."""
        return int(self.spec.scale_with(self.params))

    @property
    def usual_size(self) -> tuple[int, int]:
        """A small (height, width) that is legal and not square."""
        least = self.spec.needs.min_side
        return max(40, least), max(56, least + 16)
