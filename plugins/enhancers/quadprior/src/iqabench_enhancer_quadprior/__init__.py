"""QuadPrior: what light does not change in a photo steers Stable Diffusion into making it well lit."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, Param, WeightsFile, hookimpl
from iqabench.diffusion.declaring import OFFLOAD

BASE = "control_sd15_ini.ckpt"
CONTROL = "COCO-final.ckpt"
VAE = "main-epoch=00-step=7000.ckpt"
EMBEDDING = "empty_embedding.pkl"
FOLDER = "1NbqfOJYjv-_zH1NzTaaLmZDKjYA9clbd"
REVISION = "cbdf02f2873cd7cc4652611e2431d7d10e371201"
PACKAGE = "iqabench-enhancer-quadprior/iqabench_enhancer_quadprior"
UNSTATED = "none stated by the authors: not to be passed on"


def _file(name: str, licence: str = UNSTATED) -> WeightsFile:
    # The folder's page: its files have no published addresses, and are to be fetched by hand.
    source = f"https://drive.google.com/drive/folders/{FOLDER}?file={name}"
    return WeightsFile(name=name, sources=(source,), licence=licence)


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="lle.quadprior",
        summary="QuadPrior: Stable Diffusion 1.5 under control of an illumination-invariant prior",
        load="iqabench_enhancer_quadprior.model:load",
        licence="Apache-2.0",
        paper="arXiv:2403.12933",
        code="https://github.com/daooshee/QuadPrior",
        task="lle",
        params=(
            Param(name="steps", default=10, low=3, high=999, help="steps of DPM-Solver++; the released setting is 10"),
            Param(
                name="short_side",
                default=512,
                low=0,
                high=4096,
                help="short side in pixels at which the networks run, sides rounded to 64; 0 takes the image's own",
            ),
            Param(
                name="resize_back",
                default="bicubic",
                choices=("bicubic", "lanczos3", "triangle"),
                help="kernel by which the result is brought back to the image's size",
            ),
            Param(
                name="order",
                default="bgr",
                choices=("bgr", "rgb"),
                help="order of channels that the networks see: bgr as the released code runs, rgb as it was trained",
            ),
            OFFLOAD,
        ),
        weights=(
            _file(BASE, "CreativeML-OpenRAIL-M (Stable Diffusion 1.5)"),
            _file(CONTROL),
            _file(VAE),
            WeightsFile(
                name=EMBEDDING,
                sources=(f"https://raw.githubusercontent.com/daooshee/QuadPrior/{REVISION}/{EMBEDDING}",),
                licence=UNSTATED,
                sha256="322aef8a7d917e71ab6904a8fc7e1a51c561fa12ba2c3ed952d7ee482d47cebd",
                size=236962,
            ),
            WeightsFile(name="config.json", sources=(f"package://{PACKAGE}/config.json",), licence="Apache-2.0"),
        ),
        training_data=("LAION (Stable Diffusion)", "COCO"),
        dtypes=("float32", "bfloat16", "float16"),
        cuda_dtype="float16",
        seeded=True,
        memory_mb=8100,
    )
