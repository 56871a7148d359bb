"""The dataset card: what is in a built dataset, how it was made, under which licences, and how well it is rated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, StrictUndefined

from iqabench.datasets.built import Entry
from iqabench.text import amount

_TEXT = """\
# {{ name }}
{{ counts.get("enhanced", 0) }} enhanced and {{ counts.get("degraded", 0) }} degraded images of \
{{ amount(counts.get("source", 0), "photo") }}, made by iqabench {{ facts.iqabench }} with `iqabench dataset build`.

{% if facts.photos.dataset -%}
The photos are of {{ facts.photos.dataset }} ({{ facts.photos.licence }})
{%- if facts.photos.select %}: {{ facts.photos.select }} drawn by seed {{ facts.photos.seed }} from the images at or \
above the {{ facts.photos.min_mos_quantile }} quantile of its opinion scores{% endif %}.
{%- else -%}
The photos came from a folder; iqabench does not know their licence.
{%- endif %}

| degraded by | enhanced by | task | images |
|---|---|---|---:|
{% for (degrader, enhancer, task), n in cells -%}
| {{ degrader or "-" }} | {{ enhancer or "-" }} | {{ task }} | {{ n }} |
{% endfor %}
## Models
| model | package | licence of code | weights (SHA-256) |
|---|---|---|---|
{% for label, model in facts.models.items() -%}
| {{ label }} | {{ model.distribution }} | {{ model.licence }} | {{ weights(model.weights) }} |
{% endfor %}
Seed {{ facts.seed }}. `study.toml` makes the dataset again, `dataset.json` holds all versions and digests, \
`images.csv` the SHA-256 of every image (`iqabench dataset verify`).

## Use
`iqabench run --dataset built:PATH --iqa 'nr.*'` scores the enhanced images; `built:PATH[role=degraded]` the degraded.

## Opinions
{% if facts.opinions is defined -%}
{{ amount(facts.opinions.votes, "vote") }} by {{ amount(facts.opinions.raters, "rater") }} \
({{ facts.opinions.method }}), {{ amount(facts.opinions.rated, "image") }} rated; \
opinion scores with intervals are in `mos.csv`.
{% for line in facts.opinions.lines %}
- {{ line }}
{%- endfor %}
{% else -%}
Nobody has rated these images yet: `iqabench annotate serve PATH`.
{% endif %}
{{ panel }}
"""
_STANDARDS = {"ITU-R BT.500 (laboratory)": 15, "ITU-T P.910 (controlled room)": 24, "ITU-T P.910 (elsewhere)": 35}


def card(name: str, facts: Mapping[str, Any], entries: Sequence[Entry]) -> str:
    """The text of the README in a dataset's folder."""
    cells = Counter((one.degrader, one.enhancer, one.task) for one in entries if one.role != "source")
    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701 - Markdown
    return environment.from_string(_TEXT).render(
        name=name,
        amount=amount,
        facts=facts,
        counts=facts["counts"],
        cells=list(cells.items()),
        weights=_weights,
        panel=_panel(facts.get("opinions", {}).get("raters", 0)),
    )


def _panel(raters: int) -> str:
    """How far a panel is from the standards."""
    wanted = [f"{name} asks for {least} raters or more" for name, least in _STANDARDS.items() if raters < least]
    asked = "; ".join(wanted) if wanted else "The panel is as large as BT.500 and P.910 ask"
    return f"{asked}{f', this panel had {raters}' if raters and wanted else ''}."


def _weights(digests: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {digest[:12]}" for name, digest in digests.items()) or "none"
