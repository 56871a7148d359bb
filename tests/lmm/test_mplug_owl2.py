"""mPLUG-Owl2 against outputs of the official code, recorded with the same made weights and images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from iqabench.errors import KeysMismatch, WeightsError
from iqabench.lmm.mplug_owl2.config import (
    AbstractorConfig,
    LanguageConfig,
    MplugOwl2Config,
    VisionConfig,
    read_owl_config,
)
from iqabench.lmm.mplug_owl2.model import IMAGE, RATE, Owl, level_scorer, load_owl
from iqabench.lmm.mplug_owl2.network import MplugOwl2
from iqabench.lmm.mplug_owl2.preprocess import prepare, squared
from iqabench.testing import recorded
from iqabench.testing.checkpoints import manifest_of, read_manifest, save
from iqabench.testing.mplug_owl2 import split_into_shards, write_owl
from iqabench.testing.recorded import picture, read_outputs
from iqabench.testing.sentencepieces import write_sentencepiece
from iqabench.types import LoadContext
from iqabench.weights.safe import load_strictly

HERE = Path(__file__).parent
RECORDED = read_outputs(HERE / "mplug_owl2_recorded.npz")
CONFIG = json.loads((HERE / "mplug_owl2_config.json").read_text())
PIECES = json.loads((HERE / "mplug_owl2_pieces.json").read_text(encoding="utf-8"))
SIZES = RECORDED["sizes"].tolist()
QUALITY = RATE.format(task="quality")
MEAN = f"USER: {{}}\n{IMAGE} ASSISTANT:"
QUESTIONS = {
    "coherence": "Evaluate if the image quality is compromised due to violations of coherence.",
    "semantic_content": "Evaluate the input image to determine if its quality is compromised due to a lack of "
    "meaningful semantic content.",
}
SMALL = CONFIG | {
    "vocab_size": 320,
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}
FEW = {piece: 259 + at for at, piece in enumerate(PIECES)}


def opened(folder: Path, **more: Path) -> Owl:
    files = {path.name: path for path in folder.iterdir()} | more
    context = LoadContext(device=torch.device("cpu"), dtype=torch.float32, weights=files, params={"bits": 16})
    with torch.inference_mode():
        return load_owl(context)


@pytest.fixture(scope="module")
def owl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owl]:
    folder = write_owl(tmp_path_factory.mktemp("owl"), CONFIG, PIECES, fill=recorded.fill)
    yield opened(folder)
    (folder / "pytorch_model.bin").unlink()  # 17 MB


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_owl(tmp_path, SMALL, FEW)


@pytest.mark.parametrize("at", range(len(SIZES)))
def test_stages(owl: Owl, at: int) -> None:
    """Pixels, the tower's tokens, the abstractor's, the last hidden state, and logits."""
    with torch.inference_mode():
        pixels = prepare(picture(*SIZES[at]), 56)
        torch.testing.assert_close(pixels[0, :, ::5, ::5], RECORDED["pixels"][at], rtol=0, atol=0)
        tokens = owl.network.model.vision_model(pixels)
        torch.testing.assert_close(tokens[0, ::2, ::2], RECORDED["vision"][at], rtol=1e-5, atol=1e-5)
        image = owl.network.model.visual_abstractor(tokens)
        torch.testing.assert_close(image[0], RECORDED["image"][at], rtol=1e-5, atol=1e-5)
        read = owl.prompt(QUALITY).read(owl.vision(picture(*SIZES[at])))
        torch.testing.assert_close(read.hidden[0], RECORDED["hidden"][at], rtol=1e-4, atol=1e-5)
        logits = owl.network.lm_head(read.hidden)[0]
    torch.testing.assert_close(logits[::97], RECORDED["logits"][at], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("at", range(len(SIZES)))
def test_level_logits(owl: Owl, at: int) -> None:
    with torch.inference_mode():
        logits = level_scorer(owl, QUALITY).logits(picture(*SIZES[at]))
    torch.testing.assert_close(logits[0], RECORDED["level_logits"][at], rtol=0, atol=1e-4)


@pytest.mark.parametrize("question", QUESTIONS)
def test_mean_state(owl: Owl, question: str) -> None:
    """The mean over all tokens of the last hidden states, which MA-AGIQA reads."""
    prompt = owl.prompt(MEAN.format(QUESTIONS[question]))
    with torch.inference_mode():
        for size, expected in zip(RECORDED["mean_sizes"].tolist(), RECORDED[question], strict=True):
            found = prompt.mean_state(owl.vision(picture(*size)))
            torch.testing.assert_close(found[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("prompt", "tokens"),
    [
        (QUALITY, "tokens"),
        *((f"USER: {text}\n{IMAGE} ASSISTANT:", f"{name}_tokens") for name, text in QUESTIONS.items()),
    ],
)
def test_prompts_are_cut_into_the_real_tokens(owl: Owl, prompt: str, tokens: str) -> None:
    before, after = (owl.tokenizer.encode(words) for words in prompt.split(IMAGE))
    assert [1, *before, -200, *after] == RECORDED[tokens].tolist()
    assert owl.levels() == tuple(RECORDED["levels"].tolist())


def test_the_prefix_is_read_once_and_for_all(owl: Owl) -> None:
    """With and without reuse, and as plain code reads it, the answer is the same."""
    tokens = RECORDED["tokens"]
    (at,) = (tokens == -200).nonzero().flatten().tolist()
    images = torch.cat([picture(80, 120, seed) for seed in range(3)])
    with torch.inference_mode():
        sight = owl.vision(images)
        reused, plain = (owl.prompt(QUALITY, reuse=reuse) for reuse in (True, False))
        whole = owl.network(prepare(images, 56), tokens[:at], tokens[at + 1 :])[:, list(owl.levels())]
        for prompt in (reused, plain, reused):
            logits = prompt.level_logits(prompt.read(sight), owl.levels())
            torch.testing.assert_close(logits, whole, rtol=0, atol=1e-5)
        torch.testing.assert_close(reused.mean_state(sight), plain.mean_state(sight), rtol=1e-5, atol=1e-6)


def test_each_modality_has_its_own_weights(small: Path) -> None:
    """Keys, values and norms for the image do not touch what comes before it."""
    owl = opened(small)
    prompts = [owl.prompt(QUALITY)]
    with torch.inference_mode():
        before = prompts[0].read(owl.vision(picture(60, 60, 0))).hidden
        for layer in owl.network.model.layers:
            layer.self_attn.k_proj.multiway[1].weight.mul_(-1)
        prompts.append(owl.prompt(QUALITY))
        after = prompts[1].read(owl.vision(picture(60, 60, 0))).hidden
    for (keys, _), (others, _) in zip(prompts[0]._kept, prompts[1]._kept, strict=True):
        assert torch.equal(keys, others)
    assert (before - after).abs().max() > 1e-3


def test_official_manifest() -> None:
    with torch.device("meta"):
        network = MplugOwl2()
    assert manifest_of(network) == read_manifest(HERE / "mplug_owl2_manifest.json")


def test_config(tmp_path: Path) -> None:
    """What the official file says holds; what it does not say is as in the 7B model."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "mplug_owl2", "rms_norm_eps": 1e-6, "use_cache": True}))
    assert read_owl_config(path) == MplugOwl2Config(language=LanguageConfig(rms_norm_eps=1e-6))
    config = read_owl_config(HERE / "mplug_owl2_config.json")
    assert config.vision == VisionConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=56,
    )
    assert config.abstractor == AbstractorConfig(
        hidden_size=64,
        encoder_hidden_size=64,
        num_learnable_queries=8,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        grid_size=4,
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"model_type": "llama"}, "'llama'"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling"),
        ({"hidden_size": "wide"}, "hidden_size is 'wide', not a whole number"),
        ({"num_attention_heads": 7}, "multiples"),
        ({"visual_config": [1]}, "visual_config"),
        ({"visual_config": {"visual_abstractor": {"grid_size": 31}}}, "patches"),
    ],
)
def test_other_configs_are_refused(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG | changed))
    with pytest.raises(WeightsError, match=told):
        read_owl_config(path)


