"""Data sets for TextAttack: the paper's as published, any table, and the demo's reviews."""

from .demo_reviews import DemoReviews
from .named import dataset_named, from_name, is_data_file
from .published import dream, hellaswag, reclor, sst2
from .rows import RowsDataset
from .table import table

__all__ = [
    "DemoReviews",
    "RowsDataset",
    "dataset_named",
    "dream",
    "from_name",
    "hellaswag",
    "is_data_file",
    "reclor",
    "sst2",
    "table",
]
