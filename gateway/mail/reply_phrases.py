# ruff: noqa: RUF001
"""Tables for `reply`: the words by which mail programs mark quotes and forwards. Data only.

Everything is casefolded, with plain spaces and straight apostrophes; `|` parts the entries. A new language is a few
words in these tables, never a branch in the code.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class Role(Enum):
    """What a line of a quoted header block says."""

    FROM = "from"
    DATE = "date"
    TO = "to"
    SUBJECT = "subject"
    OTHER = "other"


def phrases(table: str) -> tuple[str, ...]:
    """Return the entries of a table in their order."""
    return tuple(entry for piece in table.split("|") if (entry := " ".join(piece.split())))


# "On 3 April 2012, NAME wrote:". Words that say "wrote"; whole words.
WROTE: Final = phrases(
    """
    wrote | writes | a écrit | a ecrit | schrieb | schreibt | geschrieben | escribió | escribio | escribe |
    ha scritto | scrive | schreef | geschreven | escreveu | escreve | napisał(a) | napisał | napisała |
    napisal(a) | pisze | napisala | skrev | skriver | kirjoitti | napsal(a) | napsal | napsala | napísal(a) | napísal |
    написал(а) | написал | написала | писал(а) | писал | пишет | написав(ла) | написав | пише | написа | a scris |
    írta | ezt írta | yazdı | şunu yazdı | έγραψε | va escriure | ha escrit | je napisao | je napisala |
    je napisao/la | napisao je | je napisal | je napisal/a | kirjutas | rašė | parašė | rakstīja | skrifaði |
    đã viết | menulis | כתב | כתבה | כתב/ה | كتب
    """
)
# The same in scripts that set no spaces between words.
WROTE_CJK: Final = phrases("""
    写道 | 寫道 | 写入 | 寫到 | 编写 | 書きました | のメール | 님이 작성 | 님이 씀 | 작성
    """)

# Words that may stand between the verb and the colon.
AFTER_WROTE: Final = frozenset(
    phrases(
        """
    the following | folgendes | het volgende | lo siguiente | quanto segue | ce qui suit | følgende | följande
    """
    )
)

# How such a line begins, so that a date without a year or an address still counts.
LEADS: Final = phrases(
    """
    on | at | am | le | el | il | em | op | dnia | w dniu | den | d. | på | dne | dňa | в | pada | vào | la data de |
    στις | dana | în | 在 | 于 | 於
    """
)

# "Quoting NAME <address>:" of Horde, SquirrelMail and kin.
QUOTING: Final = phrases("""
    quoting | zitat von | citando | cytowanie | citat från | quote von | wiadomość napisana przez | missatge de
    """)

# -----Original Message----- and kin: everything below is the mail that is answered.
ORIGINAL: Final = frozenset(
    phrases(
        """
    original message | original appointment | original email | original mail | reply message | reply separator |
    ursprüngliche nachricht | ursprungliche nachricht | ursprüngliche mail | originalnachricht |
    original-nachricht | original nachricht | original-mail | urspr. nachricht | ursprünglicher termin |
    message d'origine | message original | message initial | mail original | courriel original |
    messaggio originale | messaggio originario | mensaje original | mensagem original | missatge original |
    oorspronkelijk bericht | origineel bericht | oorspronkelijke bericht | oprindelig meddelelse |
    original besked |
    original meddelelse | originalmeddelelse | opprinnelig melding | original melding | originalmelding |
    originalmeddelande | ursprungligt meddelande | ursprungsmeddelande | alkuperäinen viesti |
    wiadomość oryginalna | oryginalna wiadomość | pierwotna wiadomość | původní zpráva | původní e-mail |
    puvodni zprava |
    originální zpráva | pôvodná správa | исходное сообщение | оригинальное сообщение | первоначальное сообщение |
    оригінальне повідомлення | eredeti üzenet | mesaj original | mesajul original | orijinal mesaj | özgün ileti |
    αρχικό μήνυμα | originalna poruka | izvirno sporočilo | 原始邮件 | 原始郵件 | 原始信件 | 原邮件 | 原郵件 |
    元のメッセージ | オリジナルメッセージ | 元のメール | original メッセージ | 원본 메시지 | 원본 메일 |
    original message follows
    """
    )
)

# ---------- Forwarded message ---------- and kin: everything below is what the author wants us to read.
FORWARDED: Final = frozenset(
    phrases(
        """
    forwarded message | forwarded mail | forwarded by | forwarded email | begin forwarded message |
    start of forwarded message | weitergeleitete nachricht | weitergeleitete mail |
    anfang der weitergeleiteten nachricht | anfang der weitergeleiteten e-mail | weitergeleitet von |
    message transféré | message transmis | message réexpédié | message transféré par |
    début du message réexpédié | début du message transféré | messaggio inoltrato | inizio messaggio inoltrato |
    inizio del messaggio inoltrato | mensaje reenviado | inicio del mensaje reenviado | mensagem encaminhada |
    mensagem reencaminhada | início da mensagem reenviada | início da mensagem encaminhada |
    doorgestuurd bericht | begin doorgestuurd bericht | begin van doorgestuurd bericht | przekazana wiadomość |
    wiadomość przekazana | wiadomość przekazana dalej | treść przekazanej wiadomości |
    początek przekazywanej wiadomości | vidarebefordrat meddelande | vidarebefordrat brev | vidarebefordrat mejl |
    videresendt meddelelse | videresendt besked | videresendt mail | videresendt melding | videresendte beskeder |
    start på videresendt besked | videresendt e-post | edelleenlähetetty viesti | edelleen lähetetty viesti |
    välitetty viesti | välitetty viesti alkaa | přeposlaná zpráva | předaná zpráva | preposlaná správa |
    пересылаемое сообщение | пересланное сообщение | перенаправленное сообщение |
    начало переадресованного сообщения | начало пересланного сообщения | пересланное письмо |
    переслане повідомлення | továbbított üzenet | mesaj redirecționat | yönlendirilen ileti | iletilen mesaj |
    προωθημένο μήνυμα | missatge reenviat | 转发邮件信息 | 转发的邮件 | 轉寄郵件 | 已转发邮件 | 以下是转发的邮件 |
    開始轉寄郵件 | 转发邮件 | 転送メッセージ | 転送されたメッセージ | 転送メール | 전달된 메시지 | 전달된 메일
    """
    )
)

# Subjects of forwards, up to the colon: in Outlook a forward and an answer look alike in the text.
FORWARD_SUBJECTS: Final = frozenset(
    phrases("""
    fw | fwd | wg | tr | rv | i | enc | doorst | pd | vb | vs | vl | fs | пересл | 转发 | 轉寄 | 転送
    """)
)

# Help desks put such a line above their mails; what stands below it is theirs.
REPLY_ABOVE: Final = phrases(
    """
    reply above this line | type your reply above | write above this line | respond above this line |
    antworten sie oberhalb dieser linie | antwort oberhalb dieser zeile | répondez au-dessus de cette ligne |
    répondre au-dessus de cette ligne | responda por encima de esta línea | rispondi sopra questa riga |
    reageer boven deze regel | responda acima desta linha | svara ovanför denna rad | svar over denne linje
    """
)

# Keys of a quoted header block ("Von: ... Gesendet: ... An: ... Betreff: ...").
_KEYS: Final = {
    Role.FROM: """
    from | von | de | da | van | od | från | fra | lähettäjä | keneltä | от | от кого | від | expéditeur |
    remitente | mittente | afzender | remetente | nadawca | odesílatel | feladó | kimden | gönderen | από | ot |
    šalje | 发件人 | 寄件者 | 寄件人 | 差出人 | 送信者 | 보낸 사람 | 보낸사람 |
    de la | מאת | từ | saatja | remitent
    """,
    Role.DATE: """
    sent | date | gesendet | datum | envoyé | envoyé le | date d'envoi | enviado | enviado el | enviado em |
    enviada em | fecha | inviato | data | data invio | verzonden | verzonden op | wysłano | wysłane |
    data wysłania | skickat | skickad | sendt | dato | lähetetty | päivämäärä | odesláno | odoslané | dátum |
    отправлено | дата | отправлен | надіслано | elküldve | küldve | trimis | tarih | gönderildi |
    gönderme tarihi | gönderilmiş | ημερομηνία | στάλθηκε | poslano | 发送时间 | 发送日期 | 寄件日期 | 傳送時間 |
    日期 | 时间 | 送信日時 | 送信日 | 日時 | 日付 | 보낸 날짜 | 날짜 | sent on | sent at | gesendet am |
    изпратено | נשלח | תאריך | ngày | đã gửi | enviat | saadetud | kuupäev | изпратен | data trimiterii
    """,
    Role.TO: """
    to | an | à | a | para | aan | naar | do | till | til | vastaanottaja | kenelle | komu | pro | кому |
    destinataire | destinatario | destinatário | címzett | către | kime | alıcı | προς | prima | za | 收件人 |
    收件者 | 宛先 | 받는 사람 | 받는사람 | destinataires | pour |
    до | אל | đến | tới | per a | adressaat | saaja
    """,
    Role.SUBJECT: """
    subject | betreff | objet | sujet | asunto | oggetto | onderwerp | assunto | temat | ämne | emne | aihe |
    předmět | predmet | тема | тема письма | tárgy | subiect | konu | θέμα | assumpte | zadeva | 主题 | 主題 |
    主旨 | 件名 | 제목 |
    относно | נושא | chủ đề | teema
    """,
    Role.OTHER: """
    cc | kopie | copie | copie à | copia | kopia | kopi | kopio | копия | копія | másolat | bilgi | 抄送 | 副本 |
    参照 | 참조 | bcc | reply-to | antwort an | répondre à | risposta | rispondi a | responder a | antwoord aan |
    svar till | svar til | responder para | 回复 | 回覆 | importance | wichtigkeit | priority | priorität |
    attachments | anlagen | anhänge | message-id | organization | mailed-by | signed-by | ответить |
    添付ファイル | 附件 | 重要度 | pièces jointes | allegati | adjuntos | bijlagen | organisation | list-post |
    when | where | wann | ort
    """,
}
HEADER_KEYS: Final = {key: role for role, keys in _KEYS.items() for key in phrases(keys)}
