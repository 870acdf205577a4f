"""Watches training: hooks around Keras's ``fit`` and what they see, without changing a bit."""
