"""PromQL as slowly and as plainly as it can be said: one series, one step, one sample at a time.

The engine must agree with it. It shares no arithmetic with the engine, only the syntax tree.
"""

from .evaluator import Reference
from .series import Data, RefusedError, Samples, Vector

__all__ = ["Data", "Reference", "RefusedError", "Samples", "Vector"]