@pytest.mark.parametrize("names", [["pytorch_model-1-of-2.bin", "pytorch_model-2-of-2.bin"], ["model.safetensors"]])
def test_shards(small: Path, names: list[str]) -> None:
    """In shards of either kind, and with the rotary frequencies that older files hold."""
    image = picture(60, 84, 1)
    with torch.inference_mode():
        whole = float(level_scorer(opened(small), QUALITY)(image))
        state = torch.load(small / "pytorch_model.bin", weights_only=True)
        state["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
        save(state, small / "pytorch_model.bin")
        split_into_shards(small, names)
        assert float(level_scorer(opened(small), QUALITY)(image)) == whole


def test_adapters(small: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As Q-Align and DeQA-Score train them: LoRA of queries and of the image's values, the abstractor as a whole."""
    draws = torch.Generator().manual_seed(0)
    state = torch.load(small / "pytorch_model.bin", weights_only=True)
    folder = tmp_path_factory.mktemp("adapter")
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj.multiway.1"]}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    adapter, merged = {}, dict(state)
    for layer in range(SMALL["num_hidden_layers"]):
        for part in ("q_proj", "v_proj.multiway.1"):
            name = f"model.layers.{layer}.self_attn.{part}"
            down, up = torch.randn(4, 32, generator=draws), torch.randn(32, 4, generator=draws)
            adapter |= {f"base_model.model.{name}.lora_A.weight": down, f"base_model.model.{name}.lora_B.weight": up}
            merged[f"{name}.weight"] = merged[f"{name}.weight"] + 2 * up @ down
    save(adapter, folder / "adapter_model.bin")
    rest = "model.visual_abstractor.visual_fc.weight"
    merged[rest] = torch.randn(merged[rest].shape, generator=draws)
    save({f"base_model.model.{rest}": merged[rest]}, folder / "non_lora_trainables.bin")
    found = opened(small, **{path.name: path for path in folder.iterdir()}).network.state_dict()
    assert found.keys() == merged.keys()
    for key, value in merged.items():
        torch.testing.assert_close(found[key], value)
    adapter["base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight"] = down
    save(adapter, folder / "adapter_model.bin")
    with pytest.raises(KeysMismatch, match=r"layers\.9"):
        opened(small, **{path.name: path for path in folder.iterdir()})


def test_tokenizers_of_other_models_are_refused(small: Path) -> None:
    write_sentencepiece(small / "tokenizer.model", {piece: 400 + at for at, piece in enumerate(PIECES)}, 500)
    with pytest.raises(WeightsError, match="knows those under 320 only"):
        opened(small).prompt(QUALITY)
    write_sentencepiece(small / "tokenizer.model", {**FEW, "▁excellent": 319, "▁excell": 259}, 319)
    with pytest.raises(WeightsError, match="'excellent' is"):
        opened(small).levels()


def test_images_are_padded_to_the_middle() -> None:
    wide = squared(torch.ones(2, 3, 2, 5))
    assert wide.shape == (2, 3, 5, 5)
    assert (wide[:, :, 1:3] == 1).all()
    assert torch.equal((wide[0, :, 0, 0] * 255).round(), torch.tensor([122.0, 116.0, 104.0]))
    tall = squared(torch.ones(1, 3, 4, 1))
    assert (tall[..., 1] == 1).all()
    assert (tall[..., 2] < 1).all()


@pytest.mark.slow
def test_full_width() -> None:
    """The whole image tower and abstractor, then two layers of the language model at full width, of whose words
    those in the prompt are kept: what is recorded of the official code with that configuration."""
    with torch.device("meta"):
        seeing = MplugOwl2(MplugOwl2Config(language=LanguageConfig(num_hidden_layers=0, vocab_size=1)))
    _fill(seeing)
    with torch.inference_mode():
        tokens = seeing.model.vision_model(prepare(picture(448, 448, 0), 448))
        image = seeing.model.visual_abstractor(tokens)
    torch.testing.assert_close(tokens[0, ::64, :64], RECORDED["wide_vision"], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(image[0, ::4, :64], RECORDED["wide_image"], rtol=1e-4, atol=1e-4)
    del seeing, tokens
    prompt = RECORDED["tokens"]
    words = [*prompt[prompt >= 0].tolist(), *RECORDED["levels"].tolist()]
    language = LanguageConfig(num_hidden_layers=2, vocab_size=len(words))
    tiny = VisionConfig(hidden_size=16, num_hidden_layers=0, num_attention_heads=1, image_size=14)
    few = AbstractorConfig(
        hidden_size=16, encoder_hidden_size=16, num_hidden_layers=0, num_attention_heads=1, grid_size=1
    )
    with torch.device("meta"):
        reading = MplugOwl2(MplugOwl2Config(vision=tiny, abstractor=few, language=language))
    _fill(reading, words)
    at = int((prompt < 0).nonzero())
    order = torch.arange(len(words))
    with torch.inference_mode():
        reading.see = lambda pixels: image  # type: ignore[method-assign]  # seen before
        logits = reading(torch.zeros(1), order[:at], order[at : len(words) - 5])[0, -5:]
    torch.testing.assert_close(logits, RECORDED["wide_level_logits"], rtol=0, atol=1e-3)


VOCABULARIES = ("model.embed_tokens.weight", "lm_head.weight")


def _fill(network: MplugOwl2, words: list[int] | None = None) -> None:
    """The largest first; of the vocabulary's matrices, the rows of ``words``."""
    state = {}
    for key, value in sorted(network.state_dict().items(), key=lambda item: item[0] not in VOCABULARIES):
        shape = list(value.shape)
        if words is not None and key in VOCABULARIES:
            state[key] = torch.from_numpy(recorded.fill(key, [32000, shape[1]])[words])
        else:
            state[key] = torch.from_numpy(recorded.fill(key, shape))
    load_strictly(network, state, "made", assign=True)
    network.eval().requires_grad_(False)
