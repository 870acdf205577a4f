"""Many replicas of one training, and what they say about its results."""
