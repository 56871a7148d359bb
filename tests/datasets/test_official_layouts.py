"""Each dataset in its official layout, in miniature: names, files, references, MOS, sources and facts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from iqabench.errors import DatasetError


def by_name(items):
    return {item.name: item for item in items}


def cells(*texts: str) -> np.ndarray:
    """MATLAB's cell array of texts."""
    array = np.empty((1, len(texts)), dtype=object)
    array[0] = [np.array([text]) for text in texts]
    return array


def all_there(items) -> bool:
    files = [file for item in items for file in (item.image, item.reference) if file]
    return all(file.is_file() for file in files)


class TestKoniq10k:
    SCORES = (
        "image_name,c1,c2,c3,c4,c5,c_total,MOS,SD,MOS_zscore\n"
        "10004473376.jpg,0,0,25,73,7,105,3.8286,0.5273,77.38\n"
        "826373.jpg,10,20,30,20,20,100,3.2,1.25,55.5\n"
    )
    SETS = (
        "image_name,c1,c2,c3,c4,c5,c_total,MOS,SD,set\n"
        "10004473376.jpg,0.0,0.0,0.25,0.5,0.25,105,77.3836206897,0.527277894494,training\n"
        "826373.jpg,0.5,0.5,0.0,0.0,0.0,100,12.5,0.5,test\n"
    )

    def test_scores(self, specs, draw, write, tmp_path):
        draw("1024x768/10004473376.jpg", "1024x768/826373.jpg")
        write("koniq10k_scores_and_distributions.csv", self.SCORES)
        items = by_name(specs["koniq10k"].read(tmp_path))
        assert list(items) == ["10004473376.jpg", "826373.jpg"]
        assert items["826373.jpg"].mos == 55.5
        assert items["826373.jpg"].facts["mos_1_5"] == pytest.approx(3.2)
        assert items["826373.jpg"].source == "826373.jpg"
        assert "split" not in items["826373.jpg"].facts
        assert all_there(items.values())

    def test_official_split(self, specs, draw, write, tmp_path):
        draw("512x384/10004473376.jpg", "512x384/826373.jpg")
        write("koniq10k_distributions_sets.csv", self.SETS)
        path = tmp_path.with_name(f"{tmp_path.name}[size=512x384,split=test]")
        (item,) = specs["koniq10k"].read(path)
        assert (item.name, item.mos, item.facts["split"], item.facts["vote1"]) == ("826373.jpg", 12.5, "test", 0.5)
        assert item.image == tmp_path / "512x384" / "826373.jpg"

    def test_mos_on_another_scale_is_not_taken_for_it(self, specs, write, tmp_path):
        write("koniq10k_scores_and_distributions.csv", "image_name,MOS,SD\n1.jpg,3.2,1\n")
        with pytest.raises(DatasetError, match="has no column MOS_zscore"):
            specs["koniq10k"].read(tmp_path)


class TestKadid10k:
    def test_layout(self, specs, draw, write, tmp_path):
        draw("images/I01.png", "images/I01_01_01.png", "images/I01_25_05.png", "images/I02.png", "images/I02_09_03.png")
        write(
            "dmos.csv",
            "dist_img,ref_img,dmos,var\n"
            "I01_01_01.png,I01.png,4.57,0.496\nI01_25_05.png,I01.png,3.27,0.81\nI02_09_03.png,I02.png,1.5,0.25\n",
        )
        items = by_name(specs["kadid10k"].read(tmp_path))
        item = items["I01_25_05.png"]
        assert item.facts == {"distortion": "contrast", "level": 5.0, "std": pytest.approx(0.9)}
        assert item.reference == tmp_path / "images" / "I01.png"
        assert (item.source, item.mos) == ("I01", 3.27)
        assert items["I02_09_03.png"].facts["distortion"] == "jpeg2000"
        assert all_there(items.values())
        assert specs["kadid10k"].higher_is_better

    @pytest.mark.parametrize("name", ["I01_26_01.png", "I01.png", "I01_00_01.png"])
    def test_a_name_that_cannot_be(self, specs, write, tmp_path, name):
        write("dmos.csv", f"dist_img,ref_img,dmos,var\n{name},I01.png,4.57,0.5\n")
        with pytest.raises(DatasetError, match=r"dmos\.csv, row 2: .* is not named like"):
            specs["kadid10k"].read(tmp_path)


