"""Pairs of replicas of two ways of training, until it is settled which is better."""
