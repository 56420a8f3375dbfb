"""Attack a classifier of images, whose patches are its tokens.

A tiny ViT learns in seconds to tell which corner of a noisy image is bright; nothing is downloaded.

    python examples/vision.py
"""

from tempfile import TemporaryDirectory

import torch
from transformers import ViTConfig, ViTForImageClassification

from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.models.wrappers import ImageModelWrapper

CORNERS = ("top left", "top right", "bottom left", "bottom right")


def images(count, seed):
    """Draws noise with a bright corner, (count, 3, 16, 16), and the number of each corner."""
    numbers = torch.Generator().manual_seed(seed)
    pixels = torch.randn(count, 3, 16, 16, generator=numbers)
    labels = torch.randint(4, (count,), generator=numbers)
    for image, corner in zip(pixels, labels, strict=True):
        top, left = 8 * (corner // 2), 8 * (corner % 2)
        image[:, top : top + 8, left : left + 8] += 0.7
    return pixels, labels


torch.manual_seed(0)
config = ViTConfig(
    hidden_size=32,
    num_hidden_layers=3,
    num_attention_heads=4,
    intermediate_size=64,
    image_size=16,
    patch_size=4,
    id2label=dict(enumerate(CORNERS)),
    label2id={name: number for number, name in enumerate(CORNERS)},
)
model = ViTForImageClassification(config)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
for step in range(120):
    pixels, labels = images(64, seed=step + 1)
    model(pixel_values=pixels, labels=labels).loss.backward()
    optimizer.step()
    optimizer.zero_grad()

pixels, labels = images(50, seed=0)
# An image processor of transformers would stand in place of None; these are pixel values already.
wrapper = ImageModelWrapper(model, None, {str(at): image for at, image in enumerate(pixels)})
examples = list(zip(wrapper.texts.values(), labels.tolist(), strict=True))
for recipe in (HackAttendLiong2024, HackAttendPlus):
    results = list(recipe.build(wrapper, mask_fraction=0.1).attack_many(examples))
    kinds = [type(result).__name__ for result in results]
    correct, withstood = (
        len(kinds) - kinds.count("SkippedAttackResult"),
        kinds.count("FailedAttackResult"),
    )
    print(f"{recipe.__name__}: {correct} of {len(kinds)} right, {withstood} under attack")

success = next(result for result in results if "Successful" in type(result).__name__)
print(success.pairs()[["layer", "head", "query", "key", "effect"]].head())
with TemporaryDirectory() as folder:
    path = f"{folder}/image.safetensors"
    wrapper.victim.save_structure(path, success.text, success.structure)
    print("replayed:", "flips" if wrapper.replay(path).flips else "does not flip")
