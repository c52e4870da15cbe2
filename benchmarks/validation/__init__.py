"""Known answers: facts that are public, against what this engine finds; `trialtwin validate` prints both."""

from benchmarks.validation.check import Check, Verdict, judged
from benchmarks.validation.shown import answer
from benchmarks.validation.studies import STUDIES, Known, validate

__all__ = ["STUDIES", "Check", "Known", "Verdict", "answer", "judged", "validate"]
