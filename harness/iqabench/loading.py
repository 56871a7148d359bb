"""A declaration becomes a ready model: weights found, loader called, every call checked.

What is the same for all models is done here once: padding and cropping back, inference mode, seeds from
image content, checks of shape, range and NaN.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from iqabench.devices import memory_of, require_memory
from iqabench.errors import ImageError, IqabenchError, ModelError, UsageError
from iqabench.patterns import Selection, select
from iqabench.plugins import discover
from iqabench.specs import DegraderSpec, EnhancerSpec, ScorerSpec
from iqabench.types import LoadContext, ParamValue, Scores
from iqabench.weights.cache import Cache
from iqabench.weights.resolve import resolve

WeightsGiven = str | Path | Mapping[str, str | Path] | None

SAMPLING = 32
"""The range of images is checked in every so many rows and columns."""


def load(
    model: str,
    weights: WeightsGiven = None,
    device: str | torch.device = "cpu",
    *,
    dtype: str = "auto",
    seed: int = 0,
    **params: ParamValue,
) -> Ready:
    """A ready scorer, enhancer or degrader by id, to call on (N, 3, H, W) float32 RGB in [0, 1].

    ``weights`` replaces the declared weights: one path, or a mapping from a weights file's name to a path.
    ``dtype`` is what the network computes in where the model admits it; ``auto`` leaves it to the model.
    Raises SelectionError for an unknown id or parameter, WeightsMissing with the command that fetches them.
    """
    plugins = discover()
    reasons = {id_: problem.reason for problem in plugins.problems for id_ in problem.ids}
    chosen = select([model], plugins.specs, elsewhere=reasons)
    if len(chosen) != 1:
        raise UsageError(f"{model!r} names {len(chosen)} models; load takes one.")
    given = {**chosen[0].params, **params}
    selection = Selection(chosen[0].spec, chosen[0].spec.resolve(given))
    return load_selection(selection, weights=weights, device=device, dtype=dtype, seed=seed, cache=Cache.default())


def load_selection(
    selection: Selection,
    *,
    weights: WeightsGiven = None,
    device: str | torch.device = "cpu",
    dtype: str = "auto",
    seed: int = 0,
    cache: Cache,
) -> Ready:
    """Like ``load``, for a selection made before. Downloads nothing."""
    spec, params = selection.spec, selection.params
    where = _device(device)
    computed = getattr(torch, spec.dtype_for(dtype, cuda=where.type == "cuda"))
    if weights is None:  # a user's own weights may be of another size
        require_memory(spec, params, where, computed, memory_of(where))
    files = resolve(spec, params, cache, overrides=weights, pull=False)
    context = LoadContext(device=where, dtype=computed, weights=files, params=dict(params))
    try:
        with torch.inference_mode():
            model = _loader(spec.load)(context)
    except IqabenchError:
        raise
    except (Exception, SystemExit) as error:
        raise ModelError(f"{spec.id}: loading failed: {_describe(error)}") from error
    if not callable(model):
        raise ModelError(f"{spec.id}: its loader gave {type(model).__name__}, which cannot be called.")
    return _WRAPPERS[type(spec)](selection, context, model, seed)


def seeds_of(images: Tensor, base: int = 0) -> list[int]:
    """One seed an image, in [0, 2^63), from its pixels and ``base``: the same in any batch, order or file."""
    seeds = []
    for image in images:
        content = image.detach().to("cpu", torch.float32).contiguous().numpy()
        digest = hashlib.blake2b(f"{base}:{tuple(image.shape)}:".encode(), digest_size=8)
        digest.update(content)
        seeds.append(int.from_bytes(digest.digest(), "little") >> 1)
    return seeds


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, ready to call."""

    selection: Selection
    context: LoadContext
    model: Callable[..., Any]
    seed: int

    @property
    def spec(self) -> Any:
        return self.selection.spec

    def _ready(self, images: Tensor) -> Tensor:
        """The images on the device, checked. Raises ImageError, which says what was wrong with them."""
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ImageError(
                f"{self.spec.id}: images must be a float tensor (N, 3, H, W), not "
                f"{str(images.dtype).removeprefix('torch.')} {tuple(images.shape)}.",
                hint="Convert them to RGB in [0, 1].",
            )
        height, width = images.shape[-2:]
        needs = self.spec.needs
        if needs.max_pixels is not None and height * width > needs.max_pixels:
            raise ImageError(f"{self.spec.id}: {width}×{height} is more than the {needs.max_pixels} pixels it takes.")
        if not isinstance(self.spec, EnhancerSpec) and min(height, width) < needs.min_side:
            raise ImageError(f"{self.spec.id}: {width}×{height} is too small; it needs {needs.min_side} pixels a side.")
        if images.dtype != torch.float32 or images.device != self.context.device:
            images = images.to(self.context.device, torch.float32)
        # A mistake of scale shows in any sample, and a look at every pixel would cost as much as PSNR.
        sample = images[..., ::SAMPLING, ::SAMPLING]
        if sample.numel():
            low, high = (bound.item() for bound in sample.aminmax())
            if not (low >= -1e-6 and high <= 1 + 1e-6):  # also false for NaN
                raise ImageError(f"{self.spec.id}: images must lie in [0, 1]; these span [{low:.3g}, {high:.3g}].")
        return images

    def _call(self, images: Tensor, *rest: Tensor | None, seeds: Sequence[int] | None = None) -> object:
        """The plugin's own result, with any failure of it named."""
        options = {} if seeds is None else {"seeds": seeds}
        try:
            if torch.is_inference_mode_enabled():
                return self.model(images, *rest, **options)
            with torch.inference_mode():
                return self.model(images, *rest, **options)
        except (torch.OutOfMemoryError, MemoryError, IqabenchError):
            raise
        except (Exception, SystemExit) as error:
            raise ModelError(f"{self.spec.id}: {_describe(error)}") from error

    def _checked(self, result: object, wanted: tuple[int, ...]) -> Tensor:
        """The plugin's result if it is a float tensor of the shape ``wanted``."""
        if not isinstance(result, Tensor) or not result.is_floating_point():
            raise ModelError(f"{self.spec.id}: it returned {_what(result)}, not a float tensor.")
        if result.shape != wanted:
            raise ModelError(f"{self.spec.id}: it returned shape {tuple(result.shape)}, not {wanted}.")
        return result

    def _seeds(self, images: Tensor, seeds: Sequence[int] | None) -> Sequence[int]:
        if seeds is None:
            return seeds_of(images, self.seed) if self.spec.seeded else [0] * len(images)
        if len(seeds) != len(images):
            raise UsageError(f"{self.spec.id}: {len(seeds)} seeds for {len(images)} images.")
        return seeds

    def _pieces(self, images: Tensor) -> list[slice]:
        step = max(1, len(images)) if self.spec.batchable else 1
        return [slice(start, start + step) for start in range(0, len(images), step)]


