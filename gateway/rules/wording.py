"""What subjects and bodies hint at. Words are people's, too, so a hint alone never silences: two together do."""

from __future__ import annotations

import re
from typing import Final

from gateway.model import Field
from gateway.rules.auto import is_forwarders_wish, precedence_bulk, suppress_wishes
from gateway.rules.forwarders import Marker
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

RECEIVED: Final = (
    "ticket received",
    "request received",
    "case received",
    "your request has been received",
    "we have received your",
    "we received your",
    "we've received your",
    "thank you for contacting",
    "thanks for contacting",
    "ihre anfrage ist eingegangen",
    "ihre anfrage ist bei uns eingegangen",
    "wir haben ihre anfrage erhalten",
    "wir haben ihre nachricht erhalten",
    "eingangsbestätigung",
    "nous avons bien reçu",
    "accusé de réception",
    "hemos recibido su",
    "hemos recibido tu",
    "abbiamo ricevuto la",
    "recebemos a sua",
    "recebemos sua",
    "we hebben uw",
)
"""Beginnings of subjects by which desks acknowledge. Case folded, tags in brackets left out."""

AUTOMATIC_TEXT: Final = (
    "out of the office",
    "out of office",
    "away from the office",
    "on annual leave",
    "on vacation until",
    "on vacation from",
    "on parental leave",
    "on maternity leave",
    "limited access to email",
    "limited access to e-mail",
    "limited access to my e",
    "automatic reply",
    "automated reply",
    "automatic response",
    "automated response",
    "automated message",
    "automatically generated",
    "auto-generated",
    "mailbox is not monitored",
    "inbox is not monitored",
    "unmonitored mailbox",
    "do not reply to this",
    "please do not reply",
    "nicht im büro",
    "nicht im hause",
    "außer haus",
    "bis einschließlich",
    "automatische antwort",
    "automatisch generierte",
    "automatisch erzeugte",
    "automatisch erstellte",
    "antworten sie nicht auf diese",
    "absent du bureau",
    "actuellement absent",
    "je suis absent",
    "je serai absent",
    "réponse automatique",
    "message automatique",
    "ne pas répondre à ce",
    "fuera de la oficina",
    "respuesta automática",
    "mensaje automático",
    "no responda a este",
    "fuori ufficio",
    "risposta automatica",
    "non rispondere a questa",
    "fora do escritório",
    "resposta automática",
    "mensagem automática",
    "não responda a este",
    "niet op kantoor",
    "automatisch antwoord",
    "automatisch gegenereerd",
    "inte på kontoret",
    "automatiskt svar",
    "ikke på kontoret",
    "automatisk svar",
    "poza biurem",
    "odpowiedź automatyczna",
    "wiadomość automatyczna",
    "автоматический ответ",
    "自動返信",
    "自動応答",
    "自動送信",
    "自动回复",
    "自動回覆",
    "자동 회신",
)
"""What responders and desks say in their first lines. Case folded."""

SUPPRESS: Final = "x-auto-response-suppress"
MAX_START: Final = 600  # characters of a body that responders need to say what they are
_TAGS: Final = re.compile(r"\A(?:\[[^\[\]]{1,40}\]\s*)+")
AT_ONCE: Final = 60.0  # seconds between our mail and an answer that few people manage


def responder_subject(reading: Reading) -> Evidence | None:
    """Notice a subject of a responder, or of a desk that acknowledges. Weak: "Out of office furniture" is a ticket."""
    subject = reading.subject
    if subject.startswith(AWAY) or _TAGS.sub("", subject, count=1).startswith(RECEIVED):
        return Evidence(f"Subject: {reading.mail.subject[:60]}", "Subject")
    return None


def responder_text(reading: Reading) -> Evidence | None:
    """Notice first lines as responders write them. Weak: people quote them. No sign where they are the very topic."""
    if reading.subject.startswith(AWAY) and not is_label(reading.subject):
        return None
    return _in_body((reading.mail.reply_text or reading.mail.text)[:MAX_START].casefold(), AUTOMATIC_TEXT)


def _in_body(text: str, wanted: tuple[str, ...]) -> Evidence | None:
    """Return the first of some words that a text has, and in which of its lines."""
    for words in wanted:
        place = text.find(words)
        if place >= 0:
            return Evidence(f"the body says: {words}", f"body line {text.count(chr(10), 0, place) + 1}")
    return None


def is_label(subject: str) -> bool:
    """Tell whether a subject is a responder's label, alone or with a colon before what it answers. People write on."""
    found = max((words for words in AWAY if subject.startswith(words)), key=len, default="")
    rest = subject[len(found) :].lstrip()
    return bool(found) and (not rest or found.endswith(":") or rest[0] in ":\uff1a")


def responder_confirmed(reading: Reading) -> Evidence | None:
    """Match a responder's subject together with another sign of a machine.

    Where people may have written on ("Out of office furniture"), what a forwarder may have left is no sign.
    """
    if not reading.subject.startswith(AWAY):
        return None
    label, stamps = is_label(reading.subject), reading.forwarding.stamps
    signs = (
        (reading.has_null_sender and (label or Marker.NULL_SENDER not in stamps), "the envelope sender is empty"),
        (answers_at_once(reading) is not None, "at once after our mail"),
        (
            any(_suppresses_all(reading, item, label=label) for item in reading.fields(SUPPRESS)),
            "X-Auto-Response-Suppress: All",
        ),
        (precedence_bulk(reading) is not None, "Precedence: bulk"),
        (label and bool(reading.mail.in_reply_to or reading.mail.references), "an answer, but no Re: before it"),
        (label and responder_text(reading) is not None, "first lines as responders write them"),
    )
    found = next((sign for seen, sign in signs if seen), "")
    return Evidence(f"a responder's subject, and {found}", "Subject") if found else None


def _suppresses_all(reading: Reading, item: Field, *, label: bool) -> bool:
    return "all" in suppress_wishes(item.value) and (label or not is_forwarders_wish(reading, item))


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
    return _in_body(reading.mail.text[:MAX_BODY].lower(), REFUSALS)


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
