"""The conformance suite passes sound plugins, and names the very check that a planted fault breaks."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from iqabench.testing import DegraderContract, EnhancerContract, ScorerContract
from iqabench.testing.contracts import checks_of

MSE = "return (images - references).square().mean(dim=(1, 2, 3))"
MSE_FACTS = "reference=True, higher_is_better=False, score_range=(0, 1)"
NOISE = """
noise = [torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(seed)) for seed in seeds]
return (images + 0.1 * torch.stack(noise)).clamp(0, 1)
"""
NOISE_FACTS = 'undone_by="dn", seeded=True'
SMOOTH = """
padded = torch.nn.functional.pad(images, (1, 1, 1, 1), mode="replicate")
return torch.nn.functional.avg_pool2d(padded, 3, stride=1)
"""
NETWORK = "return network(images).mean(dim=(1, 2, 3))"
NETWORK_FACTS = """needs=ImageNeeds(min_side=5), weights=(
    WeightsFile(name="net.pth", licence="MIT", sources=("https://example.org/net.pth",)),)"""
NETWORK_SETUP = """
from iqabench.weights.safe import load_strictly, read_checkpoint
path = context.weights["net.pth"]
network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 1, 3)).eval()
"""
STRICT = 'load_strictly(network, read_checkpoint(path)["state_dict"], path)'
LAX = 'network.load_state_dict(read_checkpoint(path)["state_dict"], strict=False)'
UNSAFE = 'load_strictly(network, torch.load(path, weights_only=False)["state_dict"], path)'
MADE = "weights = make_weights"
Outcome = tuple[dict[str, set[str]], subprocess.CompletedProcess[str]]
ALL_RUNS = {
    "result", "input_is_left_alone", "inference_only", "batch_invariance", "order", "repeatable", "seed",
    "sizes", "one_pixel", "flat_images",
}  # fmt: skip

TESTS_TOP = """
from iqabench.testing import DegraderContract, EnhancerContract, ScorerContract
from iqabench.testing.checkpoints import generate, save

