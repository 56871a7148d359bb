"""The hooks: what a plugin package may give iqabench.

A plugin is a module named by an entry point of the group ``iqabench``. It gives declarations only and must
import in milliseconds: models load later, through the ``load`` that each declaration names.

Example, a whole plugin module::

    from iqabench import ScorerSpec, hookimpl

    @hookimpl
    def iqabench_scorers():
        yield ScorerSpec(
            id="nr.contrast",
            summary="Root-mean-square contrast of the luma",
            load="my_package.model:load",
            licence="MIT",
        )
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from iqabench.specs import DegraderSpec, EnhancerSpec, ScorerSpec

if TYPE_CHECKING:
    from iqabench.datasets import DatasetSpec

PROJECT = "iqabench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def iqabench_degraders() -> Iterable[DegraderSpec]:
    """Degraders, each with an id in the group ``lr``, ``dark`` or ``noise``.

    ``load`` names a function from a LoadContext to a callable ``(images, *, seeds) -> images``::

        @hookimpl
        def iqabench_degraders():
            yield DegraderSpec(id="noise.salt", summary="Salt and pepper noise", licence="MIT",
                               load="my_package.model:load", undone_by="dn", seeded=True)
    """
    raise NotImplementedError


@hookspec
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    """Enhancers, each with an id in the group of its task: ``sr``, ``lle`` or ``dn``.

    ``load`` names a function from a LoadContext to a callable ``(images, *, seeds) -> images``::

        @hookimpl
        def iqabench_enhancers():
            yield EnhancerSpec(id="dn.median", summary="3x3 median filter", licence="MIT",
                               load="my_package.model:load", task="dn")
    """
    raise NotImplementedError


@hookspec
def iqabench_scorers() -> Iterable[ScorerSpec]:
    """Scorers, in the group ``fr``, ``nr``, ``ugc``, ``aigc``, ``mixed`` or one of their own.

    ``load`` names a function from a LoadContext to a callable ``(images, references=None) -> scores``::

        @hookimpl
        def iqabench_scorers():
            yield ScorerSpec(id="fr.mse", summary="Mean squared error", licence="MIT", reference=True,
                             load="my_package.model:load", higher_is_better=False, score_range=(0, 1))
    """
    raise NotImplementedError


@hookspec
def iqabench_datasets() -> Iterable[DatasetSpec]:
    """Datasets, each with the loader that reads its official layout::

    @hookimpl
    def iqabench_datasets():
        yield DatasetSpec(name="mine", summary="Our photos", load="my_package.reader:load",
                          mos_range=(1, 5), licence="CC0-1.0")
    """
    raise NotImplementedError
