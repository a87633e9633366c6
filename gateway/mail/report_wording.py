"""Tables and small judgements for `report_notice`: the words of mail systems, in the languages they are sold in."""

from __future__ import annotations

import re
from typing import Final

from gateway.mail.reply_phrases import phrases

# Lines below which the returned mail stands. Compared casefolded, without rules and stars around them.
_SEPARATORS: Final = phrases(
    """
    below this line is a copy of the message | this is a copy of the message, including all the headers |
    this is a copy of your message, including all the headers | this is a copy of the message |
    this is a copy of your message | original message follows | the original message follows | original message |
    original message header | original message headers | original headers | original header |
    message header follows | message headers follow | the header of the original message is following |
    header of the original message | your original message | your message follows | original mail |
    original email | unsent message follows | the original message | returned message follows | returned message |
    copy of your message | below is a copy of | included is a copy of | here is a copy of |
    a copy of the message | a copy of your message | the first 50 lines of the original message follow |
    message text follows | message follows | text of your message | start of returned message |
    begin included message | forwarded message | undelivered message | undeliverable message |
    below is the original message | below this line is the original | returned mail | ursprüngliche nachricht |
    originalnachricht | ihre nachricht lautete | im folgenden ihre nachricht | der kopf der originalnachricht |
    message d'origine | message original | mensaje original | messaggio originale | mensagem original |
    oorspronkelijk bericht | original message included | original message attached |
    transcript of original message | the message header follows | the headers of your message |
    headers of the message | original message transcript follows | begin original message | message content
    """
)
_ORNAMENT: Final = "-=_*#~+|<>[]() \t:."

_DELAY: Final = phrases(
    """
    warning message only | has been postponed | was postponed | advisory-only | this is a warning |
    delivery delayed | has been delayed | is delayed | was delayed | delayed delivery | temporarily delayed |
    will keep trying | will continue to | will be retried | will retry | still trying | still being retried |
    attempts will continue | delivery will continue to be attempted | retrying to deliver |
    do not need to resend | need not resend | no action is required | no action on your part |
    not yet been delivered | could not yet be delivered | has not been delivered yet | not been delivered yet |
    remains undelivered | delivery status: delayed | message is still in the queue | still in queue |
    has been queued | is being retried | delivery attempts will continue | you do not have to |
    transient non-fatal | wird weiterhin | konnte noch nicht | verzögert | n'a pas encore | retardé |
    aún no se ha | todavía no | non è stato ancora | nog niet | ainda não | jeszcze nie | ännu inte | пока не |
    ещё не
    """
)
# Words of a final failure, which outweigh those of a delay ("could not be delivered and will not be retried").
_FINAL: Final = phrases(
    """
    permanent error | permanent failure | permanent fatal | permanently | fatal error | giving up | given up |
    will not be retried | no longer be | returned to sender | unknown user | user unknown | no such user |
    does not exist | not found | gave up | retry timeout exceeded | too long in queue |
    retry time not reached for any host after a long failure period | will be deleted from queue |
    no further attempts | has been removed from the queue
    """
)
_FAILURE: Final = phrases(
    """
    aborted | not known | problem | trouble | did not | not find | not recognized | unavailable | not available |
    could not be delivered | couldn't be delivered | cannot be delivered | can't be delivered | not be delivered |
    could not deliver | couldn't deliver | cannot deliver | unable to deliver | wasn't able to deliver |
    was not able to deliver | not able to deliver | undeliver | delivery fail | failed delivery |
    failed to deliver | delivery has failed | delivery to the following | did not reach | not reach |
    not delivered | wasn't delivered | no such | unknown | does not exist | doesn't exist | not exist |
    not found | invalid | rejected | refused | denied | blocked | fail | error | bounced | returned | over quota |
    quota | mailbox | disabled | inactive | not listed | unrouteable | unroutable | host | permanent | fatal |
    not accept | unzustell | nicht zugestellt | nicht zustellen | fehler | unbekannt | existiert nicht |
    n'a pas pu | n'a pu | inconnu | échec | no se pudo | no se ha podido | no existe | non è stato possibile |
    impossibile | non esiste | sconosciuto | kon niet | niet bestaa | onbekend | não foi possível | não existe |
    nie można | nie istnieje | kunde inte | inte att leverera | hittades inte |
    finns inte | kunne ikke | ikke leveres | findes ikke | finnes ikke | nedoručen | nelze doručit | ei voitu |
    ei voida | nem sikerült | nem kézbesíthető | teslim edilemedi | kunde ej |
    не удалось | не может быть | не существует | 无法 | 失败 | 不存在 | 退信 | 配信 | 届け | エラー |
    見つかりません | 失敗
    """
)
# Reasons that pass by themselves: a full box, a host that is away.
_PASSING: Final = phrases(
    """
    mailbox full | mailbox is full | mail box full | mailbox size | over quota | overquota | quota exceeded |
    exceeded quota | exceeded the quota | exceeds quota | exceeded storage | exceeded its | exceeded their |
    out of storage | is full | full mailbox | quota | timed out | timeout | time out | connection refused |
    not respond | no route to host | temporar | try again | too busy | insufficient | greylist | graylist |
    rate limit | too many | not reachable | unreachable | postfach voll | postfach ist voll | boîte pleine |
    buzón lleno | casella piena | mailbox vol | caixa cheia | skrzynka pełna | переполнен | 已满 | 容量 |
    いっぱい
    """
)

