"""Tells a robot's notice from a person's mail about one. Sender, fields and subject count; the words of the body never.

People forward and quote bounces all day; what they send has a person's address and usually `Fwd:`.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.mail import words
from gateway.mail.part import EMBEDDING, Part
from gateway.mail.reply_phrases import FORWARD_SUBJECTS, phrases
from gateway.mail.report_fields import ADDRESS

_ROBOT_LOCALS: Final = frozenset(
    phrases(
        """
        mailer-daemon | mailerdaemon | mailer.daemon | mailer_daemon | mail-daemon | maildaemon | mail.daemon |
        postmaster-noreply | mdaemon | daemon | mailer | mailsystem | mail-system | mailadmin | mail-admin |
        mail_admin | mailmaster | mailbot | mailgateway | mailer-noreply | postoffice | post_office |
        post-office | post_master | bounce | bounces | bouncebot | bounce-handler | smtp-gateway | smtpd | smtp |
        systemadministrator | system.administrator | system-administrator | majordomo-owner |
        mail-delivery-subsystem | maildelivery | mail.delivery | delivery | delivery-status | dsn | ndr | exim |
        qmail | microsoftexchange | mmdf | fetchmail-daemon | mailscanner | antispam | antivirus | virusalert |
        uucp | network_mailer | noreply-bounce
        """
    )
)
# People read and write under these too (RFC 5230 §4.6 says so of postmaster): they need another sign beside them.
_STAFFED: Final = frozenset(phrases("postmaster | administrator | admin | sysadmin | root | support | helpdesk | it"))
# Pieces of addresses like E500_SMTP_Mail_Service@ and AntiVirus_for_SMTP_Gateways@.
_ROBOT_WORDS: Final = frozenset(phrases("mailer | daemon | smtp | antivirus | mailsweeper | mdaemon | mailserver"))
_ROBOT_STARTS: Final = ("mailer-daemon", "microsoftexchange", "mailerdaemon", "mail-daemon")
_ROBOT_NAMES: Final = phrases(
    """
    mail delivery | mailer-daemon | mailer daemon | system administrator | systemadministrator |
    administrateur système | delivery subsystem | mail administrator | mail system | internet mail delivery |
    mail router | mailsystem | smtp server | mail gateway | microsoft outlook
    """
)
# Fields that only the bouncing programs set.
_FIELDS: Final = phrases(
    """
    x-failed-recipients | x-ms-exchange-message-is-ndr | x-postfix-queue-id | x-mailer-daemon |
    x-envelope-failed-recipients
    """
)
# How subjects of notices begin (casefolded), in the words of their programs.
_SUBJECTS: Final = phrases(
    """
    undeliver | delivery status notification | delivery notification | delivery report | delivery failure |
    delivery failed | delivery has failed | delivery delayed | delayed mail | delayed: | failure notice |
    failure delivery | failed delivery | message undeliver | message not delivered |
    message delivery has failed | message delivery failed |
    message could not be delivered | there was an error sending your | mailzustellung | zustellung fehlgeschlagen |
    mail delivery |
    mail undeliver | mail could not be delivered | mail system error | mail returned | email rejected |
    returned mail | returned message | returned to sender | returned email | returned e-mail | returning message |
    non-deliver | nondeliver | non delivery | not deliverable | bounced mail | bounce: | error de envío |
    warning: could not send | warning: message | warning - delayed | dsn: | ndn: | notification d'état |
    permanent delivery failure | server error notification | your message could not | unzustell |
    nicht zugestellt | fehler bei der zustellung | mail-zustellung | warnung: nachricht | non remis | non remise |
    échec de la remise | message non distribu | no se puede entregar | no se pudo entregar |
    mensaje no entregado | notificación de estado | notifica di mancato | mancato recapito | non recapitabile |
    messaggio non recapitato | niet te bestellen | onbestelbaar | não é possível entregar | falha na entrega |
    niedostarczalne | niedoręczone | kan inte levereras | olevererbart | det går inte att leverera | ikke levert |
    kan ikke leveres | uleverbar | ei voi toimittaa | nedoručitelné | недоставленное | не доставлено |
    не удалось доставить | недоставлено | 退信 | 系统退信 | 无法送达 | 未送达 | 未传递 |
    配信不能 | 配信できません | エラーメール | 送信エラー
    """
)
# Words that no parcel service and no shop writes.
_OF_MAIL: Final = phrases(
    "undeliverable | undelivered mail | mail delivery | returned mail | failure notice | delivery status notification"
)
_NO_REPLY: Final = ("noreply", "no-reply", "no_reply", "donotreply", "do-not-reply")
_ANSWERS: Final = phrases(
    "re | aw | sv | vs | antw | odp | r | rif | res | ref | ynt | vá | ha | bls | απ | отв | 回复 | 回覆 | 返信"
)
_ANSWER: Final = re.compile(
    rf"(?:{'|'.join(map(re.escape, (*_ANSWERS, *FORWARD_SUBJECTS)))})(?:\[\d{{1,3}}\])?\s?[:\uff1a]"
)


def subject_of(root: Part) -> str:
    """Return the decoded subject, casefolded."""
    return " ".join(words.decode(root.first("subject")).split()).casefold()


def robot_sender(root: Part) -> bool:
    """Tell whether the sender's name or address is one of those under which mail systems write."""
    folded = _sender(root)
    if folded in {"", "<>"}:
        # RFC 5321 §4.5.5 in the wrong place: mail systems do it, people cannot
        return folded == "<>" or null_path(root)
    local = _local(folded)
    if local in _ROBOT_LOCALS or local.startswith(_ROBOT_STARTS) or any(name in folded for name in _ROBOT_NAMES):
        return True
    return not _ROBOT_WORDS.isdisjoint(re.split(r"[._-]", local))


