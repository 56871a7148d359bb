"""Tiny plugin distributions, written by hand as an installer would leave them: good, broken and odd ones.

A folder that holds some is "installed" for every process with that folder on its PYTHONPATH.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent, indent


def install(folder: Path, name: str, source: str, *, version: str = "1.0") -> None:
    """Write the distribution ``name`` (as ``iqabench-iqa-good``) into ``folder``: one module, one entry point.

    ``source`` is the text of the module, whose name is the distribution's with underscores.
    """
    module = module_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(dedent(source), encoding="utf-8")
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    key = name.removeprefix("iqabench-")
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "INSTALLER": "plugin-zoo\n",
        "entry_points.txt": f"[iqabench]\n{key} = {module}\n",
    }
    for file, text in files.items():
        (info / file).write_text(text, encoding="utf-8")
    record = [f"{module}.py,,", *(f"{info.name}/{file},," for file in (*files, "RECORD"))]
    (info / "RECORD").write_text("\n".join(record) + "\n", encoding="utf-8")


def module_name(distribution: str) -> str:
    return distribution.replace("-", "_")


def scorer(model_id: str, body: str, *, facts: str = "", top: str = "", setup: str = "") -> str:
    """The source of a scorer plugin for ``install``.

    ``body`` is the body of ``score(images, references)``, ``facts`` more arguments of the declaration, as
    ``"reference=True, params=..."``, ``top`` lines at the head of the module and ``setup`` lines of
    ``load(context)``.
    """
    return _source("Scorer", model_id, "score(images, references=None)", body, facts, top, setup)


def enhancer(model_id: str, body: str, *, facts: str = "", top: str = "", setup: str = "") -> str:
    """The source of an enhancer plugin; ``body`` is the body of ``enhance(images, *, seeds)``."""
    return _source("Enhancer", model_id, "enhance(images, *, seeds)", body, facts, top, setup)


def degrader(model_id: str, body: str, *, facts: str = "", top: str = "", setup: str = "") -> str:
    """The source of a degrader plugin; ``body`` is the body of ``degrade(images, *, seeds)``."""
    return _source("Degrader", model_id, "degrade(images, *, seeds)", body, facts, top, setup)


def distribution_of(kind: str, model_id: str) -> str:
    """The name under which these sources expect to be installed; ``kind`` is scorer, enhancer or degrader."""
    package = {"scorer": "iqa", "enhancer": "enhancer", "degrader": "degrader"}[kind]
    return f"iqabench-{package}-{model_id.partition('.')[2]}"


def _source(kind: str, model_id: str, signature: str, body: str, facts: str, top: str, setup: str) -> str:
    module = module_name(distribution_of(kind.lower(), model_id))
    return f"""{dedent(top)}
from iqabench import ImageNeeds, {kind}Spec, Param, WeightsFile, hookimpl

@hookimpl
def iqabench_{kind.lower()}s():
    yield {kind}Spec(id="{model_id}", summary="A model of the zoo", licence="MIT", code="https://example.org",
                     load="{module}:load", {facts})

def load(context):
    import torch
{indent(dedent(setup).strip(), " " * 4)}
    def {signature}:
{indent(dedent(body).strip(), " " * 8)}
    return {signature.partition("(")[0]}
"""


def run(
    folder: Path, arguments: Sequence[str], *, cwd: Path | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """``python ARGUMENTS`` in a process of its own in which the distributions of ``folder`` are installed."""
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd or folder,
        env=environment,
        text=True,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