class TestTid2013:
    def test_mixed_case(self, specs, draw, write, tmp_path):
        draw("reference_images/I01.BMP", "reference_images/i25.bmp")
        draw("distorted_images/i01_01_1.bmp", "distorted_images/I01_08_5.BMP", "distorted_images/i25_24_5.bmp")
        write("mos_with_names.txt", "5.51429 I01_01_1.bmp\n4.2 i01_08_5.bmp\n2.77143 i25_24_5.bmp\n")
        write("mos_std.txt", "0.13013\n0.2\n0.3\n")
        items = by_name(specs["tid2013"].read(tmp_path))
        assert list(items) == ["i01_01_1.bmp", "i01_08_5.bmp", "i25_24_5.bmp"]
        assert all_there(items.values())
        item = items["i01_08_5.bmp"]
        assert item.image.name == "I01_08_5.BMP"
        assert item.reference == tmp_path / "reference_images" / "I01.BMP"
        assert item.facts == {"distortion": "gaussian-blur", "level": 5.0, "std": 0.2}
        assert item.source == "I01"

    def test_declared_subset(self, specs, write, tmp_path):
        write("mos_with_names.txt", "5.5 I01_01_1.bmp\n4.2 I01_12_1.bmp\n")
        (item,) = specs["tid2013"].read(tmp_path.with_name(f"{tmp_path.name}[subset=exotic]"))
        assert item.facts["distortion"] == "jpeg-errors"

    def test_decimal_commas(self, specs, write, tmp_path):
        write("mos_with_names.txt", "5,51429 I01_01_1.bmp\n4,2 I01_12_1.bmp\n")
        assert [item.mos for item in specs["tid2013"].read(tmp_path)] == [5.51429, 4.2]

    def test_lists_that_do_not_fit(self, specs, write, tmp_path):
        write("mos_with_names.txt", "5.5 I01_01_1.bmp\n4.2 I01_12_1.bmp\n")
        write("mos_std.txt", "0.1\n")
        with pytest.raises(DatasetError, match="holds 1 lines for 2 images"):
            specs["tid2013"].read(tmp_path)


class TestLive:
    COUNTS = (227, 233, 174, 174, 174)

    def make(self, folder, realigned=True):
        total = sum(self.COUNTS)
        orgs = np.zeros((1, total), dtype=np.uint8)
        orgs[0, 1] = 1  # jp2k/img2.bmp is an undistorted copy
        scores = np.arange(total, dtype=float)[None] / 10
        savemat(folder / "dmos.mat", {"dmos": scores + 1, "orgs": orgs})
        if realigned:
            savemat(folder / "dmos_realigned.mat", {"dmos_new": scores, "dmos_std": scores / 2, "orgs": orgs})
        savemat(folder / "refnames_all.mat", {"refnames_all": cells(*["bikes.bmp", *["Parrots.bmp"] * (total - 1)])})

    def test_layout(self, specs, draw, tmp_path):
        draw("jp2k/img1.bmp", "jpeg/img1.bmp", "fastfading/img174.bmp", "refimgs/bikes.bmp", "refimgs/parrots.bmp")
        self.make(tmp_path)
        items = by_name(specs["live"].read(tmp_path))
        assert len(items) == 981
        assert "jp2k/img2.bmp" not in items
        item = items["jp2k/img1.bmp"]
        assert (item.mos, item.source, item.facts) == (0.0, "bikes", {"distortion": "jp2k", "std": 0.0})
        assert items["jpeg/img1.bmp"].mos == 22.7  # the first after 227 of jp2k
        assert items["fastfading/img174.bmp"].mos == 98.1
        assert items["jpeg/img1.bmp"].reference == tmp_path / "refimgs" / "parrots.bmp"
        assert all_there([items["jp2k/img1.bmp"], items["jpeg/img1.bmp"], items["fastfading/img174.bmp"]])
        assert not specs["live"].higher_is_better

    def test_undistorted_and_older_scores(self, specs, tmp_path):
        self.make(tmp_path, realigned=False)
        path = tmp_path.with_name(f"{tmp_path.name}[undistorted=true]")
        items = by_name(specs["live"].read(path))
        assert len(items) == 982
        assert items["jp2k/img1.bmp"].mos == 1.0

    def test_half_a_file(self, specs, tmp_path):
        self.make(tmp_path)
        savemat(tmp_path / "refnames_all.mat", {"refnames_all": cells("bikes.bmp")})
        with pytest.raises(DatasetError, match="refnames_all holds 1 entries, release 2 has 982"):
            specs["live"].read(tmp_path)

    def test_not_a_matlab_file(self, specs, tmp_path):
        self.make(tmp_path)
        (tmp_path / "dmos_realigned.mat").write_bytes(b"no" * 500)
        with pytest.raises(DatasetError, match=r"dmos_realigned\.mat: cannot be read as a MATLAB file"):
            specs["live"].read(tmp_path)


