"""Datasets: the example reviews of the demo."""

from .demo_reviews import DemoReviews

__all__ = ["DemoReviews"]
