"""AU-IQA in the layouts that its release may have, each with two photos by several of the twelve enhancers."""

from __future__ import annotations

from pathlib import Path

import pytest

from iqabench.datasets.auiqa.names import CELLS, Cell, Names
from iqabench.errors import DatasetError

PHOTOS = ("10004473376", "826373002")
PAPER_NAMES = {
    "sr": ("Super-Resolution", {"diffbir": "DiffBIR", "osediff": "OSEDiff", "pasd": "PASD", "supir": "SUPIR"}),
    "lle": (
        "Low-Light Enhancement",
        {"glare": "GLARE", "lightendiff": "LightenDiffusion", "nerco": "NeRCo", "quadprior": "QuadPrior"},
    ),
    "dn": (
        "Denoising",
        {"diffbir": "DiffBIR", "maskdn": "Masked Denoising", "pasd": "PASD", "supir": "SUPIR"},
    ),
}
CELL_LIST = [(task, enhancer) for task, enhancers in CELLS.items() for enhancer in enhancers]


def mos(photo: int, cell: int) -> float:
    return round(1 + photo * 1.5 + cell * 0.125, 3)


def expect(items, extension=".png"):
    """24 items, each in its cell, with its own MOS, source and file."""
    found = {(item.facts["task"], item.facts["enhancer"], item.source): item for item in items}
    assert len(items) == len(found) == 24
    for number, (task, enhancer) in enumerate(CELL_LIST):
        for photo, source in enumerate(PHOTOS):
            item = found[task, enhancer, source]
            assert item.mos == pytest.approx(mos(photo, number)), item.name
            assert item.image.is_file(), item.name
            assert item.image.suffix == extension


def test_a_tree_and_one_table_of_paths_with_raters(specs, draw, write, tmp_path):
    """<task>/<enhancer>/<photo>.png; MOS.csv in the root: path and five votes, no MOS."""
    lines = ["path,annotator1,annotator2,annotator3,annotator4,annotator5"]
    for number, (task, enhancer) in enumerate(CELL_LIST):
        folder = f"{PAPER_NAMES[task][0]}/{PAPER_NAMES[task][1][enhancer]}"
        for photo, source in enumerate(PHOTOS):
            draw(f"{folder}/{source}.png")
            value = mos(photo, number)
            votes = ",".join(f"{value + shift:.3f}" for shift in (-0.5, -0.25, 0, 0.25, 0.5))
            lines.append(f"{folder}/{source}.png,{votes}")
    write("MOS.csv", "\n".join(lines))
    items = specs["auiqa"].read(tmp_path)
    expect(items)
    assert items[0].facts["std"] == pytest.approx(0.3953, abs=1e-4)
    assert [f"vote{rater}" in items[0].facts for rater in range(1, 7)] == [True] * 5 + [False]


def test_a_table_in_each_task_folder_with_names_that_repeat(specs, draw, write, tmp_path):
    """Blur_SR/images/diffbir/<photo>.jpg, Blur_SR/labels.xlsx with a sheet an enhancer."""
    openpyxl = pytest.importorskip("openpyxl")
    folders = {"sr": "Blur or low-resolution (Super-Resolution)", "lle": "Lighten (Low-Light)", "dn": "Noise_DN"}
    for task, enhancers in CELLS.items():
        book = openpyxl.Workbook()
        for enhancer in enhancers:
            sheet = book.create_sheet(PAPER_NAMES[task][1][enhancer])
            sheet.append(["Image", "Avg."])
            for photo, source in enumerate(PHOTOS):
                draw(f"{folders[task]}/images/{enhancer.upper()}/{source}.jpg")
                sheet.append([int(source), mos(photo, CELL_LIST.index((task, enhancer)))])
        book.save(tmp_path / folders[task] / "labels.xlsx")
    expect(specs["auiqa"].read(tmp_path), ".jpg")


def test_one_folder_with_everything_in_the_names(specs, draw, write, tmp_path):
    """images/<photo>_<task>_<enhancer>.png; labels.json, objects one behind the other, scores as text."""
    text = ""
    for number, (task, enhancer) in enumerate(CELL_LIST):
        word = {"sr": "SR", "lle": "lowlight", "dn": "denoise"}[task]
        for photo, source in enumerate(PHOTOS):
            name = f"{source}_{word}_{PAPER_NAMES[task][1][enhancer].replace(' ', '-')}.png"
            draw(f"images/{name}")
            text += f'{{"img_name": "{name}", "score": "{mos(photo, number)}"}}'
    write("labels.json", text)
    write("README.md", "# AU-IQA")
    expect(specs["auiqa"].read(tmp_path))


