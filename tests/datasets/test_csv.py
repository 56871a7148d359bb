"""``csv:FILE``: pyiqa's meta files as they are, columns by option, and direction told where it must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from iqabench.errors import DatasetError, UsageError


def test_no_reference_meta_file(specs, draw, write, tmp_path):
    draw("a/1.png", "a/2.png")
    file = write(
        "meta.csv",
        "img_name,mos,std,official_split,ratio802_seed123_split01\na/1.png,3.5,0.5,train,test\na/2.png,4,0.25,test,train\n",
    )
    first, second = specs["csv"].read(file)
    assert (first.name, first.mos, first.source, first.reference) == ("a/1.png", 3.5, "a/1.png", None)
    assert second.facts == {"std": 0.25, "split": "test", "ratio802_seed123_split01": "train"}
    assert first.image == tmp_path / "a" / "1.png"
    assert [item.name for item in specs["csv"].read(Path(f"{file}[split=test]"))] == ["a/2.png"]


def test_full_reference_meta_file(specs, draw, write, tmp_path):
    draw("images/ref/1.png", "images/dist/1_1.png", "images/dist/1_2.png")
    file = write(
        "labels/meta.csv",
        "ref_name,dist_name,mos,official_split\nref/1.png,dist/1_1.png,30,0\nref/1.png,dist/1_2.png,40,1\n",
    )
    first, second = specs["csv"].read(Path(f"{file}[folder=../images]"))
    assert first.reference == second.reference
    assert first.reference.samefile(tmp_path / "images" / "ref" / "1.png")
    assert first.source == second.source == "ref/1.png"
    assert [item.image.is_file() for item in (first, second)] == [True, True]
    assert first.facts["split"] == "0"


def test_columns_by_option(specs, write):
    file = write("mine.txt", "id\topinion\tscene\ttaste\nx.png\t1,5\tpark\tgood\n")
    (item,) = specs["csv"].read(Path(f"{file}[image=id,mos=opinion,source=scene]"))
    assert (item.name, item.mos, item.source, item.facts) == ("x.png", 1.5, "park", {"scene": "park", "taste": "good"})


def test_columns_by_toml(specs, write, tmp_path):
    write("mine.csv", "id,opinion\nx.png,70\n")
    toml = write(
        "mine.toml", 'path = "mine.csv"\nimage = "id"\nmos = "opinion"\ndirection = "lower"\nrange = "0:100"\n'
    )
    (item,) = specs["csv"].read(toml)
    assert item.mos == 70.0
    told = specs["csv"].as_read(toml)
    assert (told.higher_is_better, told.mos_range) == (False, (0.0, 100.0))
    assert specs["csv"].higher_is_better


def test_no_header(specs, write):
    file = write("list.txt", "jp2k/img1.bmp\t32.6\t4.5\njp2k/img2.bmp\t0\t0\n")
    assert [(item.name, item.mos) for item in specs["csv"].read(file)] == [
        ("jp2k/img1.bmp", 32.6),
        ("jp2k/img2.bmp", 0.0),
    ]


def test_a_sheet(specs, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.create_sheet("labels").append(["image", "mos"])
    book["labels"].append(["a.png", 3])
    book.active.append(["nothing here"])
    book.active.append(["at all"])
    book.save(tmp_path / "book.xlsx")
    (item,) = specs["csv"].read(tmp_path / "book.xlsx[sheet=labels]")
    assert item.mos == 3.0
    with pytest.raises(DatasetError, match=r"has no sheet 'Labels'\. It has: Sheet, labels"):
        specs["csv"].read(tmp_path / "book.xlsx[sheet=Labels]")


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("image,dmos\na.png,1\n", "", "whether a higher dmos is better is not known. Say csv:a.csv.direction=lower"),
        ("picture_id,mos\na.png,1\n", "", "has no column for the image's name. It has: picture_id, mos. Name it"),
        ("image,verdict\na.png,1\n", "", "has no column for the opinion score"),
        ("image,mos\na.png,1\n", "mos=MOS2", "has no column MOS2. It has: image, mos"),
        ("image,mos\na.png,\n", "", "row 2: has no mos"),
        ("image,mos\na.png,1\n../b.png,2\n", "", "row 3: '../b.png' leads out of the dataset's folder"),
        ("image,mos\na.png,1\n,2\n", "", "row 3: 'image' is empty"),
        ("image,mos\na.png,1\na.png,2\n", "", "row 3: 'a.png' is in row 2 already"),
        ("image,ref,mos\na.png,,1\n", "", "row 2: 'ref' is empty"),
    ],
)
def test_refusals(specs, write, text, options, says):
    file = write("a.csv", text)
    with pytest.raises(DatasetError, match=says):
        specs["csv"].read(Path(f"{file}[{options}]"))


def test_no_file(specs, tmp_path):
    with pytest.raises(DatasetError, match="there is no such file"):
        specs["csv"].read(tmp_path / "nothing.csv")
    with pytest.raises(DatasetError, match="is a folder"):
        specs["csv"].read(tmp_path)


@pytest.mark.parametrize("text", ["1", "5:1", "a:b", "1:nan"])
def test_a_range_that_is_none(specs, text):
    with pytest.raises(UsageError, match="is not lowest:highest"):
        specs["csv"].as_read(Path(f"x.csv[range={text}]"))


def test_names_from_outside_are_made_printable(specs, write):
    file = write("a.csv", "image,mos,note\n\x1b[31mred.png,3,\x07\n")
    (item,) = specs["csv"].read(file)
    assert item.name == "\\x1b[31mred.png"
    assert item.facts["note"] == "\\x07"
