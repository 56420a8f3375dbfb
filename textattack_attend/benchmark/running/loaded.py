"""A checkpoint that is loaded, with the data as it counts their classes."""

from __future__ import annotations

from dataclasses import dataclass

from textattack.datasets import Dataset

from ...datasets import RowsDataset, for_model
from ...models.wrappers import AttentionModelWrapper, class_names_of, wrapper_for
from ..recipe import Recipe
from .device import device


@dataclass(frozen=True)
class Loaded:
    """A checkpoint behind its wrapper, and the data that it is attacked on.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.
        wrapper: the wrapper of the checkpoint.
        dataset: the data set, whose labels count the classes as the checkpoint does.
        names: the names by which labels were placed (``placed``), if they were, and those that a
            reader sees (``labels``), if there are any. What a recipe calls the classes is read from
            the recipe, unless it places labels.
    """

    checkpoint: str
    wrapper: AttentionModelWrapper
    dataset: Dataset
    names: dict[str, list[str]]

    @classmethod
    def of(
        cls, checkpoint: str, wrapper: AttentionModelWrapper, dataset: Dataset, recipe: Recipe
    ) -> Loaded:
        """Places the labels of the data by the names of a checkpoint's classes.

        Args:
            checkpoint: the folder of the checkpoint, or its name on the hub.
            wrapper: the wrapper of the checkpoint.
            dataset: the data set with the labels that the data have.
            recipe: the recipe, which may name the classes.

        Raises:
            InvalidInputError: the names of the data do not match those of the checkpoint.
        """
        placed = for_model(dataset, class_names_of(wrapper, recipe.label_names))
        if isinstance(placed, RowsDataset) and placed.is_placed_by_name:
            names = list(placed.label_names or ())
            return cls(checkpoint, wrapper, placed, {"labels": names, "placed": names})
        names = list(class_names_of(wrapper) or dataset.label_names or ())
        return cls(checkpoint, wrapper, placed, {"labels": names} if names else {})


def load(checkpoint: str, recipe: Recipe) -> AttentionModelWrapper:
    """Loads a checkpoint with the settings of a recipe, onto the GPU if there is one."""
    wrapper = wrapper_for(checkpoint, recipe.trust_remote_code, max_tokens=recipe.max_tokens)
    wrapper.model.to(device())
    return wrapper