class TestCsiq:
    FILES = (
        "src_imgs/1600.png",
        "src_imgs/woman.png",
        "dst_imgs/awgn/1600.AWGN.1.png",
        "dst_imgs/blur/woman.BLUR.3.png",
        "dst_imgs/contrast/woman.contrast.4.png",
    )

    def check(self, items, tmp_path):
        items = by_name(items)
        assert list(items) == ["awgn/1600.AWGN.1.png", "blur/woman.BLUR.3.png", "contrast/woman.contrast.4.png"]
        item = items["blur/woman.BLUR.3.png"]
        assert item.mos == pytest.approx(0.341)
        assert item.reference == tmp_path / "src_imgs" / "woman.png"
        assert (item.source, item.facts["distortion"], item.facts["level"]) == ("woman", "blur", 3.0)
        assert all_there(items.values())

    def test_decimal_commas(self, specs, draw, write, tmp_path):
        draw(*self.FILES)
        write(
            "csiq.DMOS.csv",
            "image;dst_idx;dst_type;dst_lev;dmos_std;dmos\n"
            "1600;1;noise;1;0,0612;0,062\nwoman;5;blur;3;0,08;0,341\nwoman;6;contrast;4;0,07;0,46856\n",
        )
        self.check(specs["csiq"].read(tmp_path), tmp_path)

    def test_workbook_with_a_title_and_padding(self, specs, draw, tmp_path):
        openpyxl = pytest.importorskip("openpyxl")
        draw(*self.FILES)
        book = openpyxl.Workbook()
        book.active.append(["about this file"])
        sheet = book.create_sheet("all_by_image")
        for row in (
            ["CSIQ"],
            [],
            [None, "image", "dst_idx", "dst_type", "dst_lev", "dmos_std", "dmos", "mean"],
            [None, 1600, 1, "noise", 1, 0.0612, 0.062],
            [None, "woman", 5, "blur", 3, 0.08, 0.341],
            [None, "woman", 6, "contrast", 4, 0.07, 0.46856],
            [None, None, None, None, None, None, None, 0.29],
        ):
            sheet.append(row)
        book.save(tmp_path / "csiq.beta.xlsx")
        self.check(specs["csiq"].read(tmp_path), tmp_path)

    def test_list_of_names(self, specs, draw, write, tmp_path):
        draw(*self.FILES)
        write("csiq_label.txt", "1600.AWGN.1.png 0.062\nwoman.BLUR.3.png 0.341\nwoman.contrast.4.png 0.46856\n")
        self.check(specs["csiq"].read(tmp_path), tmp_path)


class TestClive:
    def make(self, folder, names):
        (folder / "Data").mkdir()
        for name in ("AllMOS", "AllStdDev"):
            savemat(folder / "Data" / f"{name}_release.mat", {f"{name}_release": np.arange(1.0, len(names) + 1)[None]})
        savemat(folder / "Data" / "AllImages_release.mat", {"AllImages_release": cells(*names).T})

    def test_training_images_are_left_out(self, specs, draw, tmp_path):
        draw("Images/10.bmp", "Images/1110.JPG", "Images/trainingImages/t1.bmp")
        self.make(tmp_path, ["t1.bmp", "10.bmp", "1110.jpg"])
        items = specs["clive"].read(tmp_path)
        assert [(item.name, item.mos) for item in items] == [("10.bmp", 2.0), ("1110.jpg", 3.0)]
        assert items[1].image.name == "1110.JPG"
        everything = specs["clive"].read(tmp_path.with_name(f"{tmp_path.name}[training=yes]"))
        assert everything[0].image == tmp_path / "Images" / "trainingImages" / "t1.bmp"
        assert all_there(everything)


