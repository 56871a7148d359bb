"""Which squares of 224 of an image HyperIQA looks at."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from iqabench.compat.pillow import resize
from iqabench_iqa_hyperiqa.network import SIDE

SIZE = (512, 384)
"""(height, width) that the official code resizes every image to, landscape ones too. The weights expect it."""
PER_SIDE = 5  # of pyiqa's grid


def random_crops(image: Tensor, count: int, seed: int) -> Tensor:
    """As the official code does: (3, H, W) -> (count, 3, 224, 224) of the resized image.

    The places are those that torchvision's ``RandomCrop`` takes after ``torch.manual_seed(seed)``.
    """
    generator = torch.Generator().manual_seed(seed)
    resized = resize(image[None], SIZE)[0]
    crops = []
    for _ in range(count):
        top, left = (int(torch.randint(0, side - SIDE + 1, (1,), generator=generator)) for side in SIZE)
        crops.append(resized[:, top : top + SIDE, left : left + SIDE])
    return torch.stack(crops)


def grid_crops(image: Tensor) -> Tensor:
    """As pyiqa does: (3, H, W) -> (25, 3, 224, 224), steps of a fifth of what is left over from the top left.

    An image whose short side is 224 or less is first enlarged to 225, without antialiasing.
    """
    short = min(image.shape[-2:])
    if short <= SIDE:
        image = interpolate(image[None], scale_factor=(SIDE + 1) / short, mode="bilinear")[0]
    steps = [(side - SIDE) // PER_SIDE for side in image.shape[-2:]]
    offsets = [(row * steps[0], column * steps[1]) for row in range(PER_SIDE) for column in range(PER_SIDE)]
    return torch.stack([image[:, top : top + SIDE, left : left + SIDE] for top, left in offsets])
