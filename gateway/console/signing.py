"""What the commands under `poterne dkim` use: keys, their records, and signatures of mails."""

from gateway.outbound.dkim import (
    KeyRefused,
    SigningKey,
    check_key_file,
    check_record,
    generate,
    load_key,
    verify,
    write_key_file,
)

__all__ = [
    "KeyRefused",
    "SigningKey",
    "check_key_file",
    "check_record",
    "generate",
    "load_key",
    "verify",
    "write_key_file",
]
