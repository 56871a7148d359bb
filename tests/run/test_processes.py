"""What processes import, and what they need."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from PIL import Image

import iqabench

GOOD = "return images.double().mean(dim=(1, 2, 3))"
HEAVY = ("torch", "pandas", "scipy", "pyarrow")
LIST = """
import json, sys
from iqabench.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""
PACKAGE = Path(iqabench.__file__).parent
TORCHLESS = ("specs", "types", "errors", "hookspecs", "patterns", "plugins", "catalogue", "plan", "store", "text",
             "datasets.items", "datasets.folder", "run.pool", "run.execute", "run.prepare", "run.scan", "run.study",
             "run.protocol", "run.observer", "run.manifest", "report.table", "api", "cli.main", "cli.list", "cli.run",
             "cli.show")  # fmt: skip
ROOMS = {
    # What a room may import from; itself is always allowed.
    "errors": (),
    "text": (),
    "types": (),
    "specs": ("errors", "types"),
    "hookspecs": ("specs", "datasets"),
    "patterns": ("errors", "specs", "types"),
    "plugins": ("errors", "specs", "hookspecs", "datasets"),
    "images": ("errors",),
    "datasets": ("errors", "images", "text", "types", "specs", "patterns"),
    "plan": ("errors", "specs", "patterns", "datasets"),
    "store": ("errors", "plan", "datasets", "text"),
}


def test_listing_models_is_light(lab) -> None:
    done = lab.python(LIST, "list", "--json")
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    assert json.loads(done.stdout)["models"]
    assert not set(HEAVY) & set(modules)


def test_the_supervisor_never_imports_torch(lab) -> None:
    lab.install("scorer", "zoo.mean", GOOD)
    lab.photos(1)
    for arguments in (("--dry-run",), ()):
        done = lab.python(LIST, "run", "--images", "photos", "--iqa", "zoo.mean", "--out", "run", *arguments)
        code, modules = json.loads(done.stderr.splitlines()[-1])
        assert code == 0, done.stderr
        assert "torch" not in modules
    assert [row["status"] for row in lab.rows("run")] == ["done"]


def imported(tree: ast.AST, *, lazily: bool) -> set[str]:
    """Modules that a file imports: at its top only, or also inside functions; never for type checkers."""
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not lazily:
            return
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(tree)
    return found


def source(module: str) -> Path:
    path = PACKAGE / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.mark.parametrize("module", TORCHLESS)
def test_modules_that_must_not_import_torch(module: str) -> None:
    """Not at their top, nor through any module of iqabench that they import there."""
    seen: set[str] = set()
    todo = [f"iqabench.{module}"]
    while todo:
        name = todo.pop()
        if name in seen or not (path := source(name.removeprefix("iqabench").lstrip("."))).is_file():
            continue
        seen.add(name)
        found = imported(ast.parse(path.read_text()), lazily=False)
        assert not {other for other in found if other.partition(".")[0] in ("torch", "torchvision")}, name
        todo += [other for other in found if other.partition(".")[0] == "iqabench"]


@pytest.mark.parametrize("room", ROOMS)
def test_imports_flow_one_way(room: str) -> None:
    path = PACKAGE / room
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    for file in files:
        for module in imported(ast.parse(file.read_text()), lazily=True):
            parts = module.split(".")
            if parts[0] == "iqabench" and len(parts) > 1:
                assert parts[1] in (*ROOMS[room], room), f"{file.name} imports {module}"


def test_memory_does_not_grow_with_the_number_of_images(lab) -> None:
    """The worker's own peak, written down by its model at every call. What it keeps decoded has a limit, which
    the short run reaches too."""
    body = 'LOG([line for line in open("/proc/self/status") if line.startswith("VmHWM")][0].split()[1])\n'
    lab.install("scorer", "zoo.peak", body + "return images[:, 0, 0, 0]")
    peaks = []
    for count in (120, 400):
        folder = lab.root / f"photos-{count}"
        folder.mkdir()
        for index in range(count):
            Image.new("RGB", (1000, 1000), (index % 256, index // 256, 7)).save(folder / f"{index:03}.png")
        lab.log.unlink(missing_ok=True)
        done = lab.command("run", "--images", folder, "--iqa", "zoo.peak", "--out", f"run-{count}")
        assert done.returncode == 0, done.stderr
        peaks.append(max(map(int, lab.lines())) / 1024)
    print(f"peak of the worker: {peaks[0]:.0f} MB at 120 photos of 3 MB, {peaks[1]:.0f} MB at 400")
    assert peaks[1] - peaks[0] < 100
