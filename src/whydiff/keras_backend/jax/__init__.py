"""What is particular to the JAX backend."""
