"""Fields of forms, read without trusting them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from gateway.desk.nouns import Upload
from gateway.errors import NotSendable
from gateway.http.pages.times import zone_of

LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one form."""

    data: FormData

    def text(self, name: str, default: str = "") -> str:
        """Return a field, or the default if there is none."""
        value = self.data.get(name)
        return value if isinstance(value, str) else default

    def given(self, name: str) -> str | None:
        """Return a field, or None if the form has none."""
        value = self.data.get(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return every field of this name."""
        return tuple(value for value in self.data.getlist(name) if isinstance(value, str))

    def number(self, name: str) -> int | None:
        """Return a number, or None for what is none."""
        return number_of(self.text(name))

    def numbers(self, name: str) -> tuple[int, ...]:
        """Return every number of this name."""
        return tuple(value for text in self.texts(name) if (value := number_of(text)) is not None)

    def addresses(self, name: str) -> tuple[str, ...] | None:
        """Return addresses parted by commas, or None if the form has no such field."""
        value = self.given(name)
        if value is None:
            return None
        return tuple(part.strip() for part in value.replace(";", ",").replace("\n", ",").split(",") if part.strip())

    def when(self, name: str, zone: str) -> datetime | None:
        """Return a local date and time as a moment. Raises NotSendable for what is none."""
        value = self.text(name)
        if not value:
            return None
        try:
            return datetime.fromisoformat(value).replace(tzinfo=zone_of(zone) or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            raise NotSendable("write the due time as 2026-12-31T12:00") from None

    async def files(self, name: str) -> tuple[Upload, ...]:
        """Return the files of a field; browsers send an empty one where none was chosen."""
        found = [item for item in self.data.getlist(name) if isinstance(item, UploadFile) and item.filename]
        return tuple(
            [
                Upload(item.filename or "file", item.content_type or "application/octet-stream", await item.read())
                for item in found
            ]
        )


def number_of(text: str) -> int | None:
    """Return a positive number that a database can hold, or None."""
    text = text.strip().lstrip("#")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 and 0 < int(text) <= LARGEST else None  # noqa: PLR2004 - digits


async def fields_of(request: Request) -> Fields:
    """Return the form of a request."""
    return Fields(await request.form())
