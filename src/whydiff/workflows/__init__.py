"""The only place where rooms meet: a file per verb, a folder for what several of them need."""
