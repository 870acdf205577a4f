"""What is particular to the TensorFlow backend."""
