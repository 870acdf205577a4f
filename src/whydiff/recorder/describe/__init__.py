"""From live Keras objects to the plain facts of a recipe's structural fields.

Keys are those that :mod:`whydiff.core.recipe` lists. Facts describe what is, not what was
typed: ``optimizer="adam"`` and ``Adam()`` give the same facts.
"""

from whydiff.recorder.describe.recipe import Training, describe
from whydiff.recorder.describe.training import applied_only, optimizer_facts

__all__ = ["Training", "applied_only", "describe", "optimizer_facts"]
