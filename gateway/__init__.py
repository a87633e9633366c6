"""Poterne: a mail gateway that never loses a mail, never loops, never takes a customer for a robot."""

__version__ = "0.1.0"
