"""Trains recipes again: the script's own live models with fields of one fit or the other."""
