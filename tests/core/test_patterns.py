"""What a user may type, and what it names."""

from __future__ import annotations

import pytest

from iqabench.errors import SelectionError
from iqabench.patterns import nearest, select, split
from iqabench.specs import DegraderSpec, Param, ScorerSpec

NOISE = DegraderSpec(
    id="noise.gaussian",
    summary="x",
    load="m:f",
    licence="MIT",
    undone_by="dn",
    params=(
        Param(name="sigma", default=25.0, help="how much", low=0, high=100),
        Param(name="clip", default=True, help="whether"),
        Param(name="kind", default="white", choices=("white", "pink"), help="which"),
    ),
)
SCORERS = [
    ScorerSpec(id=name, summary="x", load="m:f", licence="MIT", reference=name.startswith("fr."))
    for name in ("fr.psnr", "fr.ssim", "nr.niqe", "ugc.topiq", "aigc.topiq", "zoo.abc", "zoo.abd")
]
SPECS = [NOISE, *SCORERS]


def labels(*texts: str) -> list[str]:
    return [selection.label for selection in select(texts, SPECS)]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("fr.*,nr.niqe", ["fr.psnr", "fr.ssim", "nr.niqe"]),
        ("nr.niqe,fr.*", ["nr.niqe", "fr.psnr", "fr.ssim"]),
        ("niqe", ["nr.niqe"]),
        ("fr.*,!fr.ssim", ["fr.psnr"]),
        ("zoo.ab?", ["zoo.abc", "zoo.abd"]),
        ("fr.psnr,fr.*,psnr", ["fr.psnr", "fr.ssim"]),
        ("noise.gaussian[sigma=50]", ["noise.gaussian[sigma=50.0]"]),
        ("noise.gaussian[sigma=25]", ["noise.gaussian"]),
        (
            "gaussian[sigma=5|50,clip=no]",
            ["noise.gaussian[sigma=5.0,clip=False]", "noise.gaussian[sigma=50.0,clip=False]"],
        ),
        ("noise.gaussian[sigma=5|50],!noise.gaussian[sigma=5]", ["noise.gaussian[sigma=50.0]"]),
        ("noise.gaussian[sigma=5|50],!noise.*", []),
        (" fr.psnr , , nr.niqe ", ["fr.psnr", "nr.niqe"]),
        ("", []),
    ],
)
def test_selections(text: str, chosen: list[str]) -> None:
    assert labels(text) == chosen


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fr.pnsr", "Did you mean fr.psnr?"),
        ("nriqe", "Did you mean nr.niqe?"),
        ("xyz.*", "iqabench list"),
        ("topiq", "Say which of ugc.topiq, aigc.topiq."),
        ("noise.gaussian[sigma=101]", "lies in [0, 100]"),
        ("noise.gaussian[sigma]", "not name=value"),
        ("noise.gaussian[kind=brown]", "Choose one of white, pink."),
        ("noise.gaussian[clip=maybe]", "not true or false"),
        ("noise.gaussian[sgima=1]", "It has: sigma, clip, kind."),
        ("noise.gaussian[sigma=1", "unclosed bracket"),
        ("[sigma=1]", "cannot be read"),
    ],
)
def test_refusals(text: str, words: str) -> None:
    with pytest.raises(SelectionError) as caught:
        labels(text)
    assert words in str(caught.value)


def test_what_cannot_be_used_says_why() -> None:
    with pytest.raises(SelectionError, match=r"sr\.swinir cannot be used here: pip install it"):
        select(["sr.swinir"], SPECS, elsewhere={"sr.swinir": "pip install it"})
    with pytest.raises(SelectionError, match="pip install it"):
        select(["sr.*"], SPECS, elsewhere={"sr.swinir": "pip install it"})


def test_split_and_nearest() -> None:
    assert split("a,b[x=1,y=2],c") == ["a", "b[x=1,y=2]", "c"]
    assert nearest("psnrr", ["fr.psnr", "nr.niqe"]) == "Did you mean fr.psnr?"
    assert nearest("workres", ["workers", "seed"]) == "Did you mean workers?"
    assert nearest("zzz", ["workers", "seed"]) == ""
