"""Code that runs in the script's own process: nothing here is imported by the parent."""
