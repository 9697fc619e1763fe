"""What a sweep found: statistics, pictures, and one page that works offline."""

from imc_grapes.report.build import ReportFiles, build_report

__all__ = ["ReportFiles", "build_report"]
