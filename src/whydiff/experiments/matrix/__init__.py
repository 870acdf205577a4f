"""One script under many sets of packages: which end alike."""
