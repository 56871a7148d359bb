"""LightenDiffusion: a diffusion model brightens a small latent of the image, which is then decoded."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, ImageNeeds, Param, WeightsFile, hookimpl

CHECKPOINT = "stage2_weight.pth.tar"
FOLDER = "1m3t15rWw76IDDWJ0exLOe5P0uEnjk3zl"
PACKAGE = "iqabench-enhancer-lightendiff/iqabench_enhancer_lightendiff"


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="lle.lightendiff",
        summary="LightenDiffusion: unsupervised latent-Retinex diffusion",
        load="iqabench_enhancer_lightendiff.model:load",
        licence="Apache-2.0",
        paper="arXiv:2407.08939",
        code="https://github.com/JianghaiSCU/LightenDiffusion",
        task="lle",
        params=(Param(name="steps", default=20, low=1, high=1000, help="steps of DDIM; the released setting is 20"),),
        weights=(
            WeightsFile(
                name=CHECKPOINT,
                # The folder's page: its files have no published addresses, and are to be fetched by hand.
                sources=(f"https://drive.google.com/drive/folders/{FOLDER}?file={CHECKPOINT}",),
                licence="none stated by the authors: not to be passed on",
            ),
            WeightsFile(name="config.json", sources=(f"package://{PACKAGE}/config.json",), licence="Apache-2.0"),
        ),
        training_data=("180k unpaired photos in low and in normal light, not published",),
        needs=ImageNeeds(multiple_of=64),
        dtypes=("float32", "bfloat16", "float16"),
        seeded=True,
        memory_mb=1400,
    )
