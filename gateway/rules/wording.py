"""What subjects and bodies hint at. Words are people's, too, so a hint alone never silences: two together do."""

from __future__ import annotations

from typing import Final

from gateway.rules.auto import keyword, suppress_wishes
from gateway.rules.reading import Evidence, Reading

AWAY: Final = (
    "automatic reply",
    "automated reply",
    "automatic response",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto response",
    "auto-response",
    "autoresponse",
    "auto:",
    "out of office",
    "out of the office",
    "out-of-office",
    "ooo:",
    "vacation",
    "on vacation",
    "automatische antwort",
    "automatische beantwortung",
    "abwesenheitsnotiz",
    "abwesenheit",
    "abwesend",
    "nicht im büro",
    "réponse automatique",
    "reponse automatique",
    "absence du bureau",
    "absent du bureau",
    "message d'absence",
    "autosvar",
    "automatiskt svar",
    "automatisk svar",
    "fraværsmelding",
    "frånvaromeddelande",
    "automatisch antwoord",
    "afwezigheid",
    "afwezig",
    "respuesta automática",
    "respuesta automatica",
    "fuera de la oficina",
    "risposta automatica",
    "fuori sede",
    "resposta automática",
    "resposta automatica",
    "ausência",
    "fora do escritório",
    "odpowiedź automatyczna",
    "autoodpowiedź",
    "automatická odpověď",
    "automatické odpovědi",
    "automaattinen vastaus",
    "poissaolo",
    "автоответ",
    "автоматический ответ",
    "otomatik yan\u0131t",
    "自動応答",
    "自動返信",
    "自动回复",
    "自動回覆",
    "자동 회신",
)
"""Beginnings of subjects that responders write, by language. Case folded."""

AT_ONCE: Final = 60.0  # seconds between our mail and an answer that few people manage


def responder_subject(reading: Reading) -> Evidence | None:
    """Notice a responder's subject. Weak: "Out of office reply does not work" is a ticket."""
    return Evidence(f"Subject: {reading.mail.subject[:60]}", "Subject") if reading.subject.startswith(AWAY) else None


def responder_confirmed(reading: Reading) -> Evidence | None:
    """Match a responder's subject together with another sign of a machine."""
    if responder_subject(reading) is None:
        return None
    if reading.has_null_sender:
        return Evidence("a responder's subject, and the envelope sender is empty", "Subject")
    if answers_at_once(reading):
        return Evidence("a responder's subject, at once after our mail", "Subject")
    if any("all" in suppress_wishes(item.value) for item in reading.fields("x-auto-response-suppress")):
        return Evidence("a responder's subject, and X-Auto-Response-Suppress: All", "Subject")
    if any(keyword(item.value) in {"bulk", "junk"} for item in reading.fields("precedence")):
        return Evidence("a responder's subject, and Precedence: bulk", "Subject")
    return None


def answers_at_once(reading: Reading) -> Evidence | None:
    """Notice an answer that came faster than people read."""
    seconds = reading.facts.stored.seconds_since_ours
    if seconds is None or not 0 <= seconds < AT_ONCE:
        return None
    return Evidence(f"{seconds:.0f} s after our last mail to this sender", "arrival")


# --- bounces in words ---------------------------------------------------------------------------------------

NOTICES: Final = (
    "undeliver",
    "failed mail",
    "delivery fail",
    "delivery has failed",
    "delivery status",
    "failure notice",
    "returned mail",
    "returned to sender",
    "mail delivery",
    "non-delivery",
    "non remis",
    "unzustellbar",
    "nicht zugestellt",
)
REFUSALS: Final = (
    "could not be delivered",
    "could not deliver",
    "was not delivered",
    "wasn't able to deliver",
    "unable to deliver",
    "delivery failed",
    "user unknown",
    "unknown user",
    "no such user",
    "mailbox unavailable",
    "550 5.1.1",
    "konnte nicht zugestellt",
    "n'a pas pu etre",
    "n'a pas pu être",
)
FORWARDED: Final = ("fwd:", "fw:", "wg:", "tr:", "rv:", "vs:", "enc:")
MAX_BODY: Final = 2000


def bounce_subject(reading: Reading) -> Evidence | None:
    """Notice a bounce's subject, unless a person forwards it. Weak: people ask about bounces all day."""
    if reading.subject.startswith(FORWARDED) or not any(words in reading.subject for words in NOTICES):
        return None
    return Evidence(f"Subject: {reading.mail.subject[:60]}", "Subject")


def bounce_text(reading: Reading) -> Evidence | None:
    """Notice a body that begins with a mail system's words. Weak: people quote them."""
    start = reading.mail.text[:MAX_BODY].lower()
    found = next((words for words in REFUSALS if words in start), "")
    return Evidence(f"the body says: {found}", "body") if found else None


# --- challenges -----------------------------------------------------------------------------------------------

CHALLENGE_FIELDS: Final = ("x-boxtrapper", "x-spamarrest-noauth", "x-askversion", "x-choicemail-registration-request")
CHALLENGE_SUBJECTS: Final = (
    "please confirm your message",
    "your email requires verification",
    "confirm you are not a robot",
)


def challenge(reading: Reading) -> Evidence | None:
    """Match a challenge that asks us to click. We never do: an agent decides."""
    for name in reading.index:
        if name in CHALLENGE_FIELDS or name.startswith("x-tmda-"):
            return reading.seen(reading.index[name][0])
    if reading.subject.startswith(CHALLENGE_SUBJECTS):
        return Evidence(f"Subject: {reading.mail.subject[:60]}", "Subject")
    return None
