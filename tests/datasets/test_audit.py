"""``iqabench datasets``: the list, and the check of a copy's every file."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from iqabench.cli.datasets import command
from iqabench.datasets.audit import audit
from iqabench.errors import DatasetError, UsageError

LABELS = "dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4.57,0.5\nI01_02_01.png,I01.png,3.5,0.5\n"


@pytest.fixture
def kadid(specs, draw, write):
    """KADID-10k as if 2 images of it had been published."""
    draw("images/I01.png", "images/I01_01_01.png", "images/I01_02_01.png")
    write("dmos.csv", LABELS)
    return replace(specs["kadid10k"], n=2, counts={"distortion=gaussian-blur": 1, "distortion=lens-blur": 1})


def run(*args: str):
    return CliRunner().invoke(command, args, catch_exceptions=True)


def test_all_is_well(kadid, tmp_path):
    seen = []
    result = audit(kadid, tmp_path, decode=True, advance=lambda done, total: seen.append((done, total)))
    assert result.sound
    assert (result.items, result.rated, result.references) == (2, 2, 1)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_missing_image_and_reference(kadid, tmp_path):
    (tmp_path / "images" / "I01_01_01.png").unlink()
    (tmp_path / "images" / "I01.png").unlink()
    result = audit(kadid, tmp_path)
    assert not result.sound
    assert result.missing == (str(tmp_path / "images/I01_01_01.png"), str(tmp_path / "images/I01.png"))
    assert not result.unreadable


def test_broken_header_and_broken_body(kadid, tmp_path):
    (tmp_path / "images" / "I01_01_01.png").write_bytes(b"not an image")
    cut = tmp_path / "images" / "I01_02_01.png"
    cut.write_bytes(cut.read_bytes()[:-60])
    (problem,) = audit(kadid, tmp_path).unreadable
    assert "I01_01_01.png" in problem
    assert len(audit(kadid, tmp_path, decode=True).unreadable) == 2


def test_a_link_to_nowhere_and_a_folder_are_unreadable(kadid, tmp_path):
    for name in ("I01_01_01.png", "I01_02_01.png"):
        (tmp_path / "images" / name).unlink()
    (tmp_path / "images" / "I01_01_01.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "images" / "I01_02_01.png").mkdir()
    assert len(audit(kadid, tmp_path).unreadable) == 2


def test_the_same_file_twice(kadid, tmp_path):
    shutil.copy(tmp_path / "images" / "I01_01_01.png", tmp_path / "images" / "I01_02_01.png")
    (group,) = audit(kadid, tmp_path).duplicates
    assert [name[-13:] for name in group] == ["I01_01_01.png", "I01_02_01.png"]


def test_counts_and_scores_that_were_not_published(kadid, write, tmp_path):
    write("dmos.csv", LABELS.replace("4.57", "45.7").replace("I01_02_01", "I01_03_01"))
    surprises = "; ".join(audit(kadid, tmp_path).surprises)
    assert "1 score is outside 1 to 5, as I01_01_01.png has 45.7" in surprises
    assert "distortion=lens-blur: 0 images, 1 was published" in surprises
    assert "distortion=motion-blur: 1 image, none were published" in surprises


def test_cells_of_auiqa_that_are_not_400(specs, draw, write, tmp_path):
    draw("SR/PASD/1.png", "LLE/DiffBIR/1.png")
    write("mos.csv", "image,mos\nSR/PASD/1.png,3\nLLE/DiffBIR/1.png,4\n")
    surprises = audit(specs["auiqa"], tmp_path).surprises
    assert "2 images, 4800 were published" in surprises
    assert "task=sr,enhancer=pasd: 1 image, 400 were published" in surprises
    assert "task=dn,enhancer=maskdn: 0 images, 400 were published" in surprises
    assert "task=lle,enhancer=diffbir: 1 image, none were published" in surprises
    assert len(surprises) == 1 + 12 + 1


def test_a_further_split_is_no_surprise(specs, draw, write, tmp_path):
    draw("Train_Ref/A0001.bmp", "Train_Dist/A0001_00_00.bmp", "Val_Ref/A0002.bmp", "Val_Dist/A0002_00_00.bmp")
    write("Train_Label/A0001.txt", "A0001_00_00.bmp,1520\n")
    write("Val_Label/A0002.txt", "A0002_00_00.bmp,1400\n")
    assert audit(replace(specs["pipal"], n=1, counts={"split=train": 1}), tmp_path).sound


def test_options_are_a_part_and_are_not_counted(kadid, tmp_path):
    from pathlib import Path

    assert audit(kadid, Path(f"{tmp_path}[distortion=lens-blur]")).sound


class TestCommand:
    def test_list(self):
        result = run()
        assert result.exit_code == 0
        for word in ("koniq10k", "10,073", "DMOS -3 to 112, lower is better", "WNNGGU"):
            assert word in result.output

    def test_list_as_json(self):
        for args in (["--json"], ["list", "--json"]):
            rows = {row["name"]: row for row in json.loads(run(*args).output)}
            assert rows["live"]["higher_is_better"] is False
            assert rows["piq23"]["within"] == "scene"
            assert rows["csv"]["mos_range"] is None

    def test_check_ends_non_zero(self, draw, write, tmp_path):
        draw("images/I01_01_01.png")
        write("dmos.csv", LABELS)
        result = run("check", f"kadid10k:{tmp_path}")
        assert isinstance(result.exception, DatasetError)
        assert "2 missing" in result.output
        assert "2 images, 10125 were published" in result.output
        plain = json.loads(run("check", f"kadid10k:{tmp_path}", "--json").output)
        assert (plain["sound"], len(plain["missing"]), plain["items"]) == (False, 2, 2)

    def test_check_of_a_whole_copy(self, draw, write, tmp_path):
        draw("a.png", "b.png")
        file = write("labels.csv", "image,mos\na.png,1\nb.png,2\n")
        result = run("check", f"csv:{file}", "--decode")
        assert result.exit_code == 0, result.output
        assert "all there, readable, each once" in result.output

    @pytest.mark.parametrize(
        ("text", "says"),
        [("koniq:x", "no dataset 'koniq'. Did you mean koniq10k"), ("koniq10k", "Write it as koniq10k:PATH")],
    )
    def test_names(self, text, says):
        result = run("check", text)
        assert isinstance(result.exception, UsageError)
        assert says in str(result.exception)
