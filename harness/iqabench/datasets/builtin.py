"""The datasets that come with iqabench, declared as any plugin would declare its own."""

from __future__ import annotations

from collections.abc import Iterable

from iqabench import Param, hookimpl
from iqabench.datasets.auiqa.names import CELLS
from iqabench.datasets.distortions import KADID10K, TID2013
from iqabench.datasets.items import DatasetSpec

_HERE = "iqabench.datasets"
_TID2013_SUBSETS = {
    "noise": (1, 2, 3, 4, 5, 6, 7, 8, 9, 19, 21),
    "simple": (1, 8, 10),
    "exotic": (12, 13, 14, 15, 16, 17, 20, 23, 24),
    "new": (18, 19, 20, 21, 22, 23, 24),
}


def _column(name: str, holds: str) -> Param:
    return Param(name=name, default="", help=f"column that holds {holds}")


@hookimpl
def iqabench_datasets() -> Iterable[DatasetSpec]:
    yield from _enhanced()
    yield from _authentic()
    yield from _synthetic()
    yield from _generated()
    yield DatasetSpec(
        name="built",
        summary="A dataset that `iqabench dataset build` made",
        load=f"{_HERE}.built:load",
        licence="that of its photos and models, see its README.md",
        layout="the folder that `iqabench dataset build --out` named",
        mos_range=(1, 5),
        groups=("task", "degrader", "enhancer"),
        options=(
            Param(
                name="role",
                default="enhanced",
                choices=("enhanced", "degraded", "source", "all"),
                help="which of its images",
            ),
            Param(name="range", default="", help="lowest:highest opinion score, where it is not 1:5"),
        ),
    )
    yield DatasetSpec(
        name="csv",
        summary="A table of your own, or one of pyiqa's meta files",
        load=f"{_HERE}.csvfile:load",
        licence="yours",
        layout="csv:FILE, a CSV, text, JSON or xlsx file with columns for image and MOS",
        splits=("split",),
        options=(
            _column("image", "the image's name"),
            _column("reference", "the pristine image's name"),
            _column("mos", "the opinion score"),
            _column("std", "its standard deviation"),
            _column("split_column", "the split"),
            _column("source", "the photographed content"),
            Param(name="folder", default="", help="folder of the images, from the file's folder"),
            Param(name="sheet", default="", help="sheet of a workbook"),
            Param(
                name="direction", default="", choices=("", "higher", "lower"), help="which opinion scores are better"
            ),
            Param(name="range", default="", help="lowest:highest opinion score, as 1:5"),
        ),
    )


def _enhanced() -> Iterable[DatasetSpec]:
    yield DatasetSpec(
        name="auiqa",
        summary="AU-IQA: 400 photos x 3 tasks x 4 AI enhancers, rated by five people",
        load=f"{_HERE}.auiqa.loader:load",
        licence="MIT (the repository); photos from KonIQ-10k",
        paper="doi:10.1145/3746027.3758213",
        home="https://github.com/WNNGGU/AU-IQA-Dataset",
        mos_range=(1, 5),
        n=4800,
        layout="any tree of images whose names tell task and enhancer, with tables of labels in it",
        groups=("task", "enhancer"),
        counts={f"task={task},enhancer={name}": 400 for task, names in CELLS.items() for name in names},
        options=(Param(name="mapping", default="", help="TOML file that says what names mean, from the folder"),),
    )
    yield DatasetSpec(
        name="pipal",
        summary="PIPAL: 200 patches under 116 distortions, most of them by restoration networks",
        load=f"{_HERE}.pipal:load",
        licence="free for research",
        paper="arXiv:2007.12142",
        home="https://github.com/HaomingCai/PIPAL-dataset",
        measure="Elo",
        mos_range=(916, 1836),
        n=23200,
        counts={"split=train": 23200},
        layout="Train_Label/*.txt, Train_Ref/, Train_Dist/ or Distortion_1/ to Distortion_4/; Val_* likewise",
        reference=True,
        splits=("split",),
        groups=("distortion",),
    )


