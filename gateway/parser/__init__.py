"""Reads mails in processes of their own, limited in time and memory, that know no database and no network."""

from __future__ import annotations

from gateway.parser.pool import ParserPool

__all__ = ["ParserPool"]
