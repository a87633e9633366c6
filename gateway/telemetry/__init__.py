"""What operators see: log events, metrics, the service manager's notices, and the fail-points of the fault tests."""
