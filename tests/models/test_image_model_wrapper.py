"""Classifiers of images: their patches are tokens, masked as a plain softmax masks them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import (
    BeitConfig,
    BeitForImageClassification,
    BeitModel,
    DeiTConfig,
    DeiTForImageClassification,
    DeiTForImageClassificationWithTeacher,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
)

from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.errors import (
    InvalidInputError,
    StructureMismatchError,
    UnsupportedModelError,
)
from textattack_attend.models.wrappers import AttentionModelWrapper, ImageModelWrapper
from textattack_attend.structures import Budget, Shape, Structure
from textattack_attend.versions import installed
from textattack_attend.victims.image_victim import ImageVictim

from ..conftest import hooks_of
from ..helpers.tiny_families import tiny_tokenizer

LAYERS, HEADS, CLASSES, SIZE = 3, 4, 3, 16
PATCHES = 16
"""The number of patches of an image, four by four."""
_SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": 32,
    "image_size": SIZE,
    "patch_size": 4,
    "num_labels": CLASSES,
    "initializer_range": 0.5,
}
MODELS: dict[str, tuple[Any, Any, int]] = {
    "vit": (ViTForImageClassification, ViTConfig, 1),
    "deit": (DeiTForImageClassification, DeiTConfig, 2),
    "deit with its teacher": (DeiTForImageClassificationWithTeacher, DeiTConfig, 2),
    "beit": (BeitForImageClassification, BeitConfig, 1),
}
"""The class, its configuration, and the number of tokens before the patches."""


def tiny_images(count: int = 6) -> dict[str, Tensor]:
    numbers = torch.Generator().manual_seed(5)
    return {
        f"image {number}": torch.randn(3, SIZE, SIZE, generator=numbers) for number in range(count)
    }


def tiny_classifier(kind: str, backend: str = "eager") -> Any:
    model, config, _ = MODELS[kind]
    own = {"use_relative_position_bias": True} if kind == "beit" else {}
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made = model(config(**_SIZES, **own, attn_implementation=backend)).eval()
        with torch.no_grad():
            for name, weight in made.named_parameters():
                if "relative_position_bias" in name or name.endswith("bias"):
                    weight.normal_(0, 0.5)  # those of BEiT begin at zero
    return made


@cache
def cached_wrapper(kind: str, backend: str = "eager") -> ImageModelWrapper:
    """Shared: leave it as you found it."""
    return ImageModelWrapper(tiny_classifier(kind, backend), None, tiny_images())


def tiny_structure(shape: Shape, seed: int, share: float = 0.3) -> Structure:
    generator = np.random.default_rng(seed)
    size = (shape.layers, shape.heads, shape.tokens, shape.tokens)
    return Structure.from_units(shape, np.argwhere(generator.random(size) < share))


@contextmanager
def plain_masking(masked: Tensor) -> Iterator[None]:
    """PyTorch's softmax with the probabilities of masked units (L, H, T, T) zero, rescaled."""
    own: Any = torch.nn.functional.softmax
    turn = iter(masked)

    def softmax(scores: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        closed = next(turn)[None]
        kept = own(scores, *args, **kwargs).masked_fill(closed, 0)
        uniform = torch.full_like(kept, 1 / kept.shape[-1])
        nothing = closed.all(-1, keepdim=True).expand_as(kept)
        return torch.where(nothing, uniform, kept / kept.sum(-1, keepdim=True))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "softmax", softmax)
        yield
    assert not list(turn), "not every layer took a softmax"


@pytest.mark.parametrize("backend", ["eager", "sdpa"])
@pytest.mark.parametrize("kind", MODELS)
def test_images_are_masked_as_a_plain_softmax_masks(kind: str, backend: str) -> None:
    wrapper = cached_wrapper(kind, backend)
    names, texts = list(wrapper.texts), list(wrapper.texts.values())
    pixels = torch.stack(list(tiny_images().values()))
    plain = tiny_classifier(kind).double()
    with torch.no_grad():
        own = wrapper.model(pixel_values=pixels).logits
        clean = plain(pixel_values=pixels.double()).logits
    assert torch.equal(wrapper(texts), own)  # every pixel arrives where it was
    shape = wrapper.victim.empty_structure(texts[0]).shape
    assert (shape.layers, shape.heads, shape.tokens) == (LAYERS, HEADS, PATCHES + MODELS[kind][2])
    structures = [tiny_structure(shape, seed) for seed in range(len(names))]
    found = wrapper.victim.logits(texts, structures)
    for position, structure in enumerate(structures):
        with torch.no_grad(), plain_masking(torch.from_numpy(np.stack(list(structure.dense())))):
            expected = plain(pixel_values=pixels[position : position + 1].double()).logits[0]
        assert (expected - clean[position]).abs().max() > 1e-2
        assert torch.allclose(found[position].double(), expected, atol=1e-4)


@pytest.mark.parametrize("kind", MODELS)
def test_whatever_is_reused_gives_the_same(kind: str) -> None:
    victim = cached_wrapper(kind, "sdpa").victim
    texts = list(victim.inputs.texts.values())[:2]
    passes = victim.read(texts, [None, None])
    shape = victim.empty_structure(texts[0]).shape
    structures = [Structure(shape), *(tiny_structure(shape, seed, 0.01) for seed in range(4))]
    structures += [Structure.whole(shape, [(layer, 1)]) for layer in range(LAYERS)]
    asked = [(clean, structure) for clean in passes for structure in structures]
    expected = [victim.logits_alone(text, structure) for text in texts for structure in structures]
    assert torch.allclose(victim.logits_from(asked), torch.stack(expected), atol=1e-4)
    assert not hooks_of(victim.model)


