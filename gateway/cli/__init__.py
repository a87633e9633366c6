"""The command line: `poterne`. A module per group of commands, each loaded only when its command is called."""

from gateway.cli.frame import main

__all__ = ["main"]
