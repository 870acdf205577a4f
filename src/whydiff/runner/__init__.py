"""Where scripts run: the protocol, its client, the child process, environments, executors."""
