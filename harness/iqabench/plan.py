"""From photos and selections to cells: what is to be computed, each once, under a key that says all it rests on.

Pure: no file is read, no model imported. Cells form a forest: a photo is degraded, the degraded image is
enhanced, every image is scored. A cell's key is a digest of its input's key and of the model's identity
(id, revision, parameters, dtype, weights digests, and the seed where it matters), so a changed plugin redoes
its own cells and those that rest on them, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from iqabench.datasets import Item
from iqabench.errors import UsageError
from iqabench.patterns import Selection
from iqabench.specs import DegraderSpec, EnhancerSpec, ScorerSpec

Stage = Literal["degrade", "enhance", "score"]
STAGES: tuple[Stage, ...] = ("degrade", "enhance", "score")


@dataclass(frozen=True, kw_only=True, slots=True)
class Photo:
    """An item whose file has been looked at. ``problem`` says why it cannot be used, and is empty if it can."""

    item: Item
    digest: str
    size: tuple[int, int] = (0, 0)
    reference_digest: str = ""
    dataset: str = ""
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class External:
    """Images that another tool enhanced: for each photo a file, its digest and (height, width), or a problem."""

    name: str
    photos: Sequence[Photo]


@dataclass(frozen=True, slots=True)
class Model:
    """A model as the run uses it. ``identity`` is a digest of all that its results rest on."""

    selection: Selection
    stage: Stage
    identity: str
    label: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing to compute: an image (degrade, enhance) or a score.

    ``input`` is the cell that makes its image, None where ``file`` is the image. ``reference`` is the
    pristine image of a full-reference score, cropped at the bottom and the right to ``size``. ``size`` is the
    input's (height, width). ``filed`` names the photo in the file name of an image: of several photos with the same
    content, the first, since they share their cells. ``problem`` says why it cannot even be tried.
    """

    key: str
    model: Model
    photo: Photo
    file: Path
    input: Cell | None
    reference: Path | None
    size: tuple[int, int]
    filed: str
    degrader: str = ""
    enhancer: str = ""
    problem: str = ""

    @property
    def made_size(self) -> tuple[int, int]:
        """(height, width) of the image that this cell makes."""
        spec, params = self.model.selection.spec, self.model.selection.params
        height, width = self.size
        if isinstance(spec, DegraderSpec):
            scale = spec.scale_with(params)
            return height // scale, width // scale
        if isinstance(spec, EnhancerSpec):
            scale = spec.scale_with(params)
            return height * scale, width * scale
        return self.size


@dataclass(frozen=True, slots=True)
class Plan:
    """Cells in the order of their stages, and in words what was left out and why."""

    cells: tuple[Cell, ...]
    photos: tuple[Photo, ...]
    notes: tuple[str, ...]

    def stage(self, stage: Stage) -> list[Cell]:
        return [cell for cell in self.cells if cell.model.stage == stage]


@dataclass(frozen=True, kw_only=True, slots=True)
class Selections:
    """The models of a run, and how they combine."""

    degraders: Sequence[Selection] = ()
    enhancers: Sequence[Selection] = ()
    scorers: Sequence[Selection] = ()
    all_pairs: bool = False
    baselines: bool = True


def identity(selection: Selection, *, dtype: str, seed: int, digests: Mapping[str, str]) -> str:
    """A digest of a model's id, revision, parameters, dtype, weights, and seed where results depend on it."""
    spec = selection.spec
    return _digest(
        spec.id,
        spec.revision,
        json.dumps(selection.params, sort_keys=True, default=str),
        dtype if dtype in spec.dtypes else "/".join(filter(None, (spec.dtypes[0], spec.cuda_dtype))),
        json.dumps(digests, sort_keys=True),
        seed if spec.seeded else "",
    )


def build(
    photos: Sequence[Photo],
    selections: Selections,
    identities: Mapping[str, str],
    externals: Iterable[External] = (),
) -> Plan:
    """Every cell of the run. ``identities`` maps a selection's label to its identity; a missing one is made
    from the selection alone. Raises UsageError where nothing would be computed."""
    builder = _Builder(selections, identities)
    externals = tuple(externals)
    for position, photo in enumerate(photos):
        builder.add(photo, [(external.name, external.photos[position]) for external in externals])
    if not builder.cells:
        raise UsageError("There is nothing to do.", hint="Name --iqa scorers, --degraders or --enhancers.")
    order = {stage: rank for rank, stage in enumerate(STAGES)}
    cells = sorted(builder.cells, key=lambda cell: order[cell.model.stage])
    return Plan(tuple(cells), tuple(photos), builder.notes())