class LoadedScorer(Loaded):
    """Call with images, and references where ``spec.reference``: scores as a float tensor (N,).

    A score is NaN where the model has none for that image alone; ``judge`` also says why.
    """

    def __call__(
        self, images: Tensor, references: Tensor | None = None, *, seeds: Sequence[int] | None = None
    ) -> Tensor:
        return self.judge(images, references, seeds=seeds).values

    def judge(self, images: Tensor, references: Tensor | None = None, *, seeds: Sequence[int] | None = None) -> Scores:
        """The scores, and the reason for each that is missing."""
        images = self._ready(images)
        if self.spec.reference:
            if references is None:
                raise UsageError(f"{self.spec.id} is full-reference: give it the reference images too.")
            references = self._ready(references)
            if references.shape != images.shape:
                sizes = (f"{x.shape[-1]}×{x.shape[-2]}" for x in (images, references))
                raise ImageError(f"{self.spec.id}: images and references differ in size: {' and '.join(sizes)}.")
        else:
            references = None
        all_seeds = self._seeds(images, seeds) if self.spec.seeded else None
        values, reasons = [], {}
        for piece in self._pieces(images):
            some = images[piece]
            result = self._call(
                some,
                None if references is None else references[piece],
                seeds=None if all_seeds is None else all_seeds[piece],
            )
            if isinstance(result, Scores):
                reasons.update({piece.start + place: reason for place, reason in result.reasons.items()})
                result = result.values
            values.append(self._checked(result, (len(some),)))
        if len(values) == 1:
            return Scores(values[0], reasons)
        return Scores(torch.cat(values) if values else images.new_empty(0), reasons)