class TestSpaq:
    def test_workbooks(self, specs, draw, tmp_path):
        openpyxl = pytest.importorskip("openpyxl")
        draw("TestImage/00001.jpg", "TestImage/00002.jpg")
        (tmp_path / "Annotations").mkdir()
        for name, rows in {
            "MOS and Image attribute scores": [
                ["Image name", "MOS", "Brightness", "Colorfulness", "Contrast", "Noisiness", "Sharpness"],
                ["00001.jpg", 48.86, 50, 51, 52, 53, 54],
                ["00002.jpg", 62.5, 60, 61, 62, 63, 64],
            ],
            "Scene category labels": [
                ["Image name", "Animal", "Night scene"],
                ["00001.jpg", 0, 1],
                ["00002.jpg", 1, 1],
            ],
        }.items():
            book = openpyxl.Workbook()
            for row in rows:
                book.active.append(row)
            book.save(tmp_path / "Annotations" / f"{name}.xlsx")
        items = specs["spaq"].read(tmp_path)
        assert [item.mos for item in items] == [48.86, 62.5]
        assert items[1].facts["scene"] == "animal+night scene"
        assert items[0].facts["sharpness"] == 54.0
        assert all_there(items)


class TestPipal:
    def test_layout(self, specs, draw, write, tmp_path):
        draw("Train_Ref/A0001.bmp", "Train_Ref/A0002.bmp", "Val_Ref/A0003.bmp")
        draw("Distortion_1/A0001_00_00.bmp", "Distortion_3/A0002_06_26.bmp", "Val_Dist/A0003_01_02.bmp")
        write("Train_Label/A0001.txt", "A0001_00_00.bmp,1520.0648\n")
        write("Train_Label/A0002.txt", "A0002_06_26.bmp,1257.06\n")
        write("Val_Label/A0003.txt", "A0003_01_02.bmp,1400.5\n")
        items = by_name(specs["pipal"].read(tmp_path))
        item = items["A0002_06_26.bmp"]
        assert item.image == tmp_path / "Distortion_3" / "A0002_06_26.bmp"
        assert (item.mos, item.source) == (1257.06, "A0002")
        assert item.facts == {"split": "train", "distortion": "06", "level": 26.0}
        assert items["A0003_01_02.bmp"].facts["split"] == "val"
        assert items["A0003_01_02.bmp"].reference == tmp_path / "Val_Ref" / "A0003.bmp"
        assert all_there(items.values())


class TestFlive:
    def test_splits_and_patches(self, specs, draw, write, tmp_path):
        names = ["voc_emotic_ava/a.jpg", "blur_dataset/b.jpg", "EE371R/c.jpg"]
        draw(*(f"database/{name}" for name in names), "database/patches/a.jpg_patch_1.jpg")
        write("labels_image.csv", "name,mos\n" + "".join(f"{name},{70 + n}.5\n" for n, name in enumerate(names)))
        write("labels_patch.csv", "name,mos\npatches/a.jpg_patch_1.jpg,50.25\n")
        write("labels640.csv", f"name_image,mos_image\n{names[0]},70.5\n")
        write("labels=640_padded.csv", f"name_image,is_valid\n{names[1]},True\n{names[2]},False\n")
        items = specs["flive"].read(tmp_path)
        assert [item.facts["split"] for item in items] == ["test", "val", "train"]
        items = specs["flive"].read(tmp_path.with_name(f"{tmp_path.name}[patches=true]"))
        assert items[-1].facts == {"kind": "patch", "split": "test"}
        assert items[-1].source == items[0].source == "a.jpg"
        assert all_there(items)


