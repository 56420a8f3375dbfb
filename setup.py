"""Copies the entry point of torch into the environment when the clone is installed as editable.

An editable install only points at the clone. Were that deleted, torch could not load the entry
point, and so not be imported. Everything else about the package is in ``setup.cfg``.
"""

import os
import sys

from setuptools import Distribution, setup

WHEEL = os.path.join(os.pardir, os.pardir)
"""The top of the wheel, whose files are installed beside other modules, from its data folder."""


class DistributionWithData(Distribution):
    """Answers the question that setuptools asks before it puts data files into an editable wheel.

    Its own class has the answer under another name only, ``has_data_files``.
    """

    has_data = Distribution.has_data_files


copied = [(WHEEL, ["_textattack_attend_plugin.py"])] if "editable_wheel" in sys.argv else []
setup(distclass=DistributionWithData, data_files=copied)
