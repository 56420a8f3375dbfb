"""The metrics of the benchmark: each is one record, which a file of this package registers.

The summary, the tables, the choices of the command line, the explanations of the report's headings
and docs/metrics.md come from the records. They stand there in the order of the files' names, and
within a file as it registers them.
"""

from .registry import COUNTED, METRICS, Metric, are, column, number_of, register_metric

__all__ = ["COUNTED", "METRICS", "Metric", "are", "column", "number_of", "register_metric"]
