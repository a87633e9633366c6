"""Mails as they come: people whose mail looks like a machine's, and machines without a mark. What becomes of each.

Each line: what it is, its header lines (over those of a plain mail), its body, its kind, and whether an acknowledgement
would be asked for. Whatever a person wrote becomes a ticket.
"""

from __future__ import annotations

import pytest

from gateway.config.settings import Settings
from gateway.decision import decide
from gateway.model import Disposition, EntryKind, Kind
from gateway.policy import build_policy
from tests.support.judged import CREATION, facts_for, mail_of

QUESTION = "Hello,\n\nthe total on page two of the invoice does not match the order.\n\nAnn"
ALERT = "CRITICAL: disk /var on web3 is 97% full."
HUMAN, REPLY, GENERATED, LIST = Kind.HUMAN, Kind.AUTO_REPLY, Kind.AUTO_GENERATED, Kind.LIST

PEOPLE: list[tuple[str, tuple[str, ...], str, bool]] = [
    ("Outlook behind a gateway that asks for no receipts", ("X-Auto-Response-Suppress: DR, RN, NRN",), QUESTION, True),
    ("through an Exchange list in front of the inbox",
     ("X-Auto-Response-Suppress: DR, OOF, AutoReply",), QUESTION, True),
    ("a program that says no", ("Auto-Submitted: no",), QUESTION, True),
    ("a program that says no, and why", ("Auto-Submitted: (a person) No; x=y",), QUESTION, True),
    ("out-of-office as a topic", ("Subject: Out of office furniture",), QUESTION, True),
    ("a responder as a topic",
     ("Subject: Out of office reply does not work",), "I am out of the office and it is silent.", True),
    ("vacation as a topic", ("Subject: Vacation rental in June",), "Is the house free on vacation from June on?", True),
    ("automatic things as a topic", ("Subject: Automatic reply feature request",), "Could you add it?", True),
    ("a delivery that is late", ("Subject: Delivery failed, nobody rang",), "The parcel was not delivered.", False),
    ("answers a responder",
     ("Subject: Re: Automatic reply: The invoice", "In-Reply-To: <1@x.example>"), "Who else can help?", True),
    ("answers a responder in German",
     ("Subject: AW: Abwesenheitsnotiz: Rechnung", "In-Reply-To: <1@x.example>"), "Wer hilft?", True),
    ("forwards a bounce",
     ("Subject: Fwd: Undelivered Mail Returned to Sender",), "What does this mean?\n\n550 5.1.1 user unknown", True),
    ("quotes a responder",
     (), "Who answers?\n\nOn Mon, Tim wrote:\n> This is an automatic reply, please do not reply.", True),
    ("from a telephone", ("X-Mailer: iPhone Mail (20A362)",), "Broken.\n\nSent from my iPhone", True),
    ("a gateway that marks all as bulk", ("Precedence: bulk", "X-Mailer: Microsoft Outlook 16.0"), QUESTION, False),
    ("a gateway that marks all as bulk, Thunderbird",
     ("X-Precedence: bulk", "User-Agent: Mozilla Thunderbird"), QUESTION, False),
    ("normal precedence", ("Precedence: normal",), QUESTION, True),
    ("first-class precedence", ("Precedence: first-class",), QUESTION, True),
    ("thanks", ("Subject: thanks",), "thanks", True),
    ("no subject, no body", ("Subject: ",), "", True),
    ("a scanner that a person stood at", ("From: Scanner <scan@customer.example>",), "Attached.", True),
    ("an accounts department", ("From: Accounts <accounts@customer.example>",), QUESTION, True),
    ("an info address", ("From: info@customer.example",), QUESTION, True),
    ("a person called Norman Reply", ("From: Norman Reply <norman.reply@customer.example>",), QUESTION, True),
    ("an abuse desk", ("From: Abuse <abuse@provider.example>",), "A machine of yours sends spam.", False),
    ("a postmaster",
     ("From: postmaster@provider.example", "Subject: Your server refuses our mail"), "Since Monday.", False),
    ("a system administrator called root", ("From: root <root@customer.example>",), "Could you unblock us?", False),
    ("a web form", ("From: noreply@forms.example", "Reply-To: Ann Lee <ann@customer.example>"), QUESTION, False),
    ("another desk's agent", ("X-Zendesk-From-Account-Id: 1a2b", "X-Mailer: Zendesk Mailer"), QUESTION, False),
    ("asks for a read receipt", ("Disposition-Notification-To: ann.lee@customer.example",), QUESTION, True),
    ("high priority", ("X-Priority: 1", "Importance: high"), QUESTION, True),
    ("redirected by a colleague",
     ("Resent-From: kim@customer.example", "Resent-To: support@example.org"), QUESTION, True),
    ("resent years later", ("Date: Mon, 5 Jan 2015 08:59:58 +0000",), QUESTION, True),
    ("an invitation with a question", ("Subject: Invitation: Visit",), "Does Monday suit you?", True),
    ("asks to confirm", ("Subject: Please confirm the appointment",), "Is Monday confirmed?", True),
    ("a short Japanese mail",
     ("Subject: =?utf-8?b?6KuL5rGC5pu4?=",), "\u8acb\u6c42\u66f8\u304c\u9055\u3044\u307e\u3059\u3002", True),
    ("signs with a disclaimer", (), f"{QUESTION}\n\n-- \nThis message is confidential.", True),
    ("a CRM that sends one mail for one person", ("Feedback-ID: 1:2:crm",), QUESTION, True),
    ("forged header of another desk", ("X-OTRS-Ignore: yes", "X-Note: Auto-Submitted: auto-replied"), QUESTION, False),
    ("a rule of a Microsoft inbox that nobody configured",
     ("Auto-Submitted: auto-generated", "X-MS-Exchange-Inbox-Rules-Loop: help@example.net",
      "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent", "To: help@example.net"), QUESTION, False),
    ("eleven ticket numbers of a long talk", ("Subject: Re: invoice 1 [#22] order 333",), QUESTION, True),
    ("says that a mail came back", ("Subject: mail came back",), "My mail to you came back: user unknown.", True),
]  # fmt: skip

