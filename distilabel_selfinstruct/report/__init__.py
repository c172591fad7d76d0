"""The dataset explained: statistics, figures, tables and a page of a run; a forecast of one that has begun."""

from distilabel_selfinstruct.report.forecast import Forecast, forecast, forecast_text
from distilabel_selfinstruct.report.rounds import Round, rounds_of
from distilabel_selfinstruct.report.statistics import Statistics, compute_statistics, read_statistics
from distilabel_selfinstruct.report.writing import report_for_rows, write_report

__all__ = [
    "Forecast",
    "Round",
    "Statistics",
    "compute_statistics",
    "forecast",
    "forecast_text",
    "read_statistics",
    "report_for_rows",
    "rounds_of",
    "write_report",
]
