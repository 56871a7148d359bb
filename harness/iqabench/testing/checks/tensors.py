"""Does the model keep to shapes, types and seeds, whatever the batch, the order and the size?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from iqabench.errors import ImageError
from iqabench.images import to_pixels
from iqabench.loading import seeds_of

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench.testing.subject import Subject

TOLERANCE = 1e-5
"""What float32 sums in another order may change: relative for scores, absolute for images in [0, 1]."""


class TensorChecks:
    def test_result(self, subject: Subject) -> None:
        """If this fails, return a float tensor: one finite score an image, inside ``score_range`` where that
        is bounded; or images of the declared ``scale``."""
        images, result = subject.usual.images, subject.usual.result
        assert result.is_floating_point()
        assert bool(result.isfinite().all()), f"{result}"
        if subject.spec.kind == "scorer":
            assert result.shape == (len(images),)
            low, high = subject.spec.score_range
            assert low is None or bool((result >= low - TOLERANCE).all()), f"{result} is under {low}"
            assert high is None or bool((result <= high + TOLERANCE).all()), f"{result} is over {high}"
        else:
            assert result.shape == _output_shape(subject, images)

    def test_input_is_left_alone(self, subject: Subject) -> None:
        """If this fails, use no in-place operation (``mul_``, ``clamp_``, ``+=``) on the arguments."""
        run = subject.usual
        assert torch.equal(run.images, run.given_images), "the images were changed"
        if run.references is not None and run.given_references is not None:
            assert torch.equal(run.references, run.given_references), "the references were changed"

    def test_inference_only(self, subject: Subject) -> None:
        """If this fails, return the network in eval mode (``network.eval()``), and detached results."""
        assert not subject.usual.result.requires_grad
        model = subject.model.model
        owner = getattr(model, "__self__", model)
        if isinstance(owner, nn.Module):
            training = [name or "the network" for name, part in owner.named_modules() if part.training]
            assert not training, f"in training mode: {', '.join(training[:3])}"

    def test_batch_invariance(self, subject: Subject) -> None:
        """If this fails, something is computed over the whole batch (a mean, a maximum, a batch norm in
        training mode): keep dimension 0 out of every reduction. If a library cannot, ``batchable=False``."""
        images, references = subject.usual.images, subject.usual.references
        alone = [
            subject.run(images[i : i + 1], None if references is None else references[i : i + 1])
            for i in range(len(images))
        ]
        _assert_close(subject, subject.usual.result, torch.cat(alone), "in a batch and alone")

    def test_order(self, subject: Subject) -> None:
        """If this fails, an image's result depends on its place in the batch, or on what was run before."""
        images, references = subject.usual.images, subject.usual.references
        back = subject.run(images.flip(0), None if references is None else references.flip(0))
        _assert_close(subject, subject.usual.result, back.flip(0), "in this order and the other")

    def test_repeatable(self, subject: Subject) -> None:
        """If this fails, draw random numbers from a generator made from ``seeds``, never from torch's or
        numpy's global one; put dropout into eval mode. If a library cannot, ``deterministic=False``."""
        first = subject.usual.result
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            again = subject.run(subject.usual.images, subject.usual.references)
        assert first.shape == again.shape
        if subject.spec.deterministic:
            assert torch.equal(first, again), "the same images and seeds gave two results"

    def test_seed(self, subject: Subject) -> None:
        """If this fails, set ``seeded`` to what is true: True where another seed gives another result."""
        images, references = subject.usual.images, subject.usual.references
        other = subject.run(images, references, seeds=seeds_of(images, base=1))
        if subject.spec.seeded:
            assert not torch.equal(subject.usual.result, other), "seeded=True, and two seeds gave one result"
        elif subject.spec.deterministic:
            assert torch.equal(subject.usual.result, other), "seeded=False, and two seeds gave two results"

    def test_sizes(self, subject: Subject) -> None:
        """If this fails, the model cannot take an image that its ``needs`` admit. Raise ``min_side``, or set
        ``multiple_of`` (enhancers); better, handle odd sizes."""
        least = subject.spec.needs.min_side
        if subject.spec.kind == "degrader":
            least = max(least, subject.scale)
        wrong = []
        for size in [(least, least), (least + 1, least + 1), (least, least + 13), (least + 18, least + 5)]:
            images, references = subject.inputs(size)
            result = subject.run(images[1:2], None if references is None else references[1:2])
            if not bool(result.isfinite().all()):
                wrong.append(f"{size[1]}×{size[0]} gives {result.flatten()[0]}")
            elif subject.spec.kind != "scorer" and result.shape != _output_shape(subject, images[1:2]):
                wrong.append(f"{size[1]}×{size[0]} gives shape {tuple(result.shape)}")
        assert not wrong, "; ".join(wrong)

    def test_one_pixel(self, subject: Subject) -> None:
        """If this fails, a 1×1 image gives neither a result nor an ImageError: raise ``needs.min_side``."""
        pixel = torch.full((1, 3, 1, 1), 0.5)
        try:
            result = subject.run(pixel, pixel if subject.full_reference else None)
        except ImageError:
            return
        assert bool(result.isfinite().all()), f"{result}"

    def test_flat_images(self, subject: Subject) -> None:
        """If this fails, an all-black or all-white image divides by zero somewhere. Guard that place, or raise
        ImageError saying that an image without detail cannot be judged."""
        for level in (0.0, 1.0):
            flat = torch.full((1, 3, *subject.usual_size), level)
            try:
                result = subject.run(flat, flat if subject.full_reference else None)
            except ImageError:
                continue
            assert bool(result.isfinite().all()), f"an image that is {level:g} everywhere gives {result.flatten()[0]}"

    @pytest.mark.gpu
    def test_cuda(self, subject: Subject) -> None:
        """If this fails, create tensors on ``images.device`` (or ``context.device``), draw random numbers on
        the CPU, and compute sensitive sums in float64. Both sides compute in the model's first dtype, and
        float32 is not rounded to TF32."""
        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
        run, here = subject.usual, subject.usual.result
        with _whole_float32():
            model = subject.load(device="cuda", dtype=subject.spec.dtypes[0])
            there = subject.run(run.images, run.references, model=model).cpu()
        if subject.spec.kind == "degrader":
            pairs = zip(here, there, strict=True)
            assert all((to_pixels(a) == to_pixels(b)).all() for a, b in pairs), "other bytes on CUDA"
        elif subject.spec.deterministic:
            # A result that is rounded to 8 bits differs by whole steps, and by as much as before on average.
            steps = _in_steps(here) and _in_steps(there)
            _assert_close(subject, there, here, "on CUDA and on the CPU", tolerance=1.001 / 255 if steps else 1e-3)
            assert not steps or (there - here).abs().mean() <= 1e-3, "the mean differs on CUDA and on the CPU"


@contextmanager
def _whole_float32() -> Iterator[None]:
    """Convolutions and matrix products on CUDA keep all bits of float32 meanwhile."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = False
    try:
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before


def _in_steps(images: Tensor) -> bool:
    """Whether all values are whole steps of 8 bits."""
    steps = images.double() * 255
    return bool((steps - steps.round()).abs().max() < 1e-4)


def _output_shape(subject: Subject, images: Tensor) -> tuple[int, ...]:
    height, width = images.shape[-2:]
    if subject.spec.kind == "enhancer":
        return (len(images), 3, height * subject.scale, width * subject.scale)
    return (len(images), 3, height // subject.scale, width // subject.scale)


def _assert_close(subject: Subject, one: Tensor, other: Tensor, when: str, tolerance: float = TOLERANCE) -> None:
    difference = (one.double() - other.double()).abs()
    if subject.spec.kind == "scorer":
        difference = difference / other.double().abs().clamp(min=1e-3)
    worst = float(difference.max())
    assert worst <= tolerance, f"results {when} differ by {worst:.2g}, more than {tolerance:g}"