def test_columns_for_task_and_method(specs, draw, write, tmp_path):
    """<enhancer>_<task>/<photo>.png; one table with the columns name, task, method, MOS; decimal commas."""
    lines = ["name;type;method;MOS"]
    for number, (task, enhancer) in enumerate(CELL_LIST):
        for photo, source in enumerate(PHOTOS):
            draw(f"results/{PAPER_NAMES[task][1][enhancer]}_{task}/{source}.png")
            cells = (f"{source}.png", PAPER_NAMES[task][0], PAPER_NAMES[task][1][enhancer])
            lines.append(f"{';'.join(cells)};{mos(photo, number)}".replace(".", ",").replace(",png", ".png"))
    write("labels/mos.csv", "\n".join(lines))
    expect(specs["auiqa"].read(tmp_path))


def test_a_column_an_enhancer(specs, draw, write, tmp_path):
    """SR/diffbir/<photo>.png; SR.csv, one row a photo."""
    for task, enhancers in CELLS.items():
        lines = [",".join(["image", *(PAPER_NAMES[task][1][enhancer] for enhancer in enhancers)])]
        for photo, source in enumerate(PHOTOS):
            draw(*(f"{task.upper()}/{enhancer}/{source}.png" for enhancer in enhancers))
            scores = [str(mos(photo, CELL_LIST.index((task, enhancer)))) for enhancer in enhancers]
            lines.append(",".join([f"{source}.jpg", *scores]))
        write(f"{task.upper()}.csv", "\n".join(lines))
    expect(specs["auiqa"].read(tmp_path))


def test_a_file_a_rater(specs, draw, write, tmp_path):
    """<task>/<enhancer>/<photo>.png; votes/annotator1.csv .. annotator5.csv, as the rating tool wrote them."""
    votes = {rater: ["filename,score"] for rater in range(1, 6)}
    for number, (task, enhancer) in enumerate(CELL_LIST):
        for photo, source in enumerate(PHOTOS):
            name = f"{task}/{enhancer}/{source}.png"
            draw(name)
            for rater, lines in votes.items():
                lines.append(f"{name},{mos(photo, number) + (rater - 3) / 10}")
    for rater, lines in votes.items():
        write(f"votes/annotator{rater}.csv", "\n".join(lines))
    items = specs["auiqa"].read(tmp_path)
    expect(items)
    assert "vote5" in items[0].facts


def test_a_mapping_says_what_cannot_be_guessed(specs, draw, write, tmp_path):
    draw("A/M1/7.png", "A/M2/7.png", "B/M1/7.png")
    write("scores.csv", "pic,u,v\nA/M1/7.png,1,2\nA/M2/7.png,3,4\nB/M1/7.png,5,\n")
    write("noise.csv", "image,mos\nA/M1/7.png,5\n")
    mapping = (
        'labels = ["scores.csv"]\n[columns]\nimage = "pic"\nraters = ["u", "v"]\n'
        '[tasks]\nA = "sr"\nB = "lle"\n[enhancers]\nM1 = "mine"\nM2 = "nerco"\n'
    )
    write("rules/map.toml", mapping)
    items = specs["auiqa"].read(Path(f"{tmp_path}[mapping=rules/map.toml]"))
    assert [(item.facts["task"], item.facts["enhancer"], item.mos) for item in items] == [
        ("sr", "mine", 1.5),
        ("sr", "nerco", 3.5),
        ("lle", "mine", 5.0),
    ]
    write("iqabench.toml", mapping)
    assert len(specs["auiqa"].read(tmp_path)) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("labels = 3", "labels must be a list of texts"),
        ('[tasks]\nA = "deblur"', "tasks.A = 'deblur' is no task. Say one of sr, lle, dn"),
        ("[colums]\n", "colums has no meaning"),
        ('[columns]\nimages = "x"', "columns.images has no meaning"),
        ("nonsense", "cannot be read as TOML"),
    ],
)
def test_a_mapping_that_means_nothing(specs, draw, write, tmp_path, text, says):
    draw("a.png")
    write("iqabench.toml", text)
    with pytest.raises(DatasetError, match=says):
        specs["auiqa"].read(tmp_path)