# Words right before an address that make it the one that could not be reached; and those that make it another's.
_TO: Final = phrases(
    """
    recipient | recipients | recipient address | addressee | addressees | rcpt to | to | user | users | userid |
    user id | mailbox | account | address | addresses | for | failed | undeliverable | reach | deliver |
    delivered | size | name | smtp | rfc822 | original-recipient | final-recipient | local | error | unknown |
    generated from | expanded from | destinataire | destinatario | destinatário | empfänger | adresse | an |
    konto | benutzer | à | para | dirección | indirizzo | odbiorca | odbiorcy | mottagare | mottaker | modtager |
    ontvanger | adres | vastaanottaja | получатель | получателю | адрес | адресат | адресу | пользователь
    """
)
_TO_CJK: Final = phrases("收件人 | 收件者 | 用户 | 地址 | 宛先 | 宛 | アドレス | 받는 사람")
_NOT: Final = phrases(
    """
    from | sender | mail from | by | via | contact | please | questions | help | support | administrator | admin |
    postmaster | reply | reply-to | write | von | absender | de la part de | expéditeur | remitente | mittente |
    afzender | remetente | nadawca | avsändare | отправитель | message-id | message id | msgid | id | queue id |
    e-mail us | email us | email | forward to | forward this to | forward it to | forwarding this to | report to |
    send email to | send e-mail to | send mail to | send a message to | send an email to | send an e-mail to |
    send this to | try sending to | emailing to | e-mailing to | mailing to | assistance | details | mailto |
    writing to | return-path | accepting mail from
    """
)
_NOT_CJK: Final = phrases("发件人 | 差出人 | 寄件者 | 보낸 사람")
_BETWEEN: Final = r"[\s:=;<(\[\"'#*>.,-]{0,12}$"


def _behind(latin: tuple[str, ...], cjk: tuple[str, ...], more: str = "") -> re.Pattern[str]:
    longest_first = sorted(latin, key=len, reverse=True)
    return re.compile(rf"(?:(?<!\w)(?:{'|'.join(map(re.escape, longest_first))}{more})|{'|'.join(cjk)}){_BETWEEN}")


