"""The dataset explained: statistics, figures, tables and a page of a run; a forecast of one that has begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distilabel_selfinstruct.lazy import lazy_names

if TYPE_CHECKING:
    from distilabel_selfinstruct.presets import PILOT_ROUNDS
    from distilabel_selfinstruct.report.forecasting import Forecast, forecast, forecast_text
    from distilabel_selfinstruct.report.rounds import Round, rounds_of
    from distilabel_selfinstruct.report.statistics import Statistics, compute_statistics, read_statistics
    from distilabel_selfinstruct.report.writing import report_for_rows, write_report
    from distilabel_selfinstruct.usage import Prices

__all__ = [
    "PILOT_ROUNDS",
    "Forecast",
    "Prices",
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

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "presets": ["PILOT_ROUNDS"],
        "report.forecasting": ["Forecast", "forecast", "forecast_text"],
        "report.rounds": ["Round", "rounds_of"],
        "report.statistics": ["Statistics", "compute_statistics", "read_statistics"],
        "report.writing": ["report_for_rows", "write_report"],
        "usage": ["Prices"],
    },
)
