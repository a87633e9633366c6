"""The courier of one webhook: everything of `Courier`, with a signed POST where mail has a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway import __version__
from gateway.model import ClaimedEvent, DeliveryResult, Outcome
from gateway.outbound.courier import Courier, Means, Signs
from gateway.outbound.webhooks.post import NoAnswer, Target, post
from gateway.outbound.webhooks.signature import headers
from gateway.outbound.webhooks.verdict import GONE, of_answer, of_silence
from gateway.telemetry import metrics

SIGNS = Signs(
    label="webhook",
    outcomes={
        Outcome.SENT: "webhook.sent",
        Outcome.DEFERRED: "webhook.deferred",
        Outcome.FAILED: "webhook.failed",
        Outcome.UNKNOWN: "webhook.unknown",
    },
    stolen="webhook.stolen",
    trouble="webhook.trouble",
    put_off="webhook.put-off",
    down="webhook.down",
    up="webhook.up",
    claimed="webhook.claimed",
    before_record="webhook.before-record",
    deliveries=metrics.WEBHOOK_DELIVERIES,
    seconds=metrics.WEBHOOK_SECONDS,
    is_down=metrics.WEBHOOK_DOWN,
    stage="webhook",
)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a webhook listens, and the keys that sign what it gets: the present one first."""

    target: Target
    keys: Sequence[bytes] = field(repr=False)
    seconds: float  # longest time of one attempt


class WebhookCourier(Courier[ClaimedEvent]):
    """Tells one webhook what is due."""

    signs = SIGNS

    def __init__(self, name: str, receiver: Receiver, means: Means[ClaimedEvent], *, connections: int = 4) -> None:
        super().__init__(name, means, connections=connections)
        self._receiver = receiver

    async def _prepare(self, delivery: ClaimedEvent) -> bytes:
        return delivery.payload

    async def _hand_over(self, delivery: ClaimedEvent, content: bytes) -> DeliveryResult:
        receiver, now = self._receiver, self._now()
        fields = headers(receiver.keys, delivery.key, int(now.timestamp()), content)
        fields["user-agent"] = f"Poterne/{__version__}"
        try:
            answer = await post(receiver.target, fields, content, receiver.seconds)
        except NoAnswer as error:
            return of_silence(error)
        if answer.status == GONE:
            self._log.warning("webhook.gone", webhook=self.name)
        return of_answer(answer, now)

    async def _close(self) -> None:
        """Nothing is kept open between attempts."""

    def _facts(self, delivery: ClaimedEvent) -> Mapping[str, Any]:
        return {"message": delivery.key, "type": delivery.type, "ticket": delivery.ticket_id}
