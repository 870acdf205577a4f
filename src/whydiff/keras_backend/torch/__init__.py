"""What is particular to the torch backend."""
