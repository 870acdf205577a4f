"""Which two calls measured the same thing and disagree; a kind of pair is a file."""
