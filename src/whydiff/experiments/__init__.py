"""Plans and loops over the runner: explain, study, compare, lock."""