def staffed_sender(root: Part) -> bool:
    """Tell whether the sender is an office that writes by machine and by hand."""
    folded = _sender(root)
    return _local(folded) in _STAFFED or "postmaster" in folded


def _sender(root: Part) -> str:
    return (words.decode(root.first("from")) or root.first("sender")).strip().casefold()


def _local(folded: str) -> str:
    match = ADDRESS.search(folded)
    return (match[0].partition("@")[0] if match else folded.strip("<> ")).strip("\"'")


def robot_subject(root: Part) -> bool:
    """Tell whether the subject is a notice's own, and neither an answer to one nor a forward of one."""
    subject = subject_of(root)
    if _ANSWER.match(subject):
        return False
    return subject.lstrip("*[({!- ").startswith(_SUBJECTS) or _speaks_of_mail(subject)


def _speaks_of_mail(subject: str) -> bool:
    return any(phrase in subject for phrase in _OF_MAIL)


def answer_or_forward(root: Part) -> bool:
    """Tell whether the subject says that a person answered or forwarded."""
    return _ANSWER.match(subject_of(root)) is not None


def null_path(root: Part) -> bool:
    """Tell whether the header says that the envelope had the null sender."""
    return any(value.strip() == "<>" for value in root.values("return-path"))


def carries_mail(root: Part) -> bool:
    """Tell whether a mail or its header is attached, as mail systems return them."""
    return any(part.content_type in EMBEDDING for part in root.walk())


def automatic(root: Part) -> bool:
    """Tell whether the fields say that no person sent the mail."""
    submitted = root.first("auto-submitted").strip().casefold()
    return submitted.startswith("auto-") or root.first("precedence").strip().casefold() in {
        "bulk",
        "junk",
        "auto_reply",
    }


def is_notice(root: Part) -> bool:
    """Tell whether a mail without a standard report is shaped like a mail system's notice."""
    if any(root.first(name) for name in _FIELDS):
        return True
    if robot_sender(root):
        return not answer_or_forward(root) or null_path(root)
    if staffed_sender(root):
        return robot_subject(root) or ((null_path(root) or automatic(root)) and not answer_or_forward(root))
    if _local(_sender(root)).startswith(_NO_REPLY) and _speaks_of_mail(subject_of(root)):
        return not answer_or_forward(root)
    return robot_subject(root) and (null_path(root) or automatic(root) or carries_mail(root))
