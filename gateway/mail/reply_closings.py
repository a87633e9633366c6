# ruff: noqa: RUF001
"""Tables for `reply_signature`: what devices, gateways and lawyers put below a person's words. Data only.

Everything is casefolded; `|` parts the entries.
"""

from __future__ import annotations

from typing import Final

from gateway.mail.reply_phrases import phrases

# "Sent from my iPhone": a line that begins so is a signature wherever it ends the author's text.
SENT_FROM: Final = phrases(
    """
    sent from my | sent from mobile | sent from a phone | sent on the move | sent on the go | sent from iphone |
    sent from ipad | from my iphone | from my ipad | from my mobile | from my phone | get outlook for |
    get the outlook app | von meinem | von meiner | von unterwegs gesendet | von iphone gesendet | gesendet von |
    gesendet mit | gesendet über | gesendet aus | gesendet vom | mobil gesendet | diese nachricht wurde von meinem |
    diese nachricht wurde von meiner | diese mail wurde von meinem | outlook für | holen sie sich outlook |
    laden sie outlook | envoyé de | envoyé d' | envoyé à partir d' | yahoo mail: | envoyé depuis |
    envoyé à partir de | envoyé avec | envoyé par mon | télécharger outlook pour | obtenir outlook pour |
    obtenez outlook pour | provenance : courrier | provenance: courrier | enviado desde | enviado do meu |
    enviado a partir do meu | enviado a partir de | enviado de mi | enviado con | enviado com | enviado pelo |
    enviado via | enviat des | obtener outlook para | obter o outlook para | obtenga outlook para | inviato da |
    inviato dal | inviato con | inviato tramite | scarica outlook per | ottieni outlook per | verzonden met |
    verzonden vanaf | verzonden vanuit | verstuurd vanaf | verstuurd met | verstuurd vanuit | verzonden via |
    outlook voor | download outlook voor | wysłane z | wysłano z | wysłane za pomocą | wysłano za pomocą |
    pobierz aplikację outlook | pobierz program outlook | skickat från | skickades från | skickat med |
    hämta outlook för | sendt fra | sendt med | sendt via | hent outlook | få outlook for | skaff deg outlook |
    lähetetty | hanki outlook | odesláno z | odesláno pomocí | odoslané z | získejte outlook | stáhněte si outlook |
    отправлено с | отправлено из | отправлено через | скачать outlook | скачайте outlook | надіслано з |
    wysłano przez | trimis de pe | gönderildi | elküldve | küldve | 发自我的 | 发自 | 來自我的 | 從我的 | 从我的 |
    来自我的 | 获取 outlook | 下载 outlook | iphoneから送信 | ipadから送信 | androidから送信 | 私のiphoneから送信 |
    outlook for ios | outlook for android | outlook for mac | outlook para ios | outlook para android |
    outlook pour ios | outlook pour android | 나의 iphone에서 보냄
    """
)
# The same words at the end of a line, for the languages that set the verb last.
SENT_FROM_END: Final = phrases("""
    gesendet | gesendet. | から送信 | から送信されました | 傳送 | 发送 | 發送 | gönderildi | 에서 보냄
    """)

# "Sent from/with/via/by PRODUCT" counts only with one of the words below, so that a customer's sentence survives.
SENT_VERBS: Final = phrases("""
    sent from | sent with | sent via | sent by | sent using | sent through | via
    """)
DEVICES: Final = phrases(
    """
    mail | mobile | phone | iphone | ipad | ipod | android | galaxy | samsung | huawei | xiaomi | blackberry |
    outlook | thunderbird | tablet | smartphone | handset | nokia | windows | proton | tutanota | superhuman |
    spark | sparrow | boxer | nine | aquamail | k-9 | zoho | front | shift | missive | mimestream | canary | hey |
    device | cell | handy | workspace one | verizon | o2 | vodafone | treo | palm | pixel | oneplus
    """
)

