"""The paper's tables on StreetWorld: many runs from one command, which may be killed at any moment."""

from .results import Results, ResultsError
from .run_suite import run_suite
from .suites import SUITES

__all__ = ['SUITES', 'Results', 'ResultsError', 'run_suite']
