"""The main jobs in one call each: triage, process, report."""

from forensics.pipeline.jobs import Triage, Work, process, report, triage
from forensics.pipeline.verdicts import own_verdict

__all__ = ["Triage", "Work", "own_verdict", "process", "report", "triage"]
