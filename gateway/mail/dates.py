"""Reads the Date field (RFC 5322 §3.3 and §4.3). Nonsense is no date; nothing raises."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_DATE: Final = re.compile(
    r"""(?:[^\W\d]{2,12}\.?\s*,?\s*)?            # day of the week, not believed
        (\d{1,2})[\s.-]{1,3}([A-Za-z]{3})[a-z]{0,6}[\s.,-]{1,3}(\d{2,4})\s*,?\s+
        (\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:\.\d{1,9})?)?
        \s*(?:([+-])(\d{2}):?(\d{2})|([A-Za-z]{1,5})(?:([+-])(\d{2}):?(\d{2}))?)?""",
    re.VERBOSE,
)
_AMERICAN: Final = re.compile(  # ctime() and its like: Sat Jun  1 12:00:00 [ZONE] 2024
    r"(?:[A-Za-z]{3,9},?\s+)?([A-Za-z]{3})[a-z]{0,6}\s+(\d{1,2})\s+(\d{1,2}):(\d{2}):(\d{2})\s+"
    r"(?:([A-Za-z]{1,5})\s+)?(\d{4})(?:\s*([+-])(\d{2}):?(\d{2}))?"
)
_ISO: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T\s]\s*(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?\s*(?:([+-])(\d{2}):?(\d{2})|Z|UTC|GMT)?"
)
_SPOKEN: Final = re.compile(  # Wednesday, April 03, 2002 5:56 AM
    r"(?:[A-Za-z]{3,9},?\s+)?([A-Za-z]{3})[a-z]{0,6}\s+(\d{1,2}),?\s+(\d{4}),?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?"
    r"\s*([AaPp])?[Mm]?\s*(?:([+-])(\d{2}):?(\d{2})|([A-Z]{1,5}))?"
)
_COMMENT: Final = re.compile(r"\([^()]*\)")
_MONTH_NAMES: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS: Final = {name: number for number, name in enumerate(_MONTH_NAMES.split(), 1)}
# RFC 5322 §4.3: these alone have a meaning; all other letters mean that nothing is known, and UTC is as good
_ZONES: Final = {
    "edt": -4, "est": -5, "cdt": -5, "cst": -6, "mdt": -6, "mst": -7, "pdt": -7, "pst": -8,
    "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3, "jst": 9, "kst": 9,
}  # fmt: skip
_EARLIEST: Final = 1900  # RFC 5322 §3.3
_LATEST: Final = 9990  # far enough from the end of time that no arithmetic on it overflows
_LIMIT: Final = 200  # characters


def parse_date(value: str) -> datetime | None:
    """Return the moment that a Date field names, aware, or None. A leap second counts as the second before."""
    value = value[:_LIMIT]
    if "(" in value:
        value = _COMMENT.sub(" ", value)
    value = value.strip()
    if match := _DATE.match(value):
        day, month, year, hour, minute, second, sign, hours, minutes, zone, zone_sign, zone_hours, zone_minutes = (
            match.groups()
        )
        if sign is None and zone_sign is not None:  # GMT+0100
            sign, hours, minutes = zone_sign, zone_hours, zone_minutes
        return _moment(_year(year), _month(month), day, (hour, minute, second), _zone(sign, hours, minutes, zone))
    if match := _AMERICAN.match(value):
        month, day, hour, minute, second, zone, year, sign, hours, minutes = match.groups()
        return _moment(int(year), _month(month), day, (hour, minute, second), _zone(sign, hours, minutes, zone))
    if match := _SPOKEN.match(value):
        month, day, year, hour, minute, second, half, sign, hours, minutes, zone = match.groups()
        if half:
            hour = str(int(hour) % 12 + (12 if half in "Pp" else 0))
        return _moment(int(year), _month(month), day, (hour, minute, second), _zone(sign, hours, minutes, zone))
    if match := _ISO.match(value):
        year, iso_month, day, hour, minute, second, sign, hours, minutes = match.groups()
        return _moment(int(year), int(iso_month), day, (hour, minute, second), _zone(sign, hours, minutes, None))
    return None


def _month(name: str) -> int:
    return _MONTHS.get(name.lower(), 0)


def _year(text: str) -> int:
    """RFC 5322 §4.3: two digits below 50 are 20xx, the others and three digits count from 1900."""
    year = int(text)
    if len(text) == 4:  # noqa: PLR2004
        return year
    return year + (2000 if len(text) == 2 and year < 50 else 1900)  # noqa: PLR2004


def _zone(sign: str | None, hours: str | None, minutes: str | None, name: str | None) -> timedelta:
    if sign and hours and minutes:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return -offset if sign == "-" else offset
    return timedelta(hours=_ZONES.get((name or "").lower(), 0))


def _moment(year: int, month: int, day: str, time: tuple[str, str, str | None], offset: timedelta) -> datetime | None:
    if not _EARLIEST <= year <= _LATEST or not month or abs(offset) >= timedelta(hours=24):
        return None
    hour, minute, second = time
    zone = UTC if not offset else timezone(offset)
    try:
        return datetime(year, month, int(day), int(hour), int(minute), min(int(second or 0), 59), tzinfo=zone)
    except ValueError:  # the 31st of February, 25 o'clock
        return None
