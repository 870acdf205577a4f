"""A script in a process of its own: watched, then asked to train again."""