def make_weights(folder, spec, params):
    manifest = {"0.weight": ([4, 3, 3, 3], "float32"), "0.bias": ([4], "float32"),
                "2.weight": ([1, 4, 3, 3], "float32"), "2.bias": ([1], "float32")}
    return {"net.pth": save(generate(manifest), folder / "net.pth", wrappers=("state_dict",))}
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A plugin of the zoo, what its contract class says, and the checks that fail: these and no others."""

    name: str
    id: str
    body: str
    facts: str
    fails: set[str]
    top: str = ""
    setup: str = ""
    says: str = ""
    distribution: str = ""
    code: str = "https://example.org"

    @property
    def kind(self) -> str:
        return {"dn": "enhancer", "sr": "enhancer", "lle": "enhancer", "noise": "degrader"}.get(
            self.id.partition(".")[0], "scorer"
        )

    def install(self, folder: Path, zoo: ModuleType) -> None:
        usual = zoo.distribution_of(self.kind, self.id)
        make = getattr(zoo, self.kind)
        source = make(self.id, self.body, facts=self.facts, top=self.top, setup=self.setup)
        source = source.replace('code="https://example.org"', f'code="{self.code}"')
        name = self.distribution or usual
        zoo.install(folder, name, source.replace(zoo.module_name(usual), zoo.module_name(name)))

    def test_class(self) -> str:
        says = f"\n    {self.says}" if self.says else ""
        return f'class Test{self.name}({self.kind.capitalize()}Contract):\n    id = "{self.id}"{says}\n'


def full_reference(name: str, body: str, *fails: str, facts: str = MSE_FACTS, **more: str) -> Case:
    return Case(name=name, id=f"fr.{name.lower()}", body=body, facts=facts, fails=set(fails), **more)


def network(name: str, setup: str, *fails: str, facts: str = NETWORK_FACTS) -> Case:
    setup = f"{NETWORK_SETUP}{setup}"
    return Case(name=name, id=f"nr.{name.lower()}", body=NETWORK, facts=facts, setup=setup, says=MADE, fails=set(fails))


def enhancer(name: str, task: str, body: str, *fails: str, facts: str = "") -> Case:
    return Case(name=name, id=f"{task}.{name.lower()}", body=body, facts=f'task="{task}", {facts}', fails=set(fails))


def degrader(name: str, body: str, *fails: str, facts: str = NOISE_FACTS, says: str = "digest = None") -> Case:
    return Case(name=name, id=f"noise.{name.lower()}", body=body, facts=facts, fails=set(fails), says=says)


CASES = [
    full_reference("Sound", MSE),
    enhancer("Smooth", "dn", SMOOTH),
    degrader("Grainy", NOISE),
    network("Strict", STRICT),
    # the declaration
    full_reference("Heavy", MSE, "declaring_is_light", top="import torch"),
    full_reference("Nameless", MSE, "names", distribution="my-metric"),
    full_reference("Uncited", MSE, "provenance", code=""),
    full_reference("Mute", MSE, "params_are_documented",
                   facts=f'{MSE_FACTS}, params=(Param(name="a", default=1, help=""),)'),
    full_reference("Lost", MSE, "weights_rows", facts=f'{MSE_FACTS}, weights=(WeightsFile(name="w", licence="MIT", '
                   'sources=("https://example.org/w",), when={"b": 1}),)'),
    # weights
    network("Lax", LAX, "other_keys_are_refused"),
    network("Unsafe", UNSAFE, "pickles_do_not_run"),
    # tensors
    full_reference("Batch", f"{MSE} * images.mean()", "batch_invariance"),
    full_reference("Place", f"{MSE} + torch.arange(len(images)) / 10", "batch_invariance", "order"),
    full_reference("Random", f"{MSE} + torch.rand(len(images)) / 1e4",
                   "batch_invariance", "order", "repeatable", "seed"),
    full_reference("Inplace", "references = references.clone()\nreal = images.clone()\nimages.zero_()\n"
                   "return (real - references).square().mean(dim=(1, 2, 3))", "input_is_left_alone"),
    full_reference("Narrow", MSE, "result", facts="reference=True, higher_is_better=False, score_range=(0, 1e-6)"),
    full_reference("Flat", f"{MSE} / references.std(dim=(1, 2, 3))", "flat_images", "one_pixel"),
    full_reference("Even", f"images.unflatten(-1, (-1, 2))\n{MSE}", "sizes", "one_pixel"),
    enhancer("Small", "sr", "return images", *ALL_RUNS, "task", facts="scale=2"),
    degrader("Unseeded", NOISE, "seed", facts='undone_by="dn"'),
    degrader("Steady", "return images * 0.8", "seed"),
    # meaning
    full_reference("Backward", MSE, "identity", "noise_ladder", "blur_ladder", facts="reference=True"),
    enhancer("Idle", "dn", "return images", "changes_image", "task"),
    enhancer("Darker", "lle", "return images / 2", "task"),
    degrader("Harmless", "return images.clone()", "degrades", facts='undone_by="dn"'),
    degrader("Drifted", NOISE, "digest", says='digest = "0123456789abcdef"'),
    # parity, on a plugin that is sound
    full_reference("Right", MSE, says='parity = "right.npz"'),
    full_reference("Wrong", MSE, "parity", says='parity = "wrong.npz"'),
    # a waiver takes the fault away
    full_reference("Waived", f"{MSE} * images.mean()", says='waivers = {"batch_invariance": "normalised, eq. 7"}'),
]  # fmt: skip


@pytest.fixture(scope="module")
def outcome(zoo: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Every case in one pytest process: the failed checks of each contract class, and the process."""
    folder = tmp_path_factory.mktemp("zoo")
    for case in CASES:
        case.install(folder, zoo)
    tests = folder / "tests"
    tests.mkdir()
    classes = "\n".join(case.test_class() for case in CASES)
    (tests / "test_zoo.py").write_text(f"{TESTS_TOP}\n{classes}", encoding="utf-8")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 2, 24, 24, 3), dtype=np.uint8)
    scores = np.square((pixels[0] / 255.0) - (pixels[1] / 255.0)).mean(axis=(1, 2, 3))
    np.savez(tests / "right.npz", images=pixels[0], references=pixels[1], scores=scores)
    np.savez(tests / "wrong.npz", images=pixels[0], references=pixels[1], scores=scores * 1.001)
    (folder / "pytest.ini").write_text("[pytest]\nxfail_strict = true\n", encoding="utf-8")
    process = zoo.run(folder, ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml", "tests"])
    failed: dict[str, set[str]] = {case.name: set() for case in CASES}
    for item in ET.parse(folder / "report.xml").iter("testcase"):
        name = item.attrib["classname"].rpartition("Test")[2]
        if item.find("failure") is not None or item.find("error") is not None:
            failed[name].add(item.attrib["name"].removeprefix("test_"))
    return failed, process


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_fault_and_nothing_else_is_found(case: Case, outcome: Outcome) -> None:
    failed, _ = outcome
    assert failed[case.name] == case.fails


def test_waivers_are_named_in_the_summary(outcome: Outcome) -> None:
    _, process = outcome
    assert "iqabench waivers" in process.stdout
    assert "fr.waived batch_invariance: normalised, eq. 7" in process.stdout


def test_a_failure_says_what_to_do(outcome: Outcome) -> None:
    _, process = outcome
    assert "keep dimension 0 out of every reduction" in process.stdout


@pytest.mark.parametrize("contract", [ScorerContract, EnhancerContract, DegraderContract])
@pytest.mark.parametrize("replacement", [None, lambda self, subject: None], ids=["deleted", "overridden"])
def test_a_check_cannot_be_deleted_or_overridden(contract: type, replacement: object) -> None:
    with pytest.raises(TypeError, match="overrides or deletes the check test_order"):
        type("TestMine", (contract,), {"id": "fr.mine", "test_order": replacement})


def test_a_check_cannot_be_overridden_by_a_mixin() -> None:
    mixin = type("Mixin", (), {"test_order": lambda self: None})
    with pytest.raises(TypeError, match="test_order"):
        type("TestMine", (mixin, ScorerContract), {"id": "fr.mine"})


def test_a_waiver_names_a_check_and_a_reason() -> None:
    with pytest.raises(TypeError, match=r"waives 'ordr', no check\. Did you mean order"):
        type("TestMine", (ScorerContract,), {"waivers": {"ordr": "why"}})
    with pytest.raises(TypeError, match="without a reason"):
        type("TestMine", (ScorerContract,), {"waivers": {"order": " "}})


def test_further_tests_may_be_added() -> None:
    mine = type("TestMine", (ScorerContract,), {"id": "fr.mine", "test_of_my_own": lambda self: None})
    assert checks_of(mine)[-1] == "of_my_own"


def test_an_unknown_id_is_explained(zoo: ModuleType, tmp_path: Path) -> None:
    text = 'from iqabench.testing import ScorerContract\nclass TestIt(ScorerContract):\n    id = "fr.nowhere"\n'
    (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
    process = zoo.run(tmp_path, ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py", "-k", "kind"])
    assert process.returncode == 1
    assert "no installed plugin declares 'fr.nowhere'" in process.stdout


def test_the_pytest_plugin_is_light(zoo: ModuleType, tmp_path: Path) -> None:
    code = (
        "import sys, iqabench.testing.plugin; print(sorted({'torch', 'pandas', 'scipy', 'numpy'} & set(sys.modules)))"
    )
    assert zoo.run(tmp_path, ["-c", code]).stdout.strip() == "[]"
