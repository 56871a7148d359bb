"""pyiqa's metrics as scorers, each built by pyiqa itself."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from iqabench.compat.torchvision import import_beside_torchvision
from iqabench.errors import DownloadError, IqabenchError, ModelError, PluginError, WeightsMissing
from iqabench.weights.cache import Cache

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer

INSTALL = "Run: pip install iqabench-iqa-pyiqa[pyiqa]"


def load(context: LoadContext) -> Scorer:
    """Raises PluginError where pyiqa cannot be imported, WeightsMissing offline, DownloadError, ModelError."""
    name = str(context.params["metric"])
    return PyiqaMetric(create(name, context.device, offline=Cache.default().offline), name)


def create(name: str, device: torch.device, *, offline: bool) -> Any:
    """pyiqa's metric, ready. With ``offline`` no connection is opened while it is made."""
    with contextlib.redirect_stdout(sys.stderr):  # it prints what it downloads
        pyiqa = _import()
        # Made outside inference mode: some of its networks set requires_grad while they are built.
        with torch.inference_mode(False), _no_network() if offline else contextlib.nullcontext():
            try:
                return pyiqa.create_metric(name, device=device)
            except IqabenchError:
                raise
            except (Exception, SystemExit) as error:
                raise _explained(name, error, offline=offline) from error


class PyiqaMetric:
    """Called with images, and references where it wants them, one at a time."""

    def __init__(self, metric: Any, name: str) -> None:
        self.metric = metric
        self.name = name

    def __call__(self, images: Tensor, references: Tensor | None = None) -> Tensor:
        pairs = zip(images, [None] * len(images) if references is None else references, strict=True)
        return torch.stack([self._score(image, reference) for image, reference in pairs])

    def _score(self, image: Tensor, reference: Tensor | None) -> Tensor:
        given = [x[None] for x in (image, reference) if x is not None]
        result = self.metric(*given)
        if not isinstance(result, Tensor) or result.numel() != 1:
            what = f"a tensor {tuple(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
            raise ModelError(f"pyiqa's {self.name} gave {what} for one image, not one number.")
        return result.reshape(()).float()


def _import() -> Any:
    try:
        return import_beside_torchvision("pyiqa")
    except ModuleNotFoundError as error:
        raise PluginError(f"pyiqa cannot be imported: {error.name} is not installed.", hint=INSTALL) from error
    except PluginError:
        raise PluginError("pyiqa cannot be imported.", hint=INSTALL) from None
    except Exception as error:
        raise PluginError(f"pyiqa cannot be imported: {_one_line(error)}.", hint=INSTALL) from error


def _explained(name: str, error: BaseException, *, offline: bool) -> IqabenchError:
    """The one error that stands for whatever pyiqa raised."""
    causes = list(_causes(error))
    if offline and any(isinstance(cause, Offline) for cause in causes):
        return WeightsMissing(
            f"pyiqa.{name}: pyiqa has not downloaded its weights yet, and downloads are forbidden.",
            hint="Load it once without IQABENCH_OFFLINE and HF_HUB_OFFLINE: pyiqa fetches its own weights.",
        )
    if any(isinstance(cause, OSError) for cause in causes):  # which the errors of urllib and requests derive from
        return DownloadError(
            f"pyiqa.{name}: pyiqa could not get its weights: {_one_line(error)}.",
            hint="pyiqa keeps them in torch's hub folder (TORCH_HOME); what it has there it does not download again.",
        )
    return ModelError(f"pyiqa.{name}: pyiqa could not make this metric: {_one_line(error)}.")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        reason = getattr(error, "reason", None)  # where urllib puts it
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__


class Offline(OSError):
    """A connection that offline mode forbids."""


@contextlib.contextmanager
def _no_network() -> Iterator[None]:
    """No connection to another machine can be opened meanwhile: pyiqa downloads by way of several libraries, of
    which each has another switch, or none."""
    switches = {name: os.environ.get(name) for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    resolve = socket.getaddrinfo

    def refuse(*_args: object, **_options: object) -> Any:
        raise Offline("downloads are forbidden")

    os.environ.update(dict.fromkeys(switches, "1"))
    socket.getaddrinfo = refuse
    try:
        yield
    finally:
        socket.getaddrinfo = resolve
        for name, value in switches.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
