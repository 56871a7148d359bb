"""What a plugin declares about a model. Declarations are data: frozen, checked when made, torch-free."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from iqabench.errors import PluginError, SelectionError
from iqabench.types import ParamValue

Task = Literal["sr", "lle", "dn"]
Dtype = Literal["float32", "float16", "bfloat16"]
TASKS: tuple[Task, ...] = ("sr", "lle", "dn")

_ID = re.compile(r"[a-z][a-z0-9]*\.[a-z0-9]+(-[a-z0-9]+)*")
_LOADER = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SOURCE = re.compile(r"(https?|hf|package|file)://\S+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Param:
    """One parameter that a user may set in brackets: ``noise.gaussian[sigma=50]``.

    Its type is the type of ``default`` (bool, int, float or str). ``low`` and ``high`` are inclusive.
    """

    name: str
    default: ParamValue
    help: str
    choices: tuple[ParamValue, ...] = ()
    low: float | None = None
    high: float | None = None

    def check(self, value: object) -> ParamValue:
        """``value``, from text or Python, as this parameter's type. Raises SelectionError."""
        wanted = type(self.default)
        if wanted is bool and isinstance(value, str):
            value = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
                value.lower(), value
            )
        elif wanted in (int, float) and isinstance(value, str | int | float) and not isinstance(value, bool):
            try:
                number = float(value)
                value = int(number) if wanted is int and number.is_integer() else number
            except ValueError:
                pass
        if not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool)):
            raise SelectionError(f"{self.name}={value!r} is not {_ARTICLE[wanted]}.", hint=f"{self.help}.")
        if self.choices and value not in self.choices:
            allowed = ", ".join(map(str, self.choices))
            raise SelectionError(f"{self.name}={value} is not a choice.", hint=f"Choose one of {allowed}.")
        if isinstance(value, int | float):
            if not math.isfinite(value):
                raise SelectionError(f"{self.name}={value} is no number to compute with.", hint=f"{self.help}.")
            if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
                raise SelectionError(
                    f"{self.name}={value} is out of range.", hint=f"It lies in [{self.low}, {self.high}]."
                )
        elif not isinstance(value, str):
            raise SelectionError(f"{self.name}={value!r} is no parameter value.")
        return value


_ARTICLE: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightsFile:
    """One file that a model loads.

    ``sources`` are tried in order: ``hf://owner/repo/path@revision``, ``https://...``,
    ``package://distribution/path`` (a file inside an installed Python package) or ``file:///path``. None at all,
    ``sources=()``, is a file that only the user has, as a bridge to a library loads: it must be given.
    ``sha256`` is None where nobody has published it: it is then recorded at the first fetch and enforced
    from then on. ``when`` limits the file to some parameter values, as ``{"weights": "spaq"}``: every one
    of them must hold for the file to be needed. ``size`` is in bytes.
    """

    name: str
    sources: tuple[str, ...]
    licence: str
    sha256: str | None = None
    size: int | None = None
    when: Mapping[str, ParamValue] | None = None

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name or "\\" in self.name or self.name.startswith("."):
            raise PluginError(f"weights file name {self.name!r} is not a plain file name.")
        if not all(_SOURCE.fullmatch(source) for source in self.sources):
            raise PluginError(f"weights file {self.name}: sources must be hf://, https://, package:// or file:// URIs.")
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            raise PluginError(f"weights file {self.name}: sha256 must be 64 lower-case hexadecimal digits.")

    def needed(self, params: Mapping[str, ParamValue]) -> bool:
        """Whether a model run with ``params`` loads this file."""
        return all(params.get(name) == value for name, value in (self.when or {}).items())


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnFiles:
    """Shell patterns of files that a user may give besides those declared, as a fine-tuned model has them.

    ``instead``: the files of a whole checkpoint, which may be in other shards than the official one; where a user
    gives some, no declared file that fits is loaded. In a folder, those of the first pattern that fits any file
    count. ``beside``: files loaded on top of the declared ones, as those of an adapter.
    """

    instead: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageNeeds:
    """What images a model can take; the harness sees to it.

    An enhancer's input is reflected out to ``min_side`` and to a multiple of ``multiple_of``, and its output
    cropped back. A scorer's or degrader's input is never changed: an image under ``min_side`` fails with
    that reason. ``max_pixels`` is the largest H·W that the model takes, for all kinds.
    """

    min_side: int = 1
    multiple_of: int = 1
    max_pixels: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSpec:
    """What every model declares, whatever its kind.

    ``load`` is ``"module:function"``, imported at first use; it is called with a LoadContext and returns the
    ready model. ``revision`` goes up by one when results change: it is part of a cell's key, so only this
    model's cells are computed again. ``dtypes`` are those it computes in, the first one unless told otherwise; on
    CUDA that is ``cuda_dtype``, where given. ``own`` says what a user's own weights may hold. ``batchable`` says
    that images of one size may share a batch, with the same results as one by one. ``seeded`` says that results
    depend on the seed. ``memory_mb`` is the peak need at 1024×768 in the first of its dtypes, where known; a parameter
    named ``bits``, 16 unless quantised, changes it in proportion, and one named ``offload``, where set, waives it.
    ``licence`` is of the code this model's results rest on (SPDX id, or words); each weights file has its own.
    """

    id: str
    summary: str
    load: str
    licence: str
    paper: str = ""
    code: str = ""
    params: tuple[Param, ...] = ()
    weights: tuple[WeightsFile, ...] = ()
    training_data: tuple[str, ...] = ()
    needs: ImageNeeds = ImageNeeds()
    revision: int = 1
    dtypes: tuple[Dtype, ...] = ("float32",)
    cuda_dtype: Dtype | None = None
    own: OwnFiles | None = None
    deterministic: bool = True
    batchable: bool = True
    seeded: bool = False
    memory_mb: int | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise PluginError(f"id {self.id!r} is not <group>.<name> in lower-case letters, digits and hyphens.")
        if not _LOADER.fullmatch(self.load):
            raise PluginError(f'{self.id}: load={self.load!r} is not "module:function".')
        if not self.summary or "\n" in self.summary:
            raise PluginError(f"{self.id}: summary must be one line.")
        if not self.licence:
            raise PluginError(f"{self.id}: licence is empty.")
        if self.revision < 1:
            raise PluginError(f"{self.id}: revision starts at 1.")
        if self.cuda_dtype is not None and self.cuda_dtype not in self.dtypes:
            raise PluginError(f"{self.id}: cuda_dtype {self.cuda_dtype} is none of its dtypes.")
        names = [param.name for param in self.params]
        if len(set(names)) != len(names):
            raise PluginError(f"{self.id}: a parameter is declared twice.")
        for param in self.params:
            param.check(param.default)

    @property
    def group(self) -> str:
        return self.id.partition(".")[0]

    @property
    def kind(self) -> str:
        """scorer, enhancer or degrader."""
        return _KINDS[type(self)]

    def resolve(self, given: Mapping[str, object]) -> dict[str, ParamValue]:
        """Every declared parameter, from ``given`` where it is there. Raises SelectionError."""
        declared = {param.name: param for param in self.params}
        for name in given:
            if name not in declared:
                known = ", ".join(declared) or "none"
                raise SelectionError(f"{self.id} has no parameter {name!r}.", hint=f"It has: {known}.")
        try:
            return {
                name: param.check(given[name]) if name in given else param.default for name, param in declared.items()
            }
        except SelectionError as error:
            raise SelectionError(f"{self.id}: {error.message}", hint=error.hint) from None

    def dtype_for(self, asked: str, *, cuda: bool) -> Dtype:
        """The dtype to compute in: the one asked for where the model admits it, else its own choice."""
        allowed: dict[str, Dtype] = {dtype: dtype for dtype in self.dtypes}
        return allowed.get(asked) or (self.cuda_dtype if cuda and self.cuda_dtype else self.dtypes[0])

    def needed_weights(self, params: Mapping[str, ParamValue]) -> tuple[WeightsFile, ...]:
        return tuple(file for file in self.weights if file.needed(params))


