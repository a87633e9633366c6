"""The policy on one page: every rule, its effect, and the sentence that people read. Order is the order of evidence.

To add a rule: write a function in a module of its family, add a line here, put a `hit-*.eml` and a `miss-*.eml` into
`tests/rules/<name>/`. No mark takes a customer's ticket away (I10); only OWN, STATUS, HOLD and REFUSE move a mail.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Effect
from gateway.rules import (
    auto,
    behaviour,
    desks,
    envelope,
    lists,
    overrides,
    own,
    reports,
    sender,
    trace,
    trust,
    wording,
)
from gateway.rules.reading import Rule

RULES: Final[tuple[Rule, ...]] = (
    # operators
    Rule("override-refuse", Effect.REFUSE, overrides.refused, "An operator refuses this sender", firm=True),
    Rule("override-human", Effect.HUMAN, overrides.treated_as_human, "An operator takes this sender for a person"),
    Rule("override-automatic", Effect.AUTO_GENERATED, overrides.treated_as_automatic,
         "An operator takes this sender for a machine", firm=True),
    # envelope and trace
    Rule("too-many-hops", Effect.HOLD, envelope.too_many_hops, "The mail seems to travel in a circle", firm=True),
    Rule("hostile-header", Effect.NOTE, envelope.hostile_header, "The header is malformed; nothing in it is believed"),
    Rule("null-sender", Effect.SILENT, envelope.null_sender, "The sender wants no answer"),
    # our own mail
    Rule("own-mail", Effect.OWN, own.came_back, "This is our own mail", firm=True),
    Rule("own-mail-redirected", Effect.SILENT, own.was_redirected, "Somebody sent our own mail on to us", firm=True),
    Rule("own-token-copied", Effect.SILENT, own.token_was_copied, "The mail carries a token of ours", firm=True),
    Rule("own-address", Effect.SILENT, own.shows_own_address, "We do not write to ourselves", firm=True),
    Rule("agent", Effect.SILENT, own.from_an_agent, "Agents get no acknowledgements", firm=True),
    Rule("refers-to-automatic", Effect.SILENT, own.refers_to_automatic,
         "Automatic mail of ours is not answered automatically", firm=True),
    # reports
    Rule("delivery-report", Effect.STATUS, reports.delivery_report, "Bounces are not answered", firm=True),
    Rule("bounce-wording", Effect.STATUS, reports.bounce_by_wording, "Bounces are not answered", firm=True),
    Rule("bounce-robot", Effect.STATUS, reports.bounce_by_sender, "Bounces are not answered", firm=True),
    Rule("bounce-fields", Effect.STATUS, reports.bounce_by_fields, "Bounces are not answered", firm=True),
    Rule("bounce-address-answered", Effect.NOTE, reports.answered_bounce_address, "An answer to a bounce address"),
    Rule("read-receipt", Effect.RECEIPT, reports.receipt, "Receipts are not answered", firm=True),
    Rule("complaint", Effect.COMPLAINT, reports.complaint, "Complaints are not answered", firm=True),
    Rule("calendar-answer", Effect.CALENDAR, reports.calendar_answer, "Calendar answers are not answered", firm=True),
    # forwarders
    Rule("forwarder-discounted", Effect.DISCOUNT, trace.discounted, "A forwarder's markers do not count"),
    Rule("forwarder-not-configured", Effect.NOTE, trace.not_configured, "A forwarder is not configured"),
    Rule("forwarder-doubted", Effect.SILENT, trace.doubted, "A forwarder that is not configured may have marked this"),
    Rule("author-recovered", Effect.NOTE, trace.author_recovered, "A forwarder rewrote From"),
    # responders
    Rule("auto-replied", Effect.AUTO_REPLY, auto.submitted_reply, "An automatic reply"),
    Rule("exchange-out-of-office", Effect.AUTO_REPLY, auto.exchange_out_of_office, "An automatic reply"),
    Rule("vendor-responder", Effect.AUTO_REPLY, auto.vendor_responder, "An automatic reply"),
    Rule("responder-message-id", Effect.AUTO_REPLY, auto.responder_message_id, "An automatic reply"),
    Rule("precedence-auto-reply", Effect.AUTO_REPLY, auto.precedence_auto_reply, "An automatic reply"),
    Rule("responder-confirmed", Effect.AUTO_REPLY, wording.responder_confirmed, "An automatic reply"),
    # lists and machines
    Rule("list-fields", Effect.LIST, lists.list_fields, "Lists are not answered"),
    Rule("precedence-list", Effect.LIST, auto.precedence_list, "Lists are not answered"),
    Rule("newsletter", Effect.NOTE, lists.newsletter, "A newsletter"),
    Rule("precedence-bulk", Effect.AUTO_GENERATED, auto.precedence_bulk, "Bulk mail is not answered"),
    Rule("bulk-by-hand", Effect.SILENT, auto.bulk_by_hand, "A gateway asks for no automatic answer"),
    Rule("auto-submitted", Effect.AUTO_GENERATED, auto.submitted, "A machine sent this"),
    Rule("response-suppress", Effect.SILENT, auto.asks_for_silence, "The sender asks for no automatic answer"),
    Rule("loop-mark", Effect.SILENT, auto.loop_mark, "The sender guards itself against loops"),
    Rule("help-desk", Effect.SILENT, desks.help_desk, "Another help desk would answer our answer"),
    Rule("another-instance", Effect.SILENT, desks.another_instance, "Another help desk would answer our answer"),
    Rule("challenge", Effect.SILENT, wording.challenge, "Challenges are confirmed by people only"),
    # senders
    Rule("nobody-writes", Effect.AUTO_GENERATED, sender.nobody_writes, "A machine sent this"),
    Rule("robot-address", Effect.SILENT, sender.robot_address, "Machines are not answered"),
    Rule("web-form", Effect.NOTE, sender.web_form, "A web form"),
    Rule("blocklist", Effect.SILENT, sender.on_blocklist, "We never send to this address", firm=True),
    Rule("suppressed", Effect.SILENT, sender.suppressed, "Mail to this address came back", firm=True),
    Rule("sender-unknown", Effect.NOTE, sender.sender_unknown, "Who wrote this is unknown"),
    Rule("no-requester", Effect.SILENT, sender.nobody, "There is nobody to answer to", firm=True),
    # trust
    Rule("sender-disowned", Effect.NOTE, trust.disowned, "The author's domain disowns this mail"),
    Rule("sender-unauthenticated", Effect.SILENT, trust.unauthenticated,
         "The queue answers only to authenticated senders", firm=True),
    Rule("spam-tagged", Effect.SILENT, trust.spam_tagged, "Spam is not answered"),
    Rule("spam-held", Effect.HOLD, trust.spam_held, "The queue holds spam"),
    # behaviour
    Rule("loop-suspected", Effect.SILENT, behaviour.loop_suspected, "The counterpart behaves like a robot", firm=True),
    Rule("storm", Effect.SILENT, behaviour.storm, "Too many mails in a short time", firm=True),
    # hints: each alone changes nothing, two together silence
    Rule("responder-subject", Effect.WEAK, wording.responder_subject, "The subject is a responder's"),
    Rule("responder-text", Effect.WEAK, wording.responder_text, "The text is a responder's"),
    Rule("answers-at-once", Effect.WEAK, wording.answers_at_once, "The answer came faster than people read"),
    Rule("bounce-subject", Effect.WEAK, wording.bounce_subject, "The subject is a bounce's"),
    Rule("bounce-text", Effect.WEAK, wording.bounce_text, "The text is a bounce's"),
    Rule("bulk-mailer", Effect.WEAK, lists.bulk_mailer, "A bulk mailer carried this"),
)  # fmt: skip
