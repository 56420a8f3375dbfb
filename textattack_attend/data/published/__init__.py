"""The data sets of the paper, as published or on the hub: SST-2, DREAM, HellaSwag, ReClor.

Every reader takes a file in the data set's own format, or the name of a data set on the hub
(``org/name``, or ``org/name@revision``) and a split of it. It returns examples: the parts of a text
and its label. A sentence has one part; a question has the parts context, question, and one for each
choice, and its label is the position of the answer.
"""

from .dream import dream
from .hellaswag import hellaswag
from .reclor import reclor
from .registry import PUBLISHED, Example, PublishedSet, Source, hub_dataset, is_file
from .sst2 import sst2

__all__ = [
    "PUBLISHED",
    "Example",
    "PublishedSet",
    "Source",
    "dream",
    "hellaswag",
    "hub_dataset",
    "is_file",
    "reclor",
    "sst2",
]