MACHINES: list[tuple[str, tuple[str, ...], str, Kind]] = [
    ("Gmail's responder",
     ("Subject: Re: hi", "Auto-Submitted: auto-replied", "Precedence: bulk", "X-Autoreply: yes"), "I am away.", REPLY),
    ("Exchange's responder", ("Subject: Automatic reply: hi", "X-Auto-Response-Suppress: All",
     "X-MS-Exchange-Inbox-Rules-Loop: ann.lee@customer.example"), "I am away.", REPLY),
    ("a responder without a mark, in English",
     ("Subject: Automatic reply: Your invoice",), "I am out of the office until Monday.", REPLY),
    ("a responder without a mark, in German",
     ("Subject: Abwesenheitsnotiz: Rechnung",), "Ich bin bis einschließlich Montag nicht im Büro.", REPLY),
    ("a responder without a mark, in French",
     ("Subject: Réponse automatique : Facture",), "Je suis absent du bureau.", REPLY),
    ("a responder without a mark, in Spanish",
     ("Subject: Respuesta automática: Factura",), "Estoy fuera de la oficina.", REPLY),
    ("a responder without a mark, in Polish",
     ("Subject: Odpowiedź automatyczna: Faktura",), "Jestem poza biurem.", REPLY),
    ("a responder without a mark, in Japanese",
     ("Subject: \u81ea\u52d5\u8fd4\u4fe1: hi",), "\u3053\u308c\u306f\u81ea\u52d5\u8fd4\u4fe1\u3067\u3059\u3002", REPLY),
    ("a responder that answers, and no Re:",
     ("Subject: Out of Office: Your invoice", "In-Reply-To: <1@x.example>"), "Back on Monday.", REPLY),
    ("a parcel service", ("From: Parcels <no-reply@parcels.example>",), "Your parcel arrives tomorrow.", GENERATED),
    ("a shop", ("From: Shop <orders-noreply@shop.example>",), "Thank you for your order.", GENERATED),
    ("a network's notices", ("From: notifications@network.example",), "Bob wrote to you.", GENERATED),
    ("a newsletter without list fields", ("From: Shop <newsletter@shop.example>",), "Our offers of May.", GENERATED),
    ("monitoring", ("Auto-Submitted: auto-generated", "From: nagios@monitor.example"), ALERT, GENERATED),
    ("a scheduled job", ("From: Cron Daemon <cron@host.example>",), "backup: done", GENERATED),
    ("a form that nobody stands behind", ("From: donotreply@forms.example",), "Your data was saved.", GENERATED),
    ("a newsletter",
     ("List-Unsubscribe: <https://shop.example/u>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"),
     "Offers.", LIST),
    ("a list", ("List-Id: <talk.lists.example>", "Precedence: list"), "Who comes on Monday?", LIST),
    ("a desk that marks nothing",
     ("From: Desk <no-reply@desk.example>", "Subject: [#4711] We have received your request"), "Soon.", GENERATED),
]  # fmt: skip

