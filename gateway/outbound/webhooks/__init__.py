"""Events to webhooks: signed as Standard Webhooks says, retried by the courier and the schedule that mail has.

Webhooks are configured by the operator, in the file that holds the other secrets: an address in a private network is
meant. What a receiver can do is bounded all the same: redirects are not followed, an answer is read up to a cap, an
attempt ends at its deadline, certificates are verified.
"""

from gateway.outbound.webhooks.courier import Receiver, WebhookCourier
from gateway.outbound.webhooks.fleet import WebhookFleet

__all__ = ["Receiver", "WebhookCourier", "WebhookFleet"]
