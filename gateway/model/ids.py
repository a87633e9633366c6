"""The numbers that the store gives its rows, each a type of its own so that none stands for another."""

from __future__ import annotations

from typing import NewType

RawId = NewType("RawId", int)
IntakeId = NewType("IntakeId", int)
TicketId = NewType("TicketId", int)  # also the number that people see
EntryId = NewType("EntryId", int)
CustomerId = NewType("CustomerId", int)
OutgoingId = NewType("OutgoingId", int)
DeliveryId = NewType("DeliveryId", int)
AgentId = NewType("AgentId", int)
