"""Datasets: the example reviews of the demo, and multiple choice as published."""

from .demo_reviews import DemoReviews
from .multiple_choice import MultipleChoiceDataset, dream, hellaswag, reclor

__all__ = ["DemoReviews", "MultipleChoiceDataset", "dream", "hellaswag", "reclor"]
