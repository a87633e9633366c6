"""Octets to ParsedMail, and drafts to octets. Pure and total: no input raises, nothing is fetched, no clock."""
