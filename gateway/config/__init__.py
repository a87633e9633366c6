"""The configuration: YAML in, one frozen `Settings` out, or errors that name file, line, column, key and cure."""

from gateway.config.load import Examination, default_settings_path, examine, load, load_without_secrets
from gateway.config.secrets import Hidden, SecretUnavailable, read_key, read_secret, read_webhook_key
from gateway.config.settings import Settings

__all__ = [
    "Examination",
    "Hidden",
    "SecretUnavailable",
    "Settings",
    "default_settings_path",
    "examine",
    "load",
    "load_without_secrets",
    "read_key",
    "read_secret",
    "read_webhook_key",
]
