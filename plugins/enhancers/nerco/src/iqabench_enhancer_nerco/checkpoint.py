"""The three states of an official release, each a file of its own, or all in the archive that is given away."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from torch import nn

from iqabench.errors import WeightsError
from iqabench.weights.safe import load_strictly, read_checkpoint, strip_prefix, unwrap
from iqabench_enhancer_nerco.network import NeRCo

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def load_weights(network: NeRCo, files: Mapping[str, Path]) -> None:
    """Fill ``network`` from the official files, by name. Raises KeysMismatch and other WeightsErrors."""
    parts = {
        "latest_net_G_A.pth": network.generator,
        "latest_net_Pre.pth": network.normaliser,
        "latest_net_H.pth": network.extractor,
    }
    for name, part in parts.items():
        with _unpacked(files[name], name) as path:
            _load(part, path, files[name])


def _load(part: nn.Module, path: Path, where: Path) -> None:
    """As the official loader does, what PyTorch before 0.4 saved of an InstanceNorm is passed over."""
    state = strip_prefix(unwrap(read_checkpoint(path)), "module.")
    norms = {name for name, module in part.named_modules() if isinstance(module, nn.InstanceNorm2d)}
    kept = {
        key: value
        for key, value in state.items()
        if not (key.rpartition(".")[0] in norms and key.rpartition(".")[2] in STATISTICS)
    }
    load_strictly(part, kept, where)


@contextmanager
def _unpacked(path: Path, name: str) -> Iterator[Path]:
    """The file ``name`` inside a zip archive, at any depth; ``path`` itself where it is no such archive."""
    if not zipfile.is_zipfile(path):
        yield path
        return
    with zipfile.ZipFile(path) as archive:
        inside = [entry for entry in archive.namelist() if PurePosixPath(entry).name == name]
        if len(inside) > 1:
            raise WeightsError(f"{path} holds {len(inside)} files named {name}: unpack it, and give the one to load.")
        if not inside:  # a state itself, which torch zips as well
            yield path
            return
        with TemporaryDirectory() as folder:
            target = Path(folder, name)
            try:
                with archive.open(inside[0]) as source, target.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
            except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
                raise WeightsError(f"{path} cannot be unpacked: {error}.") from error
            yield target
