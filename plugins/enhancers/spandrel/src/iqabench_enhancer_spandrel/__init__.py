"""A bridge to spandrel, which tells a network's architecture from its checkpoint: the file is the model."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, ImageNeeds, Param, WeightsFile, hookimpl

CODE = "https://github.com/chaiNNer-org/spandrel"
CHECKPOINT = WeightsFile(name="checkpoint", sources=(), licence="the file's own")
NEEDS = ImageNeeds(min_side=16)  # less than a window or two, and some networks cannot mirror out what they are given
TILING = (
    Param(
        name="tile",
        default=0,
        low=0,
        help="side in pixels of overlapping squares that are restored one by one, to bound memory; 0 takes the whole",
    ),
    Param(
        name="overlap",
        default=32,
        low=0,
        help="pixels that neighbouring tiles share, and over which one fades into the next",
    ),
)


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="sr.spandrel",
        summary="Any super-resolution network that spandrel knows, from a file of yours",
        load="iqabench_enhancer_spandrel.model:load_enlarging",
        licence="Apache-2.0",
        code=CODE,
        task="sr",
        scale=4,
        needs=NEEDS,
        batchable=False,
        dtypes=("float32", "float16", "bfloat16"),
        params=(
            Param(name="scale", default=4, low=1, high=16, help="how many times the checkpoint enlarges"),
            *TILING,
        ),
        weights=(CHECKPOINT,),
    )
    yield EnhancerSpec(
        id="dn.spandrel",
        summary="Any denoising or restoration network that spandrel knows, from a file of yours",
        load="iqabench_enhancer_spandrel.model:load_denoising",
        licence="Apache-2.0",
        code=CODE,
        task="dn",
        needs=NEEDS,
        batchable=False,
        dtypes=("float32", "float16", "bfloat16"),
        params=TILING,
        weights=(CHECKPOINT,),
    )