class _Maker(Loaded):
    """What enhancers and degraders share: seeds, pieces, and the check of what came out."""

    def _make(self, images: Tensor, seeds: Sequence[int] | None, size: tuple[int, int]) -> Tensor:
        all_seeds = self._seeds(images, seeds)
        shape = (3, *size)
        made = []
        for piece in self._pieces(images):
            some = images[piece]
            made.append(self._checked(self._call(some, seeds=all_seeds[piece]), (len(some), *shape)))
        result = (torch.cat(made) if made else images.new_empty((0, *shape))).float()
        if not bool(result.isfinite().all()):
            raise ModelError(f"{self.spec.id}: its image holds NaN or infinity.")
        return result.clamp(0, 1)


class LoadedEnhancer(_Maker):
    """Call with images (N, 3, H, W): enhanced images (N, 3, s·H, s·W) in [0, 1]."""

    def __call__(self, images: Tensor, *, seeds: Sequence[int] | None = None) -> Tensor:
        images = self._ready(images)
        seeds = self._seeds(images, seeds)
        height, width = images.shape[-2:]
        padded = _pad_to(images, self.spec.needs.min_side, self.spec.needs.multiple_of)
        scale = self.spec.scale_with(self.context.params)
        size = (padded.shape[-2] * scale, padded.shape[-1] * scale)
        return self._make(padded, seeds, size)[..., : height * scale, : width * scale]


class LoadedDegrader(_Maker):
    """Call with images (N, 3, H, W): degraded images (N, 3, H/s, W/s), after a crop to a multiple of s."""

    def __call__(self, images: Tensor, *, seeds: Sequence[int] | None = None) -> Tensor:
        images = self._ready(images)
        scale = self.spec.scale_with(self.context.params)
        height, width = (side // scale for side in images.shape[-2:])
        if not height or not width:
            raise ImageError(f"{self.spec.id}: the image is smaller than {scale} pixels a side.")
        return self._make(images[..., : height * scale, : width * scale], seeds, (height, width))


Ready = LoadedScorer | LoadedEnhancer | LoadedDegrader
_WRAPPERS: dict[type, type[LoadedScorer] | type[LoadedEnhancer] | type[LoadedDegrader]] = {
    ScorerSpec: LoadedScorer,
    EnhancerSpec: LoadedEnhancer,
    DegraderSpec: LoadedDegrader,
}


def _pad_to(images: Tensor, min_side: int, multiple_of: int) -> Tensor:
    """Mirrored out at the bottom and the right; where a side is too short to mirror, its edge is repeated."""
    sides = [max(side, min_side) for side in images.shape[-2:]]
    bottom, right = (
        -(-side // multiple_of) * multiple_of - have for side, have in zip(sides, images.shape[-2:], strict=True)
    )
    if not bottom and not right:
        return images
    mirrors = bottom < images.shape[-2] and right < images.shape[-1]
    return pad(images, (0, right, 0, bottom), mode="reflect" if mirrors else "replicate")


def _loader(target: str) -> Callable[[LoadContext], Any]:
    module, _, name = target.partition(":")
    loader: Callable[[LoadContext], Any] = getattr(importlib.import_module(module), name)
    return loader


def _device(device: str | torch.device) -> torch.device:
    try:
        found = torch.device(device)
    except RuntimeError:
        raise UsageError(f"{device!r} is not a device.", hint="Say cpu, cuda, cuda:1 or mps.") from None
    if found.type == "cuda" and not torch.cuda.is_available():
        raise UsageError("No CUDA device can be used here.", hint="Say --device cpu, or install a CUDA build of torch.")
    return found


def _describe(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it called exit({error.code!r})."
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _what(result: object) -> str:
    return f"{result.dtype!s}" if isinstance(result, Tensor) else type(result).__name__
