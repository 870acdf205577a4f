"""Two trainings held against each other: compared, proven by hybrids, mended."""