@pytest.mark.parametrize("recipe", [HackAttendLiong2024, HackAttendPlus])
@pytest.mark.parametrize("kind", MODELS)
def test_attacks_keep_to_their_budget_and_spare_the_class_token(kind: str, recipe: Any) -> None:
    wrapper = cached_wrapper(kind)
    attack = recipe.build(wrapper, mask_fraction=0.5)
    examples = [(text, int(wrapper([text]).argmax())) for text in wrapper.texts.values()]
    results = list(attack.attack_many(examples))
    statuses = [type(result).__name__ for result in results]
    # The weights of other versions are other ones, and withstand the weaker attack.
    assert "SuccessfulAttackResult" in statuses or recipe is HackAttendLiong2024
    for result, (text, label) in zip(results, examples, strict=True):
        assert Budget(0.5).allows(result.structure)
        assert not (result.structure.units[:, 2:] == 0).any()  # that of the class
        if type(result).__name__ == "SuccessfulAttackResult":
            answer = wrapper.victim.logits_alone(text, result.structure)
            assert int(answer.argmax()) != label


def test_the_structure_of_an_image_is_shown_saved_and_replayed(tmp_path: Path) -> None:
    wrapper = cached_wrapper("vit")
    text = wrapper.texts["image 1"]
    attack = HackAttendPlus.build(wrapper, mask_fraction=0.2)
    result = attack.attack(text, int(wrapper([text]).argmax()))
    assert result.tokens[:3] == ["[CLS]", "(0, 0)", "(0, 1)"]
    assert len(result.tokens) == PATCHES + 1
    pairs = result.pairs()
    assert len(pairs) == len(result.structure) > 0
    assert set(pairs["query"]) <= set(result.tokens)
    path = tmp_path / "found.safetensors"
    wrapper.victim.save_structure(path, text, result.structure)
    again = ImageModelWrapper(tiny_classifier("vit"), None, tiny_images())
    replayed = again.replay(path)
    assert replayed.flips
    assert torch.equal(replayed.logits, wrapper.victim.logits_alone(text, result.structure))
    other = ImageModelWrapper(tiny_classifier("deit"), None, tiny_images())
    with pytest.raises(StructureMismatchError, match="another model"):
        other.replay(path)


def test_a_text_stands_for_the_pixels_of_an_image() -> None:
    """Another image of the same name is another text, so no result is taken for its own."""
    first = cached_wrapper("vit")
    images = tiny_images()
    images["image 1"] = images["image 1"] + 1e-3
    second = ImageModelWrapper(first.model, None, images)
    assert second.identity() == first.identity()
    assert second.texts["image 1"] != first.texts["image 1"]
    assert second.texts["image 2"] == first.texts["image 2"]
    with pytest.raises(InvalidInputError, match="expected that of one of the 6 images of the wr"):
        second([first.texts["image 1"]])


def test_an_image_processor_makes_the_pixels_and_is_part_of_the_victim() -> None:
    model = tiny_classifier("vit")
    processor = ViTImageProcessor(size={"height": SIZE, "width": SIZE})
    array = np.random.default_rng(0).integers(0, 255, (20, 24, 3), dtype=np.uint8)
    wrapper = ImageModelWrapper(model, processor, {"noise": array})
    pixels = processor(images=array, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        assert torch.equal(wrapper(list(wrapper.texts.values())), model(pixel_values=pixels).logits)
    other = ViTImageProcessor(size={"height": SIZE, "width": SIZE}, do_normalize=False)
    differing = wrapper.identity().differing(
        ImageModelWrapper(model, other, {"noise": array}).identity()
    )
    assert differing == ["tokenizer"]


def test_another_precision_keeps_the_images() -> None:
    wrapper = cached_wrapper("vit")
    half = AttentionModelWrapper.of(wrapper, "bfloat16")
    assert half.victim.precision == "bfloat16"
    assert list(half.victim.inputs.texts) == list(wrapper.texts)  # type: ignore[attr-defined]


@pytest.mark.skipif(not installed().startswith("4."), reason="BEiT of transformers 5 keeps nothing")
def test_a_model_that_keeps_something_without_gradients_is_refused() -> None:
    """BEiT keeps the index of its position bias, and ran under ``inference_mode`` before."""
    model = tiny_classifier("beit")
    with torch.inference_mode():
        model(pixel_values=torch.zeros(1, 3, SIZE, SIZE))
    with pytest.raises(UnsupportedModelError, match=r"ran under torch.inference_mode\(\) before"):
        ImageVictim(model, None, {})


def test_what_is_no_image_and_no_classifier_of_images_is_refused() -> None:
    model = tiny_classifier("vit")
    for image, line in (
        (torch.zeros(3, 8, 8), r"expected \(3, 16, 16\) pixel values .*, got \(3, 8, 8\)"),
        ("a film", r"expected one that the image processor reads, got the text 'a film'"),
    ):
        with pytest.raises(InvalidInputError, match=line):
            ImageModelWrapper(model, None, {"one": image})
    with pytest.raises(InvalidInputError, match="image 1"):
        cached_wrapper("vit")(["image 1"])
    base: Any = BeitModel(BeitConfig(**_SIZES))
    with pytest.raises(UnsupportedModelError, match="ForImageClassification model of vit"):
        ImageVictim(base, None, {})
    one = ViTForImageClassification(ViTConfig(**{**_SIZES, "num_labels": 1}))
    with pytest.raises(UnsupportedModelError, match="one of at least 2 classes"):
        ImageVictim(one, None, {})
    with pytest.raises(UnsupportedModelError, match="behind an ImageModelWrapper"):
        AttentionModelWrapper(model, tiny_tokenizer("camembert"))