SILENT: list[tuple[str, tuple[str, ...], str]] = [
    ("a desk's acknowledgement without a mark", ("Subject: [#4711] We have received your request",),
     "This is an automated message. A colleague will answer."),
    ("the same in German",
     ("Subject: Wir haben Ihre Anfrage erhalten",), "Bitte antworten Sie nicht auf diese Nachricht."),
    ("the same in French", ("Subject: Nous avons bien reçu votre demande",), "Merci de ne pas répondre à ce message."),
    ("a challenge", ("Subject: Please confirm your message",), "Click here."),
    ("a bounce without a report",
     ("Subject: Undeliverable: The invoice",), "Your mail could not be delivered: user unknown."),
]  # fmt: skip

POLICY = build_policy(
    Settings.model_validate(
        {
            "hostname": "tickets.example.org",
            "queues": {"support": {"creation_addresses": [CREATION], "inboxes": ["support@example.org"]}},
        }
    ),
    b"the key of the instance in the tests",
)


def plan_for(headers: tuple[str, ...], body: str):
    mail = mail_of(*headers, body=body)
    return decide(mail, facts_for(mail), "key", POLICY)


@pytest.mark.parametrize(
    ("headers", "body", "acknowledged"), [row[1:] for row in PEOPLE], ids=[row[0] for row in PEOPLE]
)
def test_a_person_gets_a_ticket_that_agents_hear_of(headers: tuple[str, ...], body: str, acknowledged: bool):
    made = plan_for(headers, body)

    assert (made.judgement.kind, made.disposition, made.entry_kind) == (HUMAN, Disposition.TICKET, EntryKind.CUSTOMER)
    assert made.alert
    assert made.acknowledge is acknowledged, made.judgement.why_not


@pytest.mark.parametrize(("headers", "body", "kind"), [row[1:] for row in MACHINES], ids=[row[0] for row in MACHINES])
def test_a_machine_is_known_and_never_answered_and_still_loses_no_ticket(
    headers: tuple[str, ...], body: str, kind: Kind
):
    made = plan_for(headers, body)

    assert made.judgement.kind is kind, made.judgement.verdicts
    assert (made.disposition, made.acknowledge, made.alert) == (Disposition.TICKET, False, False)


@pytest.mark.parametrize(("headers", "body"), [row[1:] for row in SILENT], ids=[row[0] for row in SILENT])
def test_what_may_be_a_machine_is_a_ticket_in_silence(headers: tuple[str, ...], body: str):
    made = plan_for(headers, body)

    assert (made.disposition, made.acknowledge) == (Disposition.TICKET, False), made.judgement.verdicts
