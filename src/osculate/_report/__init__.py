"""The curvature report: analysis, data, drawing, page and terminal, apart from each other."""

from .data import Number, ReportData, TrainingRun
from .report import Report, report

__all__ = ["Number", "Report", "ReportData", "TrainingRun", "report"]
