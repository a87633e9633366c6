"""The second opinion on signatures: Debian's OpenDKIM, with public keys from a file instead of DNS."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path


def opendkim_results(message: bytes, records: Mapping[str, str], directory: Path) -> tuple[str, ...]:
    """Return `algorithm result` per signature, as OpenDKIM's Authentication-Results state them."""
    (directory / "keys").write_text("".join(f"{name} {record}\n" for name, record in records.items()))
    (directory / "opendkim.conf").write_text(f"TestPublicKeys {directory}/keys\nMode v\nOn-KeyNotFound accept\n")
    (directory / "message").write_bytes(message)
    run = subprocess.run(
        ["/usr/sbin/opendkim", "-x", directory / "opendkim.conf", "-t", directory / "message", "-vvv"],
        capture_output=True,
        timeout=20,
        check=False,
    )
    text = run.stdout.decode()
    # "not signed": OpenDKIM does not consider the message at all
    assert "Authentication-Results" in text or "message not signed" in text, (run.stdout, run.stderr)
    found = re.findall(r"dkim=(\w+)[^;]*?header\.a=([\w-]+)", text, re.DOTALL)
    return tuple(f"{algorithm} {result}" for result, algorithm in found)