def _authentic() -> Iterable[DatasetSpec]:
    yield DatasetSpec(
        name="koniq10k",
        summary="KonIQ-10k: photos of everyday life, rated by a crowd",
        load=f"{_HERE}.koniq10k:load",
        licence="free for research; photos under Creative Commons",
        paper="doi:10.1109/TIP.2020.2967829",
        home="http://database.mmsp-kn.de/koniq-10k-database.html",
        mos_range=(0, 100),
        n=10073,
        counts={"split=training": 7058, "split=validation": 1000, "split=test": 2015},
        layout="koniq10k_distributions_sets.csv or koniq10k_scores_and_distributions.csv; 1024x768/, 512x384/",
        splits=("split",),
        options=(Param(name="size", default="1024x768", choices=("1024x768", "512x384"), help="folder of the images"),),
    )
    yield DatasetSpec(
        name="spaq",
        summary="SPAQ: photos by 66 smartphones, with scores of five attributes",
        load=f"{_HERE}.spaq:load",
        licence="free for research",
        paper="doi:10.1109/CVPR42600.2020.00373",
        home="https://github.com/h4nwei/SPAQ",
        mos_range=(0, 100),
        n=11125,
        layout="Annotations/MOS and Image attribute scores.xlsx, Annotations/Scene category labels.xlsx; TestImage/",
    )
    yield DatasetSpec(
        name="flive",
        summary="FLIVE, or PaQ-2-PiQ: photos of many sets, and patches of them",
        load=f"{_HERE}.flive:load",
        licence="none stated; free for research",
        paper="arXiv:1912.10088",
        home="https://github.com/niu-haoran/FLIVE_Database",
        mos_range=(0, 100),
        n=39810,
        layout="labels_image.csv, labels_patch.csv, labels640.csv, labels=640_padded.csv; database/",
        splits=("split",),
        groups=("kind",),
        options=(Param(name="patches", default=False, help="add the 119,430 patches"),),
    )
    yield DatasetSpec(
        name="clive",
        summary="LIVE In the Wild Challenge: photos by phones, rated by a crowd",
        load=f"{_HERE}.clive:load",
        licence="LIVE notice: free with attribution",
        paper="doi:10.1109/TIP.2015.2500021",
        home="https://live.ece.utexas.edu/research/ChallengeDB/",
        mos_range=(0, 100),
        n=1162,
        layout="Data/AllImages_release.mat, AllMOS_release.mat, AllStdDev_release.mat; Images/",
        options=(Param(name="training", default=False, help="keep the 7 images that raters were trained on"),),
    )
    yield DatasetSpec(
        name="piq23",
        summary="PIQ23: portraits of 50 scenes by more than 100 phones, compared by experts",
        load=f"{_HERE}.piq23:load",
        licence="non-commercial research only",
        paper="arXiv:2304.05772",
        home="https://corp.dxomark.com/data-base-piq23/",
        measure="JOD",
        mos_range=(-8, 6),
        n=5116,
        layout="Scores_Overall.csv, Scores_Details.csv, Scores_Exposure.csv; Overall/...; Test split/*.csv",
        splits=("device_split", "scene_split"),
        groups=("condition",),
        within="scene",
        options=(
            Param(
                name="attribute",
                default="Overall",
                choices=("Overall", "Details", "Exposure"),
                help="what the experts compared",
            ),
        ),
    )