_BEHIND_TO: Final = _behind(_TO, _TO_CJK, r"|[45]\d\d(?:[ -][45]\.\d{1,3}\.\d{1,3})?|[45]\.\d{1,3}\.\d{1,3}")
_BEHIND_NOT: Final = _behind(_NOT, _NOT_CJK)
_FIRST: Final = re.compile(r"[\s<(\[\"'*>|=\u2022\u00b7-]*(?:\d{1,3}[.)]\s+)?(?:rfc822;\s?|smtp:)?[<\"'(]?")
_QUOTED_NAME: Final = re.compile(r"\s*\"[^\"]{1,80}\"\s*<")
_ANNOUNCES: Final = re.compile(
    r"(?:following|these|folgende|suivant|siguiente|seguent|volgende|seguinte|följande|følgende|seuraav|następując"
    r"|následující|nasledujúc|следующ|alábbi|următor|belirtilen|以下|下列|下記)[^@]{0,80}[:.\uff1a]?$"
)
_STAFF: Final = (
    "postmaster@",
    "abuse@",
    "support@",
    "helpdesk@",
    "mailer-daemon@",
    "hostmaster@",
    "webmaster@",
    "noc@",
)
_NEAR: Final = 60  # characters before an address that are looked at
_SEPARATOR: Final = 120  # characters; a separator is a short line
_TAIL: Final = 30  # characters after the words of a separator

# How sure it is that an address in a notice is a recipient's.
FIRST: Final = 4  # it stands first on its line
KEYWORD: Final = 3  # behind one of the words above
SPOKEN: Final = 2  # in a line that speaks of failure
SOMEWHERE: Final = 1


def is_separator(line: str) -> bool:
    """Tell whether the returned mail begins below this line."""
    text = line.strip(_ORNAMENT).casefold()
    if not text or len(text) > _SEPARATOR:
        return False
    ruled = line.strip()[:1] in "-_=*#~+|>" or line.rstrip().endswith((":", "-", "=", "*", "."))
    return ruled and any(text.startswith(phrase) and len(text) - len(phrase) <= _TAIL for phrase in _SEPARATORS)


def announces(line: str) -> bool:
    """Tell whether the recipients stand below this line: "did not reach the following recipient(s):"."""
    return _ANNOUNCES.search(line.strip().casefold()[-_SEPARATOR:]) is not None


def is_delay(text: str) -> bool:
    """Tell whether a notice (casefolded) is a warning: the mail system goes on trying."""
    return any(phrase in text for phrase in _DELAY) and not any(phrase in text for phrase in _FINAL)


def is_failure(text: str) -> bool:
    """Tell whether a notice (casefolded) speaks of failure at all."""
    return any(phrase in text for phrase in _FAILURE)


def is_passing(text: str) -> bool:
    """Tell whether a reason (casefolded) passes by itself."""
    return any(phrase in text for phrase in _PASSING)


def rank(line: str, start: int, end: int, above: str, *, adjacent: bool) -> int:
    """Weigh an address in a line: FIRST, KEYWORD, SPOKEN, SOMEWHERE, or 0 if it is nobody's who was written to.

    `above` is the line of text before it, `adjacent` if no empty line lies between: a sentence may go on.
    """
    if start and line[start - 1] == "/":
        return 0  # part of a link
    before = line[max(0, start - _NEAR) : start].casefold()
    if line[start:end].casefold().startswith("smtp="):
        return FIRST  # Exchange 5: "c=US;a= ;p=Example;o=Site;dda:SMTP=user@example.org;"
    staff = line[start:end].casefold().startswith(_STAFF)
    if start < _NEAR and (_FIRST.fullmatch(before) or _QUOTED_NAME.fullmatch(before)):
        wrapped = adjacent and not before.strip() and above[-1:].isalnum()
        if (staff and line.strip() != line[start:end]) or _BEHIND_NOT.search(above.casefold()[-_NEAR:]):
            return SOMEWHERE
        if not wrapped:
            return FIRST
        before = f"{above[-_NEAR:]} ".casefold()
    to, other = _BEHIND_TO.search(before), _BEHIND_NOT.search(before)
    if to and not (other and other.start() < to.start()):  # "send mail to" says more than "to"
        return SOMEWHERE if staff else KEYWORD
    if other:
        return 0
    return SPOKEN if not staff and (is_failure(line.casefold()) or " not " in line) else SOMEWHERE
