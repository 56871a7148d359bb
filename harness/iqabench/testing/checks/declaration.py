"""Is the declaration whole, true to its names, and cheap to read?"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

from iqabench.plugins import ENTRY_POINTS
from iqabench.specs import TASKS

if TYPE_CHECKING:
    from iqabench.testing.subject import Subject

HEAVY = ("torch", "pandas", "scipy")
_PACKAGE_KINDS = {"scorer": "iqa", "enhancer": "enhancer", "degrader": "degrader"}
_PAPER = re.compile(r"(doi:10\.\d+/|arXiv:\d{4}\.\d{4,5}|https?://)\S*")
_DECLARE = """
import json, sys
from importlib.metadata import distribution
from iqabench.plugins import discover
points = [p for p in distribution(sys.argv[1]).entry_points if p.group == sys.argv[2]]
already = set(sys.modules)
discover(points)
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - already})))
"""


class DeclarationChecks:
    def test_kind(self, subject: Subject) -> None:
        """If this fails, use the contract of the model's own kind: Scorer-, Enhancer- or DegraderContract."""
        assert subject.spec.kind == subject.contract.kind
        assert subject.spec.kind != "enhancer" or subject.spec.task in TASKS

    def test_names(self, subject: Subject) -> None:
        """If this fails, rename: distribution ``iqabench-<kind>-<name>`` with kind iqa, enhancer or degrader,
        its module the same with underscores, the entry point's key ``<kind>-<name>``, and ``load`` inside
        that module. Two plugins with one key hide one another, which these names rule out."""
        distribution = subject.declared.distribution.lower().replace("_", "-")
        match = re.fullmatch(r"iqabench-(iqa|enhancer|degrader)-[a-z0-9]+(-[a-z0-9]+)*", distribution)
        assert match, f"the distribution's name is {distribution!r}"
        kind = _PACKAGE_KINDS[subject.spec.kind]
        assert match[1] == kind, f"{subject.spec.id} is a {subject.spec.kind}, so its package is an {kind} one"
        module = distribution.replace("-", "_")
        points = [p for p in metadata.distribution(distribution).entry_points if p.group == ENTRY_POINTS]
        assert [(p.name, p.value) for p in points] == [(distribution.removeprefix("iqabench-"), module)]
        assert subject.spec.load.partition(":")[0].partition(".")[0] == module

    def test_provenance(self, subject: Subject) -> None:
        """If this fails, fill in ``paper`` (doi:..., arXiv:... or a URL), or ``code`` (a URL) where there is
        no paper: users cite what they use. ``licence`` is an SPDX id, or words that say what is allowed."""
        spec = subject.spec
        assert spec.paper or spec.code, f"{spec.id} names neither a paper nor code"
        assert not spec.paper or _PAPER.fullmatch(spec.paper), f"paper={spec.paper!r}"
        assert not spec.code or spec.code.startswith(("https://", "http://")), f"code={spec.code!r}"
        assert spec.licence.strip().lower() not in ("", "unknown", "todo", "none", "?")
        assert not spec.summary.endswith("."), "a summary is a title, without a full stop"

    def test_params_are_documented(self, subject: Subject) -> None:
        """If this fails, give the parameter a ``help`` of one line, and bounds that admit its default."""
        for param in subject.spec.params:
            assert param.name.isidentifier(), f"{param.name!r} cannot be a keyword argument"
            assert param.help.strip(), f"{param.name} has no help"
            assert "\n" not in param.help, f"the help of {param.name} is longer than a line"
            assert param.low is None or param.high is None or param.low < param.high, param.name
            assert not param.choices or param.default in param.choices, param.name

    def test_facts_are_possible(self, subject: Subject) -> None:
        """If this fails, correct ``needs``, ``score_range``, ``scale`` or ``dtypes``."""
        spec = subject.spec
        assert spec.needs.min_side >= 1
        assert spec.needs.multiple_of >= 1
        assert spec.dtypes, "a model computes in at least one dtype"
        assert spec.memory_mb is None or spec.memory_mb > 0
        if spec.kind == "scorer":
            low, high = spec.score_range
            assert low is None or high is None or low < high, f"score_range={spec.score_range}"
        else:
            assert subject.scale >= 1
            assert spec.kind != "enhancer" or subject.scale == 1 or spec.task == "sr"

    def test_weights_rows(self, subject: Subject) -> None:
        """If this fails, give every weights file a licence, names of its own, and a ``when`` that names
        declared parameters and values they can take."""
        params = {param.name: param for param in subject.spec.params}
        for file in subject.spec.weights:
            assert file.licence.strip(), f"{file.name} has no licence"
            assert file.size is None or file.size > 0, f"{file.name} has no bytes"
            for name, value in (file.when or {}).items():
                assert name in params, f"{file.name}: when names {name!r}, no parameter"
                assert params[name].check(value) == value, f"{file.name}: {name} cannot be {value!r}"
        needed = [file.name for file in subject.spec.needed_weights(subject.params)]
        assert len(set(needed)) == len(needed), f"two files of one name are needed at once: {needed}"

    def test_declaring_is_light(self, subject: Subject) -> None:
        """If this fails, move the import of the heavy library from the package's ``__init__`` into the module
        that ``load`` names: every command reads every declaration, and torch alone takes seconds."""
        process = subprocess.run(  # noqa: S603 - this very interpreter
            [sys.executable, "-c", _DECLARE, subject.declared.distribution, ENTRY_POINTS],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert process.returncode == 0, process.stderr
        imported = set(json.loads(process.stdout.splitlines()[-1]))
        assert not imported & set(HEAVY), f"declaring imports {', '.join(sorted(imported & set(HEAVY)))}"

    def test_loader_exists(self, subject: Subject) -> None:
        """If this fails, correct ``load="module:function"``: the module must import, and hold the function."""
        module, _, name = subject.spec.load.partition(":")
        assert callable(getattr(importlib.import_module(module), name, None)), subject.spec.load
