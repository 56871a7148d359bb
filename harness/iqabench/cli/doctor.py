"""``iqabench doctor``: what works on this machine, and what does not."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from iqabench.plugins import Plugins, discover
from iqabench.text import amount
from iqabench.weights.cache import Cache, Corrupt


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``well`` is None for a mere fact."""

    what: str
    finding: str
    well: bool | None = None


@click.command("doctor")
def command() -> int:
    """Look at Python, torch, devices, plugins, weights and disk; end non-zero if something is wrong."""
    wrong = 0
    for found in _look():
        mark, colour = {True: ("ok", "green"), False: ("!!", "red"), None: ("  ", None)}[found.well]
        click.echo(f"{click.style(mark, fg=colour)} {found.what:<14} {found.finding}")
        wrong += found.well is False
    if wrong:
        click.echo(f"{amount(wrong, 'thing needs', 'things need')} mending.")
    return 1 if wrong else 0


def _look() -> Iterator[Finding]:
    yield Finding("python", f"{platform.python_version()} at {sys.executable}", sys.version_info >= (3, 11))
    yield Finding("machine", f"{platform.system()} {platform.machine()}, {amount(os.cpu_count() or 1, 'processor')}")
    for name in ("iqabench", "numpy", "scipy", "pandas", "pillow"):
        yield _library(name)
    yield from _torch()
    plugins = discover()
    yield from _plugins(plugins)
    yield from _weights(plugins)
    yield _disk("run folder", Path.cwd())


def _library(name: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, f"not installed: pip install {name}", False)


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding("torch", f"cannot be imported: {error}", False)
        return
    yield Finding("torch", f"{torch.__version__}, {amount(torch.get_num_threads(), 'thread')}", True)
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            name = torch.cuda.get_device_name(index)
            yield Finding(f"cuda:{index}", f"{name}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free", True)
    else:
        yield Finding("cuda", "no device: models run on the CPU")


def _plugins(plugins: Plugins) -> Iterator[Finding]:
    counts = ", ".join(amount(len(plugins.of_kind(kind)), kind) for kind in ("degrader", "enhancer", "scorer"))
    yield Finding("plugins", counts, bool(plugins.models))
    for problem in plugins.problems:
        yield Finding("plugin", str(problem), not problem.fatal)


def _weights(plugins: Plugins) -> Iterator[Finding]:
    cache = Cache.default()
    yield Finding("weights", f"{cache.root}{' (offline)' if cache.offline else ''}")
    for spec in plugins.specs:
        for file in spec.weights:
            if isinstance(cache.state(file), Corrupt):
                yield Finding("weights", f"{spec.id}: {file.name} is damaged: iqabench weights verify", False)
    yield _disk("weights disk", cache.root)


def _disk(what: str, path: Path) -> Finding:
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free
    writable = os.access(path, os.W_OK)
    return Finding(what, f"{path}: {free / 1e9:.1f} GB free{'' if writable else ', not writable'}", writable)
