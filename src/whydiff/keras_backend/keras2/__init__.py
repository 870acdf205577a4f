"""What is particular to Keras 2: `tf_keras`, and `keras` up to 2.15."""
