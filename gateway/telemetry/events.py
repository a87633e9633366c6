"""The names of all log events, each with what it says. A name never changes its meaning; docs/log.md shows them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        # the daemon
        "daemon.starting": "the daemon builds its parts; shows the version and what it will use",
        "daemon.ready": "all listeners are open and all workers run",
        "daemon.stopping": "a signal asked for the end; listeners close, mails being received are finished",
        "daemon.stopped": "everything is finished; the exit follows",
        "daemon.shutdown-late": "something did not finish within limits.shutdown_timeout and was given up",
        "config.reloaded": "the configuration was read again and is in use",
        "config.refused": "the new configuration is bad, the old one stays in use; one event per problem",
        "config.needs-restart": "a changed key takes effect only at the next start",
        "task.crashed": "a worker task ended with an error; it starts again after a pause",
        "task.restarted": "a worker task runs again",
        "loop.late": "something blocked the event loop for longer than a second",
        "ready.changed": "a readiness check turned good or bad",
        "library.message": "a warning or an error of a library",
        # LMTP
        "lmtp.listening": "the listener is open",
        "lmtp.stopped": "the listener is closed; in_time tells whether every mail in progress was finished",
        "lmtp.taken": "a mail is durable for its recipients and the client was told so",
        "lmtp.not-taken": "a mail was not stored; the client was told to try again later",
        "lmtp.fault": "an error of ours inside a session; the client got the id of this event and tries again",
        "lmtp.unknown-recipient": "no queue owns this address; refused at RCPT",
        "lmtp.overrun": "a mail is larger than limits.message_size or than the budget left; refused after its end",
        "lmtp.too-slow": "a client was silent for too long, or sent a mail below limits.minimum_rate",
        "lmtp.turned-away": "connections beyond limits.connections were answered 421 since the last such event",
        # judging
        "intake.done": "an intake has its disposition",
        "intake.retried": "a try failed; the intake waits for another one",
        "intake.held": "an intake is in quarantine",
        "intake.failed": "a mail set off an error of ours; the traceback shows it",
        "intake.unclaimed": "the store did not answer a claim; the worker asks again",
        "intake.unrecorded": "the store did not take the result of a try; it is offered again",
        "breaker.opened": "a queue wants far more automatic mail than usual and gets none for a while; look for loops",
        "forwarder.unknown": "mail came through a forwarder that no configuration names; shows the line to set",
        "intake.stolen": "another worker took this intake over; nothing was written",
        "metrics.stale": "the store did not answer a scrape; gauges of waiting work keep their last values",
        "digests.queued": "agents whose limit of alerts was reached are told what they missed",
        "digests.unsent": "the store did not take the digests that are due; they wait for the next look",
        # the way out
        "outbound.sent": "a server took responsibility for a delivery",
        "outbound.deferred": "a delivery was not taken; it waits for its next try",
        "outbound.put-off": "so many due deliveries were put off, without dialling, because their channel is down",
        "outbound.failed": "a delivery failed for good; the ticket shows it",
        "outbound.unknown": "the final dot was sent and no answer seen; it is sent again with the same octets",
        "outbound.stolen": "another worker took this delivery over; nothing was recorded",
        "outbound.signing-process": "a signing process failed; its mails were signed in a thread",
        "outbound.trouble": "composing, signing or recording failed for a reason of ours; the delivery is tried again",
        "channel.down": "a channel is taken for dead; it is tried now and then, other channels go on",
        "channel.up": "a channel works again",
        "template.failed": "an operator's template failed; the shipped one was used",
        # webhooks
        "webhook.sent": "a receiver took an event",
        "webhook.deferred": "a receiver did not take an event; it waits for its next try",
        "webhook.put-off": "so many due events were put off, without dialling, because their receiver is down",
        "webhook.failed": "an event was given up, or its receiver is gone",
        "webhook.unknown": "an event was sent and no answer seen; it is sent again with the same id and octets",
        "webhook.stolen": "another worker took this event over; nothing was recorded",
        "webhook.trouble": "signing or recording failed for a reason of ours; the event is tried again",
        "webhook.down": "a receiver is taken for dead; it is tried now and then, others go on",
        "webhook.up": "a receiver works again",
        "webhook.gone": "a receiver answered 410; nothing more is written for it until somebody resumes it",
        "webhook.pruned": "so many old deliveries of webhooks were deleted",
        "webhook.unpruned": "the store did not let old deliveries be deleted; they are at the next look",
        # direct inboxes
        "inbox.health": "a direct inbox changed its state; detail has the next step",
        "inbox.health-unrecorded": "the store did not take that state; it is recorded with the next one",
        "inbox.too-large": "a fetched mail is larger than limits.message_size; it stays in its mailbox",
        "inbox.unmarked": "the server would not flag or move fetched mails; they are durable here, and shown as unseen",
        "inbox.unreadable": "the server would not hand out a mail; it is tried again later, others go on",
        # HTTP
        "http.failed": "a request met an error of ours; the client got the id of this event",
    }
)
