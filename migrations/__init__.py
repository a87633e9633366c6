"""Schema migrations, one head. The daemon runs them by itself on SQLite, `poterne migrate` anywhere."""
