"""Discovery: every plugin loaded by itself, so that a broken one is named and the others go on."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import pluggy

from iqabench import hookspecs
from iqabench.errors import PluginError
from iqabench.specs import DegraderSpec, EnhancerSpec, ModelSpec, ScorerSpec

if TYPE_CHECKING:
    from iqabench.datasets import DatasetSpec

ENTRY_POINTS = "iqabench"
SLOW_SECONDS = 1.0
_MODEL_HOOKS: dict[str, type[ModelSpec]] = {
    "iqabench_degraders": DegraderSpec,
    "iqabench_enhancers": EnhancerSpec,
    "iqabench_scorers": ScorerSpec,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Why something of a plugin cannot be used. ``fatal`` is False for a mere warning (a slow plugin)."""

    plugin: str
    stage: Literal["import", "hooks", "declare", "duplicate", "slow"]
    reason: str
    ids: tuple[str, ...] = ()
    fatal: bool = True

    def __str__(self) -> str:
        return f"plugin {self.plugin} ({self.stage}): {self.reason}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """A model's declaration and the distribution it came from."""

    spec: ModelSpec
    distribution: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plugins:
    """What is installed: models by id, datasets, and what went wrong."""

    models: dict[str, Declared]
    datasets: dict[str, DatasetSpec]
    problems: tuple[Problem, ...] = ()

    @property
    def specs(self) -> tuple[ModelSpec, ...]:
        return tuple(declared.spec for declared in self.models.values())

    def of_kind(self, kind: str) -> tuple[ModelSpec, ...]:
        """Declarations of one kind (scorer, enhancer, degrader), by id."""
        return tuple(spec for spec in self.specs if spec.kind == kind)

    def broken(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.fatal)


def discover(points: Iterable[EntryPoint] | None = None) -> Plugins:
    """Load every installed plugin's declarations. Never raises for a plugin's fault.

    ``IQABENCH_BLOCK`` names distributions, separated by commas, that are not even imported.
    """
    blocked = {name.strip() for name in os.environ.get("IQABENCH_BLOCK", "").split(",")}
    models: dict[str, list[Declared]] = {}
    datasets: dict[str, DatasetSpec] = {}
    problems: list[Problem] = []
    found = entry_points(group=ENTRY_POINTS) if points is None else points
    named = [(*_distribution(point), point) for point in found]
    for name, version, point in sorted(named, key=lambda one: (one[0], one[2].name)):
        if name in blocked:
            continue
        started = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints must not get into a report
            module = _import(point, name, problems)
            items = list(_declarations(module, name, problems)) if module else []
        for item in items:
            if isinstance(item, ModelSpec):
                models.setdefault(item.id, []).append(Declared(spec=item, distribution=name, version=version))
            elif item.name in datasets:
                problems.append(_problem(name, "duplicate", f"dataset {item.name!r} is declared twice"))
            else:
                datasets[item.name] = item
        if (seconds := time.perf_counter() - started) > SLOW_SECONDS:
            reason = f"takes {seconds:.1f} s to import; it must leave heavy imports to its models"
            problems.append(Problem(plugin=name, stage="slow", reason=reason, fatal=False))
    return Plugins(models=_unique(models, problems), datasets=datasets, problems=tuple(problems))


def _distribution(point: EntryPoint) -> tuple[str, str]:
    if point.dist is None:
        return point.value, ""
    metadata = point.dist.metadata  # parsed anew at every look
    return metadata["Name"], metadata["Version"]


def _problem(plugin: str, stage: Literal["import", "hooks", "declare", "duplicate"], reason: object) -> Problem:
    if isinstance(reason, SystemExit):
        reason = f"it called exit({reason.code!r})"
    elif isinstance(reason, BaseException):
        reason = str(reason) if isinstance(reason, PluginError) else f"{type(reason).__name__}: {reason}"
    return Problem(plugin=plugin, stage=stage, reason=" ".join(str(reason).split()))


def _import(point: EntryPoint, name: str, problems: list[Problem]) -> ModuleType | None:
    try:
        module = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything at all
        problems.append(_problem(name, "import", error))
        return None
    if not isinstance(module, ModuleType):
        problems.append(_problem(name, "import", f"the entry point {point.value!r} is not a module"))
        return None
    return module


def _declarations(module: ModuleType, name: str, problems: list[Problem]) -> Iterator[Any]:
    """What the hooks of one plugin give. Its manager is its own: a fault stays with the plugin."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, name=name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        problems.append(_problem(name, "hooks", str(error)))
    for hook_name in (*_MODEL_HOOKS, "iqabench_datasets"):
        for implementation in getattr(manager.hook, hook_name).get_hookimpls():
            try:
                items = list(implementation.function())
            except (Exception, SystemExit) as error:  # noqa: BLE001
                problems.append(_problem(name, "declare", error))
                continue
            for item in items:
                if _is_wanted(item, hook_name):
                    yield item
                else:
                    reason = f"{hook_name} gave {type(item).__name__}, not a declaration of its kind"
                    problems.append(_problem(name, "declare", reason))


def _is_wanted(item: object, hook_name: str) -> bool:
    if hook_name in _MODEL_HOOKS:
        return isinstance(item, _MODEL_HOOKS[hook_name])
    from iqabench.datasets import DatasetSpec

    return isinstance(item, DatasetSpec)


def _unique(models: dict[str, list[Declared]], problems: list[Problem]) -> dict[str, Declared]:
    """Ids declared once. One declared twice is nobody's: both distributions are named."""
    unique = {}
    for model_id, rivals in sorted(models.items()):
        if len(rivals) == 1:
            unique[model_id] = rivals[0]
            continue
        names = " and ".join(f"{rival.distribution} {rival.version}" for rival in rivals)
        reason = f"{model_id} is declared by {names}; uninstall one, or block it with IQABENCH_BLOCK"
        problems.append(Problem(plugin=rivals[0].distribution, stage="duplicate", reason=reason, ids=(model_id,)))
    return unique
