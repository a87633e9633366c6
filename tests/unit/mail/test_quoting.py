"""Whose words may be shown again: those of people who belong to the ticket."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gateway.mail.quoting import address_in, by_participants


@dataclass(frozen=True)
class Words:
    author: str


ANN, BOSS = Words("Ann Lee <ann@customer.example>"), Words("boss@else.example")


def test_newcomers_are_left_out_however_their_address_is_written() -> None:
    varied = Words("The Boss <Boss+x@ELSE.example>")

    assert by_participants([ANN, BOSS, varied, ANN], ["boss@else.example"]) == (ANN, ANN)
    assert by_participants([ANN, BOSS], []) == (ANN, BOSS)


@pytest.mark.parametrize(
    ("author", "address"),
    [
        ("ann@customer.example", "ann@customer.example"),
        ("Ann <ann@customer.example>", "ann@customer.example"),
        ("Ann <eve@evil.example> <ann@customer.example>", "ann@customer.example"),
        ("Ann <ann@customer.example> (unverified)", "Ann <ann@customer.example> (unverified)"),
        ("", ""),
    ],
)
def test_the_address_of_an_author(author: str, address: str) -> None:
    assert address_in(author) == address