class TestGenerated:
    def test_agiqa3k(self, specs, draw, write, tmp_path):
        draw("AttnGAN_normal_000.jpg", "sd1.5_lowstep_000.jpg")
        write(
            "data.csv",
            "name,prompt,adj1,adj2,style,mos_quality,std_quality,mos_align,std_align\n"
            'AttnGAN_normal_000.jpg,"statue, of a man",,,,0.97,0.22,0.41,0.62\n'
            'sd1.5_lowstep_000.jpg,"statue, of a man",,,anime,3.5,0.5,2.5,0.7\n',
        )
        first, second = specs["agiqa3k"].read(tmp_path)
        assert first.source == second.source == "statue, of a man"
        assert (second.mos, second.facts["generator"], second.facts["variant"]) == (3.5, "sd1.5", "lowstep")
        assert second.facts["style"] == "anime"
        assert "style" not in first.facts
        (aligned,) = specs["agiqa3k"].read(tmp_path.with_name(f"{tmp_path.name}[target=alignment,generator=AttnGAN]"))
        assert (aligned.mos, aligned.facts["mos_quality"]) == (0.41, 0.97)
        assert all_there([first, second])

    def test_aigciqa2023(self, specs, draw, tmp_path):
        draw("Image/allimg/0.png", "Image/allimg/47.png")
        for folder, stem, variable in (("MOS", "mosz", "MOSz"), ("STD", "SD", "SD")):
            (tmp_path / "DATA" / folder).mkdir(parents=True)
            for number in (1, 2, 3):
                values = np.arange(48.0)[:, None] + 100 * (number - 1)
                savemat(tmp_path / "DATA" / folder / f"{stem}{number}.mat", {variable: values})
        items = specs["aigciqa2023"].read(tmp_path)  # 6 generators, 2 prompts, 4 images
        assert len(items) == 48
        assert (items[47].name, items[47].mos) == ("47.png", 47.0)
        assert items[47].facts == {"generator": "6", "prompt": "2", "std": 47.0}
        assert items[47].source == items[4].source != items[3].source
        assert all_there([items[0], items[47]])
        path = tmp_path.with_name(f"{tmp_path.name}[target=correspondence]")
        assert specs["aigciqa2023"].read(path)[1].mos == 201.0

    def test_aigciqa2023_with_some_scores(self, specs, tmp_path):
        (tmp_path / "DATA" / "MOS").mkdir(parents=True)
        savemat(tmp_path / "DATA" / "MOS" / "mosz1.mat", {"MOSz": np.arange(25.0)})
        with pytest.raises(DatasetError, match="holds 25 scores"):
            specs["aigciqa2023"].read(tmp_path)


class TestPiq23:
    HEADER = (
        "IMAGE PATH,JOD,JOD STD,CI LOW,CI HIGH,CI RANGE,QUALITY LEVEL,CLUSTER,TOTAL COMPARISONS,IMAGE,SCENE,"
        "ATTRIBUTE,SCENE IDX,CONDITION\n"
    )

    def test_layout(self, specs, draw, write, tmp_path):
        draw("Overall/33_Indoor_Scene_0.jpg", "Overall/5_Night_Scene_22.JPG")
        write(
            "Scores_Overall.csv",
            self.HEADER + "Overall\\33_Indoor_Scene_0.jpg,-3.7,0.36,-4.4,-3.1,1.3,0,-1.0,86,33_Indoor_Scene_0.jpg,"
            "Indoor_Scene_0,Overall,0,Indoor\n"
            "Overall\\5_Night_Scene_22.jpg,1.25,0.4,0.5,2.0,1.5,3,4.0,90,5_Night_Scene_22.jpg,Night_Scene_22,Overall,"
            "22,Night\n",
        )
        write("Test split/Device Split.csv", "IMAGE,SPLIT\n33_Indoor_Scene_0.jpg,Test\n5_Night_Scene_22.jpg,Train\n")
        write("Test split/Scene Split.csv", "SCENE,SPLIT,NB IMAGES\nIndoor_Scene_0,Train,1\nNight_Scene_22,Test,1\n")
        items = specs["piq23"].read(tmp_path)
        assert [item.name for item in items] == ["Overall/33_Indoor_Scene_0.jpg", "Overall/5_Night_Scene_22.jpg"]
        assert items[0].facts == {
            "scene": "Indoor_Scene_0",
            "condition": "Indoor",
            "std": 0.36,
            "device_split": "test",
            "scene_split": "train",
        }
        assert items[0].source == "Indoor_Scene_0"
        assert all_there(items)
        assert specs["piq23"].within == "scene"
        (item,) = specs["piq23"].read(tmp_path.with_name(f"{tmp_path.name}[scene_split=test]"))
        assert item.mos == 1.25


def test_a_missing_image_is_an_item_whose_file_is_not_there(specs, write, tmp_path):
    write("dmos.csv", "dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4.57,0.5\n")
    (item,) = specs["kadid10k"].read(tmp_path)
    assert item.image == tmp_path / "images" / "I01_01_01.png"
    assert not item.image.exists()


@pytest.mark.parametrize(
    "name",
    ["koniq10k", "kadid10k", "tid2013", "live", "csiq", "clive", "spaq", "pipal", "flive", "agiqa3k", "aigciqa2023"],
)
def test_the_wrong_folder(specs, tmp_path, name):
    with pytest.raises(DatasetError, match="holds n"):
        specs[name].read(tmp_path)
    with pytest.raises(DatasetError, match="is not a folder"):
        specs[name].read(tmp_path / "nowhere")