class _Builder:
    def __init__(self, selections: Selections, identities: Mapping[str, str]) -> None:
        self.cells: list[Cell] = []
        self._identities = identities
        self._filed: dict[str, str] = {}
        self._unused: list[str] = []
        self._unjudged: dict[str, dict[str, None]] = {}
        self._baselines = selections.baselines
        self._scorers = [self._model(selection, "score") for selection in selections.scorers]
        self._degraders = [self._model(selection, "degrade") for selection in selections.degraders]
        self._enhancers = [self._model(selection, "enhance") for selection in selections.enhancers]
        self._pairs = {
            degrader.label: [
                self._model(_at_scale(enhancer, degrader), "enhance")
                for enhancer in selections.enhancers
                if selections.all_pairs or _undoes(enhancer, degrader.selection)
            ]
            for degrader in self._degraders
        }
        if self._degraders:
            used = {enhancer.selection.spec.id for pair in self._pairs.values() for enhancer in pair}
            for enhancer in self._enhancers:
                if enhancer.selection.spec.id not in used:
                    self._unused.append(enhancer.label)

    def add(self, photo: Photo, externals: Sequence[tuple[str, Photo]]) -> None:
        self._filed.setdefault(photo.digest, photo.item.name)
        if self._degraders:
            for degrader in self._degraders:
                self._add_degraded(photo, degrader)
            if self._baselines:
                self._score(photo, None, photo.item.reference, "", "")
        else:
            self._add_plain(photo)
        for name, found in externals:
            reason = photo.problem or found.problem
            same = found.size == photo.size
            reference = photo.item.image if same or reason else None
            self._score(found, None, reference, "", name, photo=photo, problem=reason)

    def _add_degraded(self, photo: Photo, degrader: Model) -> None:
        degraded = self._image(degrader, photo, None, degrader.label, "")
        scale = _scale(degrader)
        if self._baselines:
            reference = photo.item.image if scale == 1 else None
            self._score(photo, degraded, reference, degrader.label, "")
        for enhancer in self._pairs[degrader.label]:
            enhanced = self._image(enhancer, photo, degraded, degrader.label, enhancer.label)
            reference = photo.item.image if _scale(enhancer) == scale else None
            self._score(photo, enhanced, reference, degrader.label, enhancer.label)

    def _add_plain(self, photo: Photo) -> None:
        if self._baselines or not self._enhancers:
            self._score(photo, None, photo.item.reference, "", "")
        for enhancer in self._enhancers:
            enhanced = self._image(enhancer, photo, None, "", enhancer.label)
            self._score(photo, enhanced, photo.item.reference, "", enhancer.label)

    def _image(self, model: Model, photo: Photo, parent: Cell | None, degrader: str, enhancer: str) -> Cell:
        cell = Cell(
            key=_digest(parent.key if parent else photo.digest, model.identity),
            model=model,
            photo=photo,
            file=photo.item.image,
            input=parent,
            reference=None,
            size=parent.made_size if parent else photo.size,
            filed=self._filed[photo.digest],
            degrader=degrader,
            enhancer=enhancer,
            problem=photo.problem,
        )
        self.cells.append(cell)
        return cell

    def _score(
        self,
        source: Photo,
        made: Cell | None,
        reference: Path | None,
        degrader: str,
        enhancer: str,
        *,
        photo: Photo | None = None,
        problem: str = "",
    ) -> None:
        photo = photo or source
        for scorer in self._scorers:
            spec = scorer.selection.spec
            assert isinstance(spec, ScorerSpec)
            if spec.reference and reference is None:
                situation = " + ".join(filter(None, (degrader, enhancer))) or "the photos as they are"
                self._unjudged.setdefault(situation, {})[scorer.label] = None
                continue
            used = reference if spec.reference else None
            against = photo.reference_digest if used == photo.item.reference else photo.digest
            self.cells.append(
                Cell(
                    key=_digest(made.key if made else source.digest, scorer.identity, against if used else ""),
                    model=scorer,
                    photo=photo,
                    file=source.item.image,
                    input=made,
                    reference=used,
                    size=made.made_size if made else source.size,
                    filed=photo.item.name,
                    degrader=degrader,
                    enhancer=enhancer,
                    problem=problem or photo.problem,
                )
            )

    def _model(self, selection: Selection, stage: Stage) -> Model:
        label = selection.label
        known = self._identities.get(label)
        return Model(selection, stage, known or identity(selection, dtype="auto", seed=0, digests={}), label)

    def notes(self) -> tuple[str, ...]:
        """What was left out and why, one sentence a case."""
        unused = [
            f"{label} is not used: it undoes none of the degraders (--all-pairs uses it)" for label in self._unused
        ]
        unjudged = [
            f"{situation}: no reference of the same size for {', '.join(scorers)}"
            for situation, scorers in self._unjudged.items()
        ]
        return (*unused, *unjudged)


def _undoes(enhancer: Selection, degrader: Selection) -> bool:
    assert isinstance(enhancer.spec, EnhancerSpec)
    assert isinstance(degrader.spec, DegraderSpec)
    return enhancer.spec.task == degrader.spec.undone_by


def at_scale(enhancer: Selection, scale: int) -> Selection:
    """The enhancer at the degrader's scale, where it has that parameter, left at its default, and allows it."""
    for param in enhancer.spec.params:
        if param.name == "scale" and enhancer.params["scale"] == param.default and scale in (param.choices or (scale,)):
            return replace(enhancer, params={**enhancer.params, "scale": scale})
    return enhancer


def _at_scale(enhancer: Selection, degrader: Model) -> Selection:
    scale = _scale(degrader)
    return at_scale(enhancer, scale) if scale > 1 else enhancer


def _scale(model: Model) -> int:
    spec = model.selection.spec
    assert isinstance(spec, DegraderSpec | EnhancerSpec)
    return spec.scale_with(model.selection.params)


def _digest(*parts: object) -> str:
    return hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=16).hexdigest()