class TestRefusals:
    def test_no_labels(self, specs, draw, tmp_path):
        draw("SR/PASD/1.png")
        with pytest.raises(DatasetError, match=r"holds no table.*mapping.*--images"):
            specs["auiqa"].read(tmp_path)

    def test_an_image_without_mos(self, specs, draw, write, tmp_path):
        draw("SR/PASD/1.png", "SR/PASD/2.png", "SR/PASD/3.png", "originals/1.png")
        write("mos.csv", "image,mos\nSR/PASD/1.png,3\n")
        with pytest.raises(DatasetError, match=r"PASD/2\.png and 1 more: in no table of labels, so without MOS"):
            specs["auiqa"].read(tmp_path)

    def test_a_row_without_mos(self, specs, draw, write, tmp_path):
        draw("SR/PASD/1.png")
        write("mos.csv", "image,mos\nSR/PASD/1.png,\n")
        with pytest.raises(DatasetError, match=r"mos\.csv, row 2: 'SR/PASD/1\.png' has no MOS and no votes"):
            specs["auiqa"].read(tmp_path)

    def test_a_name_that_fits_several(self, specs, draw, write, tmp_path):
        draw("SR/PASD/1.png", "SR/SUPIR/1.png")
        write("mos.csv", "image,mos\n1.png,3\n")
        with pytest.raises(DatasetError, match=r"mos\.csv, row 2: '1\.png' fits SR/PASD/1\.png and SR/SUPIR/1\.png"):
            specs["auiqa"].read(tmp_path)

    def test_two_tables_that_disagree(self, specs, draw, write, tmp_path):
        draw("SR/PASD/1.png")
        write("a.csv", "image,mos\nSR/PASD/1.png,3\n")
        write("b.csv", "image,mos\nSR/PASD/1.png,4\n")
        with pytest.raises(DatasetError, match=r"b\.csv, row 2: .* has MOS 4\.0, but 3\.0 in a\.csv, row 2"):
            specs["auiqa"].read(tmp_path)

    def test_one_image_twice(self, specs, draw, write, tmp_path):
        draw("SR/PASD/1.png")
        write("a.csv", "image,mos\nSR/PASD/1.png,3\nSR/PASD/1.png,3\n")
        with pytest.raises(DatasetError, match=r"row 3: .* is in row 2 already"):
            specs["auiqa"].read(tmp_path)

    def test_out_of_the_folder(self, specs, draw, write, tmp_path):
        draw("SR/PASD/1.png")
        write("a.csv", "image,mos\n../../SR/PASD/1.png,3\n")
        with pytest.raises(DatasetError, match=r"row 2: .* leads out"):
            specs["auiqa"].read(tmp_path)


def test_a_missing_image_is_an_item(specs, draw, write, tmp_path):
    draw("SR/PASD/1.png")
    write("a.csv", "image,mos\nSR/PASD/1.png,3\nSR/PASD/2.png,4\n")
    items = specs["auiqa"].read(tmp_path)
    assert [(item.name, item.facts["enhancer"], item.image.exists()) for item in items] == [
        ("SR/PASD/1.png", "pasd", True),
        ("SR/PASD/2.png", "pasd", False),
    ]


@pytest.mark.parametrize(
    ("text", "task", "enhancer"),
    [
        ("Blur or low-resolution (Super-Resolution)/x.png", "sr", ""),
        ("Lighten (Low-Light Enhancement)/x.png", "lle", ""),
        ("Noise (Denoising)/x.png", "dn", ""),
        ("lowlight/LightenDiffusion/x.png", "lle", "lightendiff"),
        ("LightenDiff/x.png", "", "lightendiff"),
        ("x_maskdn.png", "", "maskdn"),
        ("masked_denoising/x.png", "", "maskdn"),
        ("SUPIR_denoise/x.png", "dn", "supir"),
        ("dark/Quad-Prior/x.png", "lle", "quadprior"),
        ("SR/noise/OSE_Diff/x.png", "dn", "osediff"),
        ("holiday/x.png", "", ""),
    ],
)
def test_aliases(text, task, enhancer):
    assert Names().cell(text) == Cell(task, enhancer)
