"""Does the model do what its kind is for, on real photos?"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import torch

from iqabench.images import to_pixels
from iqabench.ops.resize import imresize
from iqabench.testing import images as test_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from iqabench.testing.subject import Subject


class ScorerMeaning:
    def test_identity(self, subject: Subject) -> None:
        """If this fails, a photo compared with itself is not the best there is. Either ``higher_is_better``
        is wrong, or images and references are mixed up."""
        if not subject.full_reference:
            pytest.skip("no-reference")
        _need_trained(subject)
        photo, *_ = _scorer_photos(subject)
        best = float(subject.run(photo, photo))
        harmed = [*test_images.noise_ladder(photo)[1:], *test_images.blur_ladder(photo)[1:]]
        scores = [float(subject.run(image, photo)) for image in harmed]
        assert all(_better(subject, best, score) for score in scores), f"identity {best:.6g}, harmed {scores}"

    def test_noise_ladder(self, subject: Subject) -> None:
        """If this fails, more noise does not count as worse. Check ``higher_is_better``; if the model is blind
        to noise by design, waive this and say so."""
        _assert_falls(subject, [test_images.noise_ladder(photo) for photo in _scorer_photos(subject)], "noise")

    def test_blur_ladder(self, subject: Subject) -> None:
        """If this fails, more blur does not count as worse. Check ``higher_is_better``; if the model is blind
        to blur by design, waive this and say so."""
        _assert_falls(subject, [test_images.blur_ladder(photo) for photo in _scorer_photos(subject)], "blur")


class EnhancerMeaning:
    def test_changes_image(self, subject: Subject) -> None:
        """If this fails, the output is the input: the network's result is probably not used."""
        if subject.scale == 1:
            assert float((subject.usual.result - subject.usual.images).abs().max()) > 1 / 255

    def test_task(self, subject: Subject) -> None:
        """If this fails, the model does not do its task on a photo: ``sr`` must look like the bicubic
        enlargement (else channels, ranges or axes are mixed up), ``lle`` must brighten a darkened photo,
        ``dn`` must bring a noisy photo nearer to the clean one."""
        _need_trained(subject)
        side = max(96, subject.spec.needs.min_side)
        for photo in test_images.photos(2, side=side):
            if subject.spec.task == "sr":
                small = imresize(photo, scale=1 / subject.scale).clamp(0, 1)
                plain = imresize(small, size=(small.shape[-2] * subject.scale, small.shape[-1] * subject.scale))
                likeness = _psnr(subject.run(small), plain.clamp(0, 1))
                assert likeness > 18, f"{likeness:.1f} dB from the bicubic enlargement"
            elif subject.spec.task == "lle":
                dark = (photo**2.2 * 0.15) ** (1 / 2.2)
                means = float(dark.mean()), float(subject.run(dark).mean())
                assert means[1] > means[0] + 0.02, f"mean {means[0]:.3f} became {means[1]:.3f}"
            else:
                noisy = test_images.with_noise(photo, 25)
                before, after = _psnr(noisy, photo), _psnr(subject.run(noisy), photo)
                assert after > before, f"{before:.2f} dB became {after:.2f} dB"


class DegraderMeaning:
    def test_degrades(self, subject: Subject) -> None:
        """If this fails, the photo is not harmed as its group says: ``lr`` loses detail, ``dark`` lowers the
        mean, ``noise`` adds to the pixels."""
        for photo in test_images.photos(2, side=max(96, subject.spec.needs.min_side)):
            degraded = subject.run(photo)
            if subject.spec.group == "dark":
                assert float(degraded.mean()) < float(photo.mean()) - 0.02, "the photo did not get darker"
            size = (degraded.shape[-2] * subject.scale, degraded.shape[-1] * subject.scale)
            shown = imresize(degraded, size=size).clamp(0, 1) if subject.scale > 1 else degraded
            fidelity = _psnr(shown, photo[..., : size[0], : size[1]])
            assert 3 < fidelity < 48, f"{fidelity:.1f} dB from the photo: untouched, or destroyed"

    def test_digest(self, subject: Subject) -> None:
        """If this fails with no digest recorded, look at the images and record the one it prints. If it fails
        later, the bytes changed: mend it, or raise ``revision`` and record the new one. On one machine only:
        use exactly rounded arithmetic, and CPU generators for random numbers."""
        recorded: str | None = subject.contract.digest  # type: ignore[attr-defined]
        if recorded is None:
            pytest.skip("no digest recorded")
        images = test_images.natural(2, 48, 64)
        digest = hashlib.sha256()
        for image in subject.run(images, seeds=[1, 2]):
            digest.update(to_pixels(image).tobytes())
        found = digest.hexdigest()[:16]
        assert found == recorded, f'the bytes have digest = "{found}"'


def _need_trained(subject: Subject) -> None:
    if not subject.trained:
        pytest.skip("made-up weights know nothing of quality")


def _scorer_photos(subject: Subject) -> Sequence[Tensor]:
    """A full-reference model is fair on every photo, so few and small ones do; others are judged on average."""
    if subject.full_reference:
        return test_images.photos(2, side=max(256, subject.spec.needs.min_side))
    return test_images.photos(4)


def _better(subject: Subject, one: float, other: float) -> bool:
    return one > other if subject.spec.higher_is_better else one < other


def _assert_falls(subject: Subject, ladders: Sequence[Sequence[Tensor]], harm: str) -> None:
    """``ladders``: a photo, then its ever worse copies. With references every step of every photo counts;
    without, the photos' mean must be worse at every step than clean, and worst-harmed under least-harmed."""
    _need_trained(subject)
    scores = torch.tensor(
        [
            [float(subject.run(image, ladder[0] if subject.full_reference else None)) for image in ladder]
            for ladder in ladders
        ],
        dtype=torch.float64,
    )
    way = "fall" if subject.spec.higher_is_better else "rise"
    if subject.full_reference:
        for row in scores.tolist():
            falls = all(_better(subject, a, b) for a, b in pairwise(row))
            assert falls, f"scores must {way} with more {harm}: {_listed(row)}"
        return
    clean, *harmed = scores.mean(0).tolist()
    falls = all(_better(subject, clean, score) for score in harmed) and _better(subject, harmed[0], harmed[-1])
    assert falls, f"mean scores must {way} with more {harm}: {_listed([clean, *harmed])}"


def _psnr(image: Tensor, reference: Tensor) -> float:
    return float(-10 * ((image - reference).double().square().mean() + 1e-12).log10())


def _listed(scores: Sequence[float]) -> str:
    return ", ".join(f"{score:.5g}" for score in scores)
