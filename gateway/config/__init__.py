"""The configuration: YAML in, one frozen `Settings` out, or errors that name file, line, column, key and cure."""

from gateway.config.settings import Settings

__all__ = ["Settings"]
