"""What differs between two calls and what that proves: sources, first divergence, shares; pure."""
