"""Two daemons on one PostgreSQL take mail for one queue at once: a ticket for each mail, limits counted together."""

from __future__ import annotations

import asyncio
import random

from tests.faults.load import Mail, make_mail, reply, send
from tests.faults.oracle import query
from tests.support.daemon import Daemon
from tests.support.postgres import postgres_server
from tests.support.recorder import Recorder

MAILS = 60
ONE_AUTHOR = 8  # fewer than make a storm


async def send_all(port: int, mails: list[Mail]) -> list[str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reply(reader)
    writer.write(b"LHLO node.test\r\n")
    await reply(reader)
    answers = [await send(reader, writer, mail) for mail in mails]
    writer.close()
    return answers


def from_one_author(number: int) -> Mail:
    """Return a mail that differs from the others in everything but its author."""
    mail = make_mail(number, "support")
    return Mail(number, "support", mail.content.replace(b"@n%d.test>\r\nTo" % number, b"@single.test>\r\nTo"))


async def test_one_ticket_per_mail_and_one_count_of_acknowledgements(tmp_path):
    mails = [make_mail(number, "support") for number in range(MAILS)]
    mails += [from_one_author(number) for number in range(1000, 1000 + ONE_AUTHOR)]
    orders = [random.Random(seed).sample(mails, len(mails)) for seed in range(4)]
    with postgres_server() as server, Recorder() as relay:
        database = server.new_database()
        first = Daemon(tmp_path / "1", database=database, relay=relay.port)
        second = Daemon(tmp_path / "2", database=database, relay=relay.port)
        (tmp_path / "2/secret").write_text((tmp_path / "1/secret").read_text())
        with first, second:
            assert first.command("migrate").returncode == 0
            await asyncio.gather(asyncio.to_thread(first.start), asyncio.to_thread(second.start))
            # Every mail goes to both nodes, twice to each, as after lost 250s.
            ports = [first.lmtp, second.lmtp, first.lmtp, second.lmtp]
            answers = await asyncio.gather(*(send_all(*pair) for pair in zip(ports, orders, strict=True)))
            await asyncio.to_thread(
                first.until, lambda: query(database, "SELECT count(*) FROM intakes WHERE state <> 'done'") == [(0,)], 60
            )
            await asyncio.to_thread(
                first.until,
                lambda: query(database, "SELECT count(*) FROM deliveries WHERE state = 'queued'") == [(0,)],
                60,
            )
            assert (first.stop(), second.stop()) == (0, 0)
        kinds = dict(query(database, "SELECT disposition, count(*) FROM intakes GROUP BY disposition"))
        tickets = query(database, "SELECT count(*) FROM tickets")
        acknowledged = dict(query(database, "SELECT recipient, count(*) FROM deliveries GROUP BY recipient"))
        subjects = query(database, "SELECT count(DISTINCT subject) FROM tickets")

    assert {answer[:3] for some in answers for answer in some} == {"250"}
    assert tickets == subjects == [(len(mails),)]
    assert kinds == {"ticket": len(mails), "duplicate": 3 * len(mails)}
    assert acknowledged["customer@single.test"] == 1  # 1 in 10 minutes, whichever node asks (I2)
    assert len(acknowledged) <= 60  # per queue and hour, both nodes together (I2)
    assert max(acknowledged.values()) == 1
    recipients = [mail.rcpt_tos[0] for mail in relay.mails]
    assert len(recipients) == len(set(recipients))
