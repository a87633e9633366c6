"""What operators see: log events, metrics, notices, fail-points; and what the daemon's own processes do first."""
