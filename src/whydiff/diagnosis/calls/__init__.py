"""Two uses of a model that ought to agree: which two, what differs, what it is worth. Pure."""
