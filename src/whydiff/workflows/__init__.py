"""The only place where rooms meet: record, diff, explain."""
