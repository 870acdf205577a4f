"""Many replicas of a fit as one XLA program: state stacked along a replica axis (JAX only)."""

from whydiff.replay.fused.engine import Fused

__all__ = ["Fused"]
