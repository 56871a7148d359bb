"""MaskedDenoising: a denoiser trained on images with most of their pixels hidden."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, ImageNeeds, Param, WeightsFile, hookimpl

REPOSITORY = "https://github.com/haoyuc/MaskedDenoising"
RELEASE = f"{REPOSITORY}/raw/9cd4c62a7a82178d86f197e11f2d0ba3ab1fbd5a/model_zoo"
WEIGHTS_LICENCE = "none stated (for comparison in research; do not pass on)"


def _file(name: str, model: str) -> WeightsFile:
    return WeightsFile(name=name, sources=(f"{RELEASE}/{name}",), licence=WEIGHTS_LICENCE, when={"model": model})


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="dn.maskdn",
        summary="MaskedDenoising: a window transformer that learnt to denoise from masked images",
        load="iqabench_enhancer_maskdn.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/CVPR52729.2023.00169",
        code=REPOSITORY,
        task="dn",
        needs=ImageNeeds(min_side=4),
        seeded=True,
        memory_mb=2800,
        training_data=("DIV2K", "Flickr2K", "OST"),
        params=(
            Param(
                name="model",
                default="masked",
                choices=("masked", "baseline"),
                help="masked is the paper's model; baseline is the same network trained without any mask",
            ),
            Param(
                name="attention_mask",
                default=True,
                help="hide three of four tokens, drawn by the seed, from each attention, as the released code does; "
                "baseline hides none",
            ),
            Param(
                name="tile",
                default=0,
                low=0,
                help="side in pixels, a multiple of 8 over 32, of overlapping squares that are denoised one by one; "
                "0 takes the whole image",
            ),
        ),
        weights=(_file("input_mask_80_90.pth", "masked"), _file("baseline.pth", "baseline")),
    )
