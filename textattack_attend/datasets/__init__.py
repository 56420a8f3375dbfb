"""Data sets for TextAttack: the paper's as published, any table, and the demo's reviews."""

from ..data.data_name import is_data_file
from .demo_reviews import DemoReviews
from .named import dataset_named, for_model, from_name
from .published import dream, hellaswag, reclor, sst2
from .rows import RowsDataset
from .table import table

__all__ = [
    "DemoReviews",
    "RowsDataset",
    "dataset_named",
    "dream",
    "for_model",
    "from_name",
    "hellaswag",
    "is_data_file",
    "reclor",
    "sst2",
    "table",
]
