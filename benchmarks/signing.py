"""What a signature costs: dkimpy alone, ours, and ours in two threads. `python -m benchmarks.signing [SECONDS]`.

Milliseconds per mail for three sizes, with oversigning, relaxed/relaxed; and how much two threads gain over one.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import dkim as dkimpy
from cryptography.hazmat.primitives import serialization

from gateway.outbound import dkim
from tests.support.drafts import make_message, signing_keys

SIZES = {"2 kB": 10, "50 kB": 720, "1 MB": 15_000}
LINE = "All work and no play makes the postman a dull boy, said the gate.\n"


def milliseconds(job: Callable[[], object], seconds: float) -> float:
    """Return the mean time of a call, measured over about so many seconds."""
    job()
    count, started = 0, time.perf_counter()
    while (took := time.perf_counter() - started) < seconds or count < 2:
        job()
        count += 1
    return took * 1000 / count


def in_two_threads(job: Callable[[], object], seconds: float) -> float:
    """Return the mean time per call while two threads work."""
    counts = [0, 0]
    started = time.perf_counter()

    def work(index: int) -> None:
        while time.perf_counter() - started < seconds:
            job()
            counts[index] += 1

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    return (time.perf_counter() - started) * 1000 / sum(counts)


def main() -> None:
    """Print the table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    rsa, ed25519 = signing_keys()
    pem = rsa.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    print("milliseconds per mail: dkimpy rsa | ours rsa, ed25519, both | ours rsa in two threads (gain)")
    for name, lines in SIZES.items():
        message = make_message(text=LINE * lines, html=None)
        present = Counter(field.lower() for field, _ in dkimpy.DKIM(message).headers)
        include = [field for field in dkim.OVERSIGNED for _ in range(present[field] + 1)]

        def theirs(message: bytes = message, include: list[bytes] = include) -> object:
            return dkimpy.sign(
                message, b"r1", b"example.org", pem, canonicalize=(b"relaxed", b"relaxed"), include_headers=include
            )

        def ours(*keys: dkim.SigningKey, message: bytes = message) -> object:
            return dkim.sign(message, keys, 1)

        one = milliseconds(lambda sign=ours: sign(rsa), seconds)  # type: ignore[misc] # bound per size
        two = in_two_threads(lambda sign=ours: sign(rsa), seconds)  # type: ignore[misc] # bound per size
        print(
            f"{name:>6}: {milliseconds(theirs, seconds):.2f} | {one:.2f}, "
            f"{milliseconds(lambda sign=ours: sign(ed25519), seconds):.2f}, "  # type: ignore[misc] # bound per size
            f"{milliseconds(lambda sign=ours: sign(rsa, ed25519), seconds):.2f} | "  # type: ignore[misc] # bound per size
            f"{two:.2f} ({one / two:.2f}x)"
        )


if __name__ == "__main__":
    main()
