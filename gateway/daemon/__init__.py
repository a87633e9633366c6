"""What keeps the parts running: the supervisor, the worker that judges intakes, sockets, and the service manager."""