# What gateways, lists and lawyers add below the quoted mail: it is no answer of the author.
FOOTERS: Final = phrases(
    """
    this email and any | this e-mail and any | this email message | this e-mail message |
    this message is intended | this message and any | this message contains confidential |
    this email is confidential | this e-mail is confidential | this communication is | this transmission |
    the information contained in | the information transmitted | the contents of this | confidentiality notice |
    confidentiality: | confidential: | disclaimer | important notice | please consider the environment |
    virus-free | no virus found | checked by avg | scanned by | this email has been | this e-mail has been |
    this message has been | you received this message because | you are receiving this | to unsubscribe |
    diese e-mail enthält | diese e-mail ist | diese nachricht ist | diese nachricht enthält |
    der inhalt dieser e-mail | die information in dieser | diese e-mail wurde | virenfrei |
    vertraulichkeitshinweis | ce message et | ce message est | ce courriel | cet e-mail | cet email |
    l'information contenue | les informations contenues | sans virus | garanti sans virus | este mensaje |
    este correo | la información contenida | aviso legal | aviso de confidencialidad | libre de virus |
    questo messaggio | questa e-mail | le informazioni contenute | avviso di riservatezza | privo di virus |
    dit bericht is | deze e-mail is | de informatie in dit | esta mensagem | este e-mail | este email |
    livre de vírus | niniejsza wiadomość | ta wiadomość | wiadomość wolna od wirus | detta meddelande |
    det här meddelandet | detta e-postmeddelande | denne e-mail | denne e-posten | denne meddelelse |
    tämä viesti | tento e-mail | tato zpráva | это сообщение | данное сообщение | 本邮件 | 本電子郵件 | 本メール |
    このメール
    """
)
# A footer speaks of one of these; a person who answers "this message is wrong" does not.
LEGAL: Final = phrases(
    """
    confiden | intended | recipient | addressee | privileged | virus | malware | scanned | unsubscribe | environment |
    vertraulich | empfänger | bestimmt | destinat | confidenti | riservat | vertrouwelijk | geadresseerde | poufn |
    adresat | konfident | mottagare | modtager | mottaker | luottamuk | vastaanottaja | důvěrn | příjemc | конфиденц |
    адресат | вирус | 机密 | 保密 | 收件人 | 機密
    """
)

# What a person still has to say below the closing.
POSTSCRIPTS: Final = phrases(
    "ps: | ps. | ps - | p.s. | p.s: | p.s | p. s. | pps: | pd: | p.d. | nb: | n.b. | edit: | 追伸"
)

# "Best regards," on a line of its own, with a name below it.
REGARDS: Final = frozenset(
    phrases(
        """
        regards | best regards | kind regards | kindest regards | warm regards | warmest regards | with best regards |
        with kind regards | best wishes | with best wishes | sincerely | sincerely yours | yours sincerely |
        yours faithfully | yours truly | yours | respectfully | cheers | best | all the best | many thanks | thanks |
        thanks a lot | thanks again | thanks in advance | thank you | thank you very much | thank you in advance |
        thanks and regards | thanks & regards | thank you and best regards | thx | br | rgds | take care |
        mit freundlichen grüßen | mit freundlichen grüssen | mit freundlichen gruessen | mit freundlichem gruß |
        mit freundlichem gruss | freundliche grüße | freundliche grüsse | viele grüße | viele grüsse | beste grüße |
        beste grüsse | mit besten grüßen | liebe grüße | liebe grüsse | herzliche grüße | herzliche grüsse |
        schöne grüße | schönen gruß | gruß | gruss | grüße | grüsse | mfg | vg | lg | hochachtungsvoll |
        mit vielen grüßen | vielen dank | danke | besten dank | danke und gruß | vielen dank und viele grüße |
        cordialement | bien cordialement | très cordialement | sincèrement | bien à vous | amicalement |
        meilleures salutations | sincères salutations | salutations | salutations distinguées | cdlt | merci |
        merci d'avance | bien sincèrement | respectueusement | saludos | un saludo | saludos cordiales |
        un cordial saludo | atentamente | cordialmente | muchas gracias | gracias | cordiali saluti | distinti saluti |
        un cordiale saluto | cari saluti | saluti | grazie | grazie mille | buona giornata |
        met vriendelijke groet | met vriendelijke groeten | vriendelijke groet | vriendelijke groeten | groeten |
        groet | hartelijke groet | mvg | hoogachtend | bedankt | alvast bedankt | atenciosamente |
        com os melhores cumprimentos |
        melhores cumprimentos | cumprimentos | obrigado | obrigada | abraço | abraços | att | pozdrawiam |
        serdecznie pozdrawiam | z poważaniem | z wyrazami szacunku | pozdrowienia | dziękuję | med vänlig hälsning |
        med vänliga hälsningar | vänlig hälsning | vänliga hälsningar | bästa hälsningar | hälsningar | mvh | tack |
        tack på förhand | med venlig hilsen | venlig hilsen | bedste hilsner | hilsen | på forhånd tak | tak |
        med vennlig hilsen | vennlig hilsen | beste hilsen | takk | ystävällisin terveisin | terveisin | yst. terv |
        kiitos | s pozdravem | s úctou | děkuji | s přátelským pozdravem | с уважением | всего доброго |
        с наилучшими пожеланиями | спасибо | заранее спасибо | з повагою | дякую | tisztelettel | üdvözlettel |
        cu stimă |
        saygılarımla | teşekkürler | με εκτίμηση | 此致 | 敬礼 | 祝好 | 谢谢 | 謝謝 | 顺颂商祺 | よろしくお願いします |
        よろしくお願いいたします | 宜しくお願い致します | どうぞよろしくお願いいたします | 敬具
        """
    )
)
