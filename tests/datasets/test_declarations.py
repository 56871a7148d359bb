"""What a declaration says and refuses, how a path carries options, and that declaring is cheap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from iqabench import Param
from iqabench.datasets import DatasetSpec, Item
from iqabench.errors import DatasetError, PluginError, UsageError

NAMES = {
    *("auiqa", "koniq10k", "kadid10k", "tid2013", "live", "csiq", "clive", "spaq", "pipal", "flive"),
    *("agiqa3k", "aigciqa2023", "piq23", "csv", "built"),
}


def echo(path: Path, *, size: str = "", big: bool = False) -> list[Item]:
    """A loader that tells what it was given."""
    return [
        Item(
            name=f"{number}.png", image=path / f"{number}.png", mos=1.0, facts={"split": split, "size": size, "n": 1.0}
        )
        for number, split in enumerate(["train", "test", "test"])
    ]


def crash(path: Path) -> list[Item]:
    raise KeyError("MOS")


def twice(path: Path) -> list[Item]:
    return [Item(name="a.png", image=path / "a.png")] * 2


def spec(loader: str = "echo", **changes) -> DatasetSpec:
    facts = {
        "name": "mine",
        "summary": "My photos",
        "load": f"{__name__}:{loader}",
        "licence": "CC0-1.0",
        "splits": ("split",),
        "options": (Param(name="size", default="", help="size"), Param(name="big", default=False, help="big")),
    }
    if loader != "echo":
        facts["options"] = ()
    return DatasetSpec(**(facts | changes))


def test_all_are_declared(specs):
    assert set(specs) == NAMES


def test_all_are_discovered():
    from iqabench.plugins import discover

    plugins = discover()
    assert set(plugins.datasets) >= NAMES


def test_declaring_imports_nothing_heavy():
    program = (
        "import sys, iqabench.datasets.builtin as b; list(b.iqabench_datasets());"
        "print([name for name in ('numpy', 'pandas', 'scipy', 'PIL', 'torch', 'openpyxl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_counts_add_up(specs):
    for name in ("auiqa", "koniq10k", "kadid10k", "tid2013", "csiq", "aigciqa2023", "pipal"):
        assert sum(specs[name].counts.values()) == specs[name].n, name


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "My Photos"}, "is not lower-case"),
        ({"load": "somewhere"}, 'is not "module:function"'),
        ({"summary": "two\nlines"}, "one line"),
        ({"licence": ""}, "licence is empty"),
        ({"mos_range": (5, 1)}, "is not .lowest, highest"),
        ({"options": (Param(name="split", default="", help=""),)}, "has two meanings"),
    ],
)
def test_bad_declarations(changes, says):
    with pytest.raises(PluginError, match=says):
        spec(**changes)


def test_options_reach_the_loader_and_narrow(tmp_path):
    items = spec().read(Path(f"{tmp_path}[size=small, split=test]"))
    assert [item.name for item in items] == ["1.png", "2.png"]
    assert items[0].facts["size"] == "small"
    assert items[0].image == tmp_path / "1.png"
    assert len(spec().read(Path(f"{tmp_path}[split=test|train]"))) == 3


def test_a_folder_whose_name_has_brackets(tmp_path):
    folder = tmp_path / "photos[split=test]"
    folder.mkdir()
    assert len(spec().read(folder)) == 3


def test_a_toml_file_in_place_of_the_path(tmp_path):
    (tmp_path / "mine.toml").write_text('path = "photos"\nsize = "small"\nsplit = "test"\n')
    items = spec().read(tmp_path / "mine.toml")
    assert (len(items), items[0].image) == (2, tmp_path / "photos" / "1.png")
    assert len(spec().read(Path(f"{tmp_path}/mine.toml[split=train]"))) == 1


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("x[sise=small]", UsageError, "has no option 'sise'. Did you mean size"),
        ("x[size]", UsageError, "'size' in .* is not name=value"),
        ("x[big=perhaps]", UsageError, "is not true or false"),
        ("x[subset=noise]", UsageError, "has no option 'subset'"),
        ("x[split=tset]", DatasetError, "no image has split=tset. split is one of test, train"),
    ],
)
def test_bad_options(text, error, says):
    with pytest.raises(error, match=says):
        spec().read(Path(text))


@pytest.mark.parametrize("text", ["no", 'size = "x"\n', "path = 3\n", None])
def test_bad_toml(tmp_path, text):
    if text is not None:
        (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(DatasetError, match=r"mine\.toml: (cannot be read as TOML|does not say where)"):
        spec().read(tmp_path / "mine.toml")


def test_a_loader_that_crashes_is_named(tmp_path):
    with pytest.raises(PluginError, match="dataset mine: its loader raised KeyError: 'MOS'"):
        spec("crash").read(tmp_path)


def test_names_are_unique(tmp_path):
    with pytest.raises(DatasetError, match=r"the image a\.png is listed twice"):
        spec("twice").read(tmp_path)


def test_conditions():
    item = Item(name="a", image=Path("a"), facts={"task": "sr", "level": 3.0})
    assert item.fits("")
    assert item.fits("task=sr|dn,level=3")
    assert not item.fits("task=sr,level=4")
    assert not item.fits("enhancer=pasd")


def test_the_documentation_lists_each_with_its_size_and_options(specs):
    text = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
    for spec in specs.values():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{spec.name}` |"))
        assert spec.n is None or f"{spec.n:,}" in row
        assert ("lower is better" in row) is not spec.higher_is_better
        for name in (*spec.filters, *(param.name for param in spec.options)):
            assert f"`{name}" in text, (spec.name, name)