def _synthetic() -> Iterable[DatasetSpec]:
    yield DatasetSpec(
        name="kadid10k",
        summary="KADID-10k: 81 photos x 25 distortions x 5 levels, rated by a crowd",
        load=f"{_HERE}.kadid10k:load",
        licence="free for research; photos from Pixabay",
        paper="doi:10.1109/QoMEX.2019.8743252",
        home="http://database.mmsp-kn.de/kadid-10k-database.html",
        measure="DCR mean (in a column called dmos)",
        mos_range=(1, 5),
        n=10125,
        counts={f"distortion={name}": 405 for name in KADID10K},
        layout="dmos.csv; images/",
        reference=True,
        groups=("distortion",),
    )
    yield DatasetSpec(
        name="tid2013",
        summary="TID2013: 25 photos x 24 distortions x 5 levels, compared in pairs",
        load=f"{_HERE}.tid2013:load",
        licence="free for research",
        paper="doi:10.1016/j.image.2014.10.009",
        home="https://www.ponomarenko.info/tid2013.htm",
        mos_range=(0, 9),
        n=3000,
        counts={f"distortion={name}": 125 for name in TID2013},
        layout="mos_with_names.txt, mos_std.txt; distorted_images/, reference_images/",
        reference=True,
        groups=("distortion",),
        subsets={
            name: f"distortion={'|'.join(TID2013[number - 1] for number in numbers)}"
            for name, numbers in _TID2013_SUBSETS.items()
        },
    )
    yield DatasetSpec(
        name="live",
        summary="LIVE release 2: 29 photos under 5 distortions",
        load=f"{_HERE}.live:load",
        licence="LIVE notice: free with attribution",
        paper="doi:10.1109/TIP.2006.881959",
        home="https://live.ece.utexas.edu/research/quality/subjective.htm",
        measure="DMOS",
        mos_range=(-3, 112),
        higher_is_better=False,
        n=779,
        layout="dmos_realigned.mat or dmos.mat, refnames_all.mat; jp2k/, jpeg/, wn/, gblur/, fastfading/, refimgs/",
        reference=True,
        groups=("distortion",),
        options=(Param(name="undistorted", default=False, help="keep the 203 copies of pristine images"),),
    )
    yield DatasetSpec(
        name="csiq",
        summary="CSIQ: 30 photos under 6 distortions at 3 to 5 levels",
        load=f"{_HERE}.csiq:load",
        licence="free for research",
        paper="doi:10.1117/1.3267105",
        home="http://vision.eng.shizuoka.ac.jp/mod/page/view.php?id=23",
        measure="DMOS",
        mos_range=(0, 1),
        higher_is_better=False,
        n=866,
        counts={f"distortion={name}": 150 for name in ("awgn", "jpeg", "jpeg2000", "fnoise", "blur")}
        | {"distortion=contrast": 116},
        layout="csiq.DMOS.csv, csiq.beta.xlsx or csiq_label.txt; src_imgs/, dst_imgs/",
        reference=True,
        groups=("distortion",),
    )


def _generated() -> Iterable[DatasetSpec]:
    yield DatasetSpec(
        name="agiqa3k",
        summary="AGIQA-3K: images by 6 text-to-image generators",
        load=f"{_HERE}.agiqa3k:load",
        licence="MIT (the repository)",
        paper="arXiv:2306.04717",
        home="https://github.com/lcysyzxdxc/AGIQA-3k-Database",
        mos_range=(0, 5),
        n=2982,
        layout="data.csv; images beside it",
        groups=("generator",),
        options=(Param(name="target", default="quality", choices=("quality", "alignment"), help="what people judged"),),
    )
    yield DatasetSpec(
        name="aigciqa2023",
        summary="AIGCIQA2023: 6 text-to-image generators x 100 prompts x 4 images",
        load=f"{_HERE}.aigciqa2023:load",
        licence="none stated",
        paper="arXiv:2307.00211",
        home="https://github.com/wangjiarui153/AIGCIQA2023",
        mos_range=(0, 100),
        n=2400,
        counts={f"generator={number}": 400 for number in range(1, 7)},
        layout="DATA/MOS/mosz1.mat to mosz3.mat, DATA/STD/SD1.mat to SD3.mat; Image/allimg/0.png ...",
        groups=("generator",),
        options=(
            Param(
                name="target",
                default="quality",
                choices=("quality", "authenticity", "correspondence"),
                help="what people judged",
            ),
        ),
    )
