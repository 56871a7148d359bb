"""Label files as they are found: separators, encodings, commas, broken JSON, workbooks, hostile rows."""

from __future__ import annotations

import gzip

import pytest

from iqabench.datasets.readers import read_table, read_tables
from iqabench.errors import DatasetError


@pytest.mark.parametrize(
    "text",
    [
        "Image Name,MOS_zscore\na.jpg,3.5\n",
        "Image Name;MOS_zscore\na.jpg;3,5\n",
        "Image Name\tMOS_zscore\na.jpg\t3,5\n",
        '"Image Name","MOS_zscore"\n"a.jpg","3,5"\n',
        "\ufeffImage Name,MOS_zscore\r\na.jpg,3.5\r\n\r\n",
        "image_name | mos-zscore\n a.jpg | 3.5 \n",
        "image_name mos_zscore\na.jpg 3.5\n",
    ],
)
def test_one_table_in_many_clothes(write, text):
    table = read_table(write("labels.csv", text))
    (row,) = table
    assert row.text(table.need("image_name")) == "a.jpg"
    assert row.number(table.need("MOSZSCORE")) == 3.5


def test_gzip_and_utf_16(tmp_path):
    text = "name,mos\nä.jpg,3\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "b.csv").write_bytes(text.encode("utf-16"))
    for name in ("a.csv.gz", "b.csv"):
        assert read_table(tmp_path / name).rows[0].text("name") == "ä.jpg"


@pytest.mark.parametrize("text", ["a.jpg,3.5,0.2\nb.jpg,4,0.1\n", "a.jpg 3.5 0.2\nb.jpg 4 0.1\n"])
def test_no_header(write, text):
    table = read_table(write("labels.txt", text))
    assert (table.columns, len(table), table.headed) == (("1", "2", "3"), 2, False)


def test_raters_called_by_number_are_a_header(write):
    table = read_table(write("votes.csv", "image,1,2,3\na.jpg,5,4,3\n"))
    assert table.columns == ("image", "1", "2", "3")


@pytest.mark.parametrize(
    "text",
    [
        '[{"image": "a.jpg", "gt_score": "3.5"}, {"image": "b.jpg", "gt_score": 4}]',
        '{"image": "a.jpg", "gt_score": "3.5"}{"image": "b.jpg", "gt_score": 4}',
        '{"image": "a.jpg", "gt_score": "3.5"}\n{"image": "b.jpg", "gt_score": 4}\n',
        '{"info": "x", "items": [{"image": "a.jpg", "gt_score": 3.5}, {"image": "b.jpg", "gt_score": 4}]}',
        '{"a.jpg": {"gt_score": 3.5}, "b.jpg": {"gt_score": 4}}',
        '{"a.jpg": 3.5, "b.jpg": 4}',
    ],
)
def test_json(write, text):
    table = read_table(write("labels.json", text))
    name, score = table.need("image", "name"), table.need("gt_score", "mos")
    assert [(row.text(name), row.number(score)) for row in table] == [("a.jpg", 3.5), ("b.jpg", 4.0)]


def test_votes_in_a_json_list_become_columns(write):
    table = read_table(write("labels.json", '[{"image": "a.jpg", "scores": [1, 2, 3]}]'))
    assert table.columns == ("image", "score1", "score2", "score3")


def test_every_sheet_of_a_workbook(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "SR"
    book.active.append(["image", "mos"])
    book.active.append([10004473376, 4.0])
    book.create_sheet("empty")
    book.save(tmp_path / "labels.xlsx")
    (table,) = read_tables(tmp_path / "labels.xlsx")
    assert (table.sheet, table.rows[0].where) == ("SR", "sheet SR, row 2")
    assert dict(table.rows[0].cells) == {"image": "10004473376", "mos": "4"}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"name,mos\na.jpg,1,2,3\n", r"a\.csv, row 2: has 4 cells for 2 columns"),
        ("a.csv", b'name,mos\n"a.jpg,1\n', r"a\.csv, row 2: cannot be read as CSV"),
        ("a.csv", b"name,mos\n\xff\xfa,1\n", "is not UTF-8 text"),
        ("a.csv", b"", "holds no rows"),
        ("a.json", b'[{"name": "a.jpg",', r"a\.json, line 1: cannot be read as JSON"),
        ("a.json", b"[" * 100_000, r"a\.json, line 1: cannot be read as JSON"),
        ("a.xlsx", b"not a workbook", "cannot be read as a workbook"),
        ("a.csv.gz", b"not gzip", "cannot be read"),
        ("a.csv.gz", gzip.compress(b"name,mos\n" * 99, mtime=0)[:-9], "cannot be read"),
    ],
)
def test_broken_files(tmp_path, name, content, says):
    if name.endswith("xlsx"):
        pytest.importorskip("openpyxl")
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=says):
        read_table(path)


def test_no_openpyxl(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    (tmp_path / "a.xlsx").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"needs openpyxl.*pip install 'iqabench\[datasets\]'"):
        read_table(tmp_path / "a.xlsx")


class TestRow:
    @pytest.mark.parametrize("cell", ["", "nan", "NaN", "N/A", "-"])
    def test_no_mos(self, write, cell):
        table = read_table(write("a.csv", f"name,mos\na.jpg,{cell}\n"))
        with pytest.raises(DatasetError, match=r"a\.csv, row 2: has no mos"):
            table.rows[0].number("mos")
        assert table.rows[0].optional("mos") is None

    @pytest.mark.parametrize("cell", ["good", "inf", "-inf", "1_000", "3.5.5", "0x10"])
    def test_no_number(self, write, cell):
        table = read_table(write("a.csv", f"name,mos\na.jpg,{cell}\n"))
        with pytest.raises(DatasetError, match="is not a number"):
            table.rows[0].number("mos")

    def test_one_image_in_two_rows(self, write):
        table = read_table(write("a.csv", "name,mos\na.jpg,1\nb.jpg,2\na.jpg,3\n"))
        with pytest.raises(DatasetError, match=r"row 4: 'a\.jpg' is in row 2 already"):
            table.by("name")

    def test_a_missing_column_is_named_with_those_there(self, write):
        table = read_table(write("a.csv", "name,mos\na.jpg,1\n"))
        with pytest.raises(DatasetError, match=r"has no column score or rating\. It has: name, mos\."):
            table.need("score", "rating")