@dataclass(frozen=True, kw_only=True, slots=True)
class ScorerSpec(ModelSpec):
    """An image quality model.

    ``reference`` says that it compares with a pristine image of the same size. ``score_range`` is the nominal
    (lowest, highest) score, None where unbounded. Groups: ``fr`` full-reference, ``nr`` opinion-unaware
    no-reference, ``ugc`` / ``aigc`` / ``mixed`` by what the model was made for or tuned on.
    """

    reference: bool = False
    higher_is_better: bool = True
    score_range: tuple[float | None, float | None] = (None, None)

    def __post_init__(self) -> None:
        ModelSpec.__post_init__(self)
        _require_group(self, None)
        if self.group in ("fr", "nr") and self.reference != (self.group == "fr"):
            raise PluginError(f"{self.id}: group {self.group!r} does not fit reference={self.reference}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class EnhancerSpec(ModelSpec):
    """A model that makes images better. ``scale`` is the output's size over the input's; where a parameter
    named ``scale`` is declared, that one holds."""

    task: Task
    scale: int = 1

    def __post_init__(self) -> None:
        ModelSpec.__post_init__(self)
        _require_group(self, (self.task,))

    def scale_with(self, params: Mapping[str, ParamValue]) -> int:
        return int(params.get("scale", self.scale))


@dataclass(frozen=True, kw_only=True, slots=True)
class DegraderSpec(ModelSpec):
    """A model of how photos go wrong. ``undone_by`` is the task of the enhancers that mend it; ``scale`` is
    the input's size over the output's (a parameter named ``scale`` wins): the harness first crops the input,
    at the bottom and the right, to a multiple of it."""

    undone_by: Task
    scale: int = 1

    def __post_init__(self) -> None:
        ModelSpec.__post_init__(self)
        _require_group(self, tuple(group for group, task in DEGRADER_GROUPS.items() if task == self.undone_by))

    def scale_with(self, params: Mapping[str, ParamValue]) -> int:
        return int(params.get("scale", self.scale))


DEGRADER_GROUPS: dict[str, Task] = {"lr": "sr", "dark": "lle", "noise": "dn"}
_KINDS: dict[type, str] = {ScorerSpec: "scorer", EnhancerSpec: "enhancer", DegraderSpec: "degrader"}


def _require_group(spec: ModelSpec, groups: tuple[str, ...] | None) -> None:
    taken = {*TASKS, *DEGRADER_GROUPS}
    if (spec.group in taken) if groups is None else (spec.group not in groups):
        allowed = f"one of {', '.join(groups)}" if groups else f"none of {', '.join(sorted(taken))}"
        raise PluginError(f"{spec.id}: the group of this {spec.kind} must be {allowed}.")
