"""Against outputs of the official code, recorded with the same made weights, images and seeds of numpy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.errors import UsageError
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, manifest_of, read_manifest, save
from iqabench_enhancer_maskdn.masks import TokenMasks
from iqabench_enhancer_maskdn.model import in_squares, mirrored
from iqabench_enhancer_maskdn.network import MaskedDenoiser

MANIFEST = read_manifest(Path(__file__).with_name("manifest.json"))
RECORDED = recorded.read_outputs(Path(__file__).with_name("recorded.npz"))
OUTPUTS = [name for name in RECORDED if not name.endswith("feat")]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    state = generate(MANIFEST, fill=recorded.fill)
    path = save(state, tmp_path_factory.mktemp("maskdn") / "input_mask_80_90.pth")
    yield path
    path.unlink()  # 17 MB


@pytest.fixture(scope="module")
def masked(weights: Path) -> Loaded:
    return iqabench.load("dn.maskdn", weights=weights)


@pytest.fixture(scope="module")
def unmasked(weights: Path) -> Loaded:
    return iqabench.load("dn.maskdn", weights=weights, attention_mask=False)


def picture(name: str) -> Tensor:
    """The image of a recorded case: ``attnmask_50x77_i1``."""
    height, width = map(int, name.split("_")[1].split("x"))
    return recorded.picture(height, width, int(name.split("_")[2].removeprefix("i")))


def off(result: Tensor, expected: Tensor) -> float:
    """The relative L2 error."""
    return float((result - expected).norm() / expected.norm())


def test_the_layout_is_the_official_one() -> None:
    assert manifest_of(MaskedDenoiser()) == MANIFEST


@pytest.mark.parametrize("name", OUTPUTS)
def test_output(masked: Loaded, unmasked: Loaded, name: str) -> None:
    """The official code was seeded with 0 before each forward; its output is not yet clamped."""
    model = masked if name.startswith("attn") else unmasked
    with torch.inference_mode():
        result = model.model(picture(name), seeds=[0])
    assert off(result[0, :, ::2, ::2], RECORDED[name]) < 1e-5


@pytest.mark.parametrize("name", ["nomask_64x64_i0", "nomask_50x77_i0"])
def test_features(unmasked: Loaded, weights: Path, name: str) -> None:
    network = MaskedDenoiser()
    network.load_state_dict(torch.load(weights, weights_only=True) | constants(network))
    with torch.inference_mode():
        features = network.features(mirrored(picture(name), 8), None)
    assert off(features[0, :8:3, ::3, ::3], RECORDED[f"{name}_feat"]) < 1e-5


def constants(network: MaskedDenoiser) -> dict[str, Tensor]:
    return {key: value for key, value in network.state_dict().items() if "relative_position_index" in key}


def test_each_image_has_its_own_masks(masked: Loaded) -> None:
    """An image and a seed give one result, whatever the batch; another seed gives another."""
    images = torch.cat([picture(f"_32x24_i{i}") for i in range(5)])
    seeds = [7, 7, 2**40 + 1, 2**40 + 2, 0]
    alone = torch.cat([masked(images[i : i + 1], seeds=seeds[i : i + 1]) for i in range(5)])
    for order in ([3, 0], [4, 2, 1], [1, 0, 3, 2, 4]):
        together = masked(images[order], seeds=[seeds[i] for i in order])
        torch.testing.assert_close(together, alone[order], rtol=0, atol=1e-5)
    seen = [masked(images[:1], seeds=[seed]) for seed in (7, 2**40 + 7, 2**41 + 7)]
    assert float((seen[0] - seen[1]).abs().max()) > 0.1
    assert float((seen[1] - seen[2]).abs().max()) > 0.1


def test_three_of_four_tokens_are_hidden() -> None:
    masks = TokenMasks([0, 1]).draw(200, 64)
    assert masks.shape == (400, 64, 1)
    assert set(masks.unique().tolist()) == {0, 1}
    assert float(masks.mean()) == pytest.approx(0.25, abs=0.01)


def test_the_baseline_hides_nothing(unmasked: Loaded, weights: Path) -> None:
    baseline = iqabench.load("dn.maskdn[model=baseline]", weights={"baseline.pth": weights})
    image = picture("_40x48_i0")
    assert torch.equal(baseline(image), unmasked(image))


def test_a_side_of_whole_windows_is_given_one_more() -> None:
    rows = torch.arange(8.0).view(1, 1, 8, 1).expand(1, 1, 8, 11)
    assert mirrored(rows, 8).shape == (1, 1, 16, 16)
    assert mirrored(rows, 8)[0, 0, :, 0].tolist() == [*range(8), *range(7, -1, -1)]


def test_tiles_agree_where_they_see_enough(weights: Path) -> None:
    """Away from its tile's border a pixel sees what it sees in the whole image. No tile is longer than a side."""
    image = picture("_56x40_i0")
    whole, covered, tiled = (
        iqabench.load("dn.maskdn", weights=weights, attention_mask=False, tile=tile)(image) for tile in (0, 64, 40)
    )
    assert whole.shape == covered.shape == tiled.shape
    assert 0 < off(tiled, whole) < 0.15
    assert off(covered, whole) < 0.15


def test_tiles_cover_the_image() -> None:
    def starts(height: int, width: int, side: int) -> list[tuple[int, int]]:
        """Where each square begins; each pixel of the image tells its own place."""
        image = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"))[None].float()
        seen: list[Tensor] = []
        covered = in_squares(lambda part: seen.append(part) or part, image, side)
        assert torch.equal(covered, image)
        assert {part.shape for part in seen} == {(1, 2, side, side)}
        return [(int(part[0, 0, 0, 0]), int(part[0, 1, 0, 0])) for part in seen]

    assert starts(104, 88, 64) == [(top, left) for top in (0, 32, 40) for left in (0, 24)]
    assert starts(24, 80, 24) == [(0, left) for left in (0, 12, 24, 36, 48, 56)]


def test_a_tile_of_broken_windows_is_refused(weights: Path) -> None:
    for tile in (60, 32):
        with pytest.raises(UsageError, match=f"tile={tile} is no multiple of 8 over 32"):
            iqabench.load("dn.maskdn", weights=weights, tile=tile)
