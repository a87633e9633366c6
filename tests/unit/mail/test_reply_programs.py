"""What mail programs write between a new text and the old one, program by program, and what only looks like it."""

from __future__ import annotations

import pytest

from gateway.mail import reply

NEW = "It works now, thanks."

# Above a quote. Every language of the tables, and some that stand in none.
ATTRIBUTIONS = {
    "en gmail": "On Wed, Apr 3, 2024 at 10:12 AM Jane Doe <jane@example.org> wrote:",
    "en apple": "On Apr 3, 2024, at 10:12 AM, Jane Doe <jane@example.org> wrote:",
    "en thunderbird": "On 03.04.24 10:12, Jane Doe wrote:",
    "en yahoo": "On Wednesday, April 3, 2024 at 10:12:00 AM PDT, Jane Doe <jane@example.org> wrote:",
    "en proton": "On Wednesday, April 3rd, 2024 at 10:12, Jane Doe <jane@example.org> wrote:",
    "en mutt": "On Wed, Apr 03, 2024 at 10:12:00AM +0200, Jane Doe wrote:",
    "en gnus": "Jane Doe <jane@example.org> writes:",
    "en evolution": "On Wed, 2024-04-03 at 10:12 +0200, Jane Doe wrote:",
    "en kmail": "On Wednesday 3 April 2024 10:12:00 Jane Doe wrote:",
    "en aol": "In a message dated 4/3/2024 10:12:00 AM Eastern Standard Time, jane@example.org writes:",
    "en roundcube": "On 2024-04-03 10:12, Jane Doe wrote:",
    "en spark": "On 3 Apr 2024 at 10:12 +0200, Jane Doe <jane@example.org>, wrote:",
    "en airmail": "On April 3, 2024 at 10:12:00, Jane Doe (jane@example.org) wrote:",
    "en hey": "On April 3, 2024, Jane Doe <jane@example.org> wrote:",
    "en fastmail": "On Wed, 3 Apr 2024, at 10:12 AM, Jane Doe wrote:",
    "en superhuman": "On Wed, Apr 03, 2024 at 10:12 AM, Jane Doe < jane@example.org > wrote:",
    "en front": "On April 3, 2024 at 10:12 AM GMT+2 jane@example.org wrote:",
    "en quote": "Quoting Jane Doe <jane@example.org>:",
    "en horde": "Zitat von Jane Doe <jane@example.org>:",
    "en ox": "On 04/03/2024 10:12 AM CEST Jane Doe <jane@example.org> wrote:",
    "de ox": "Jane Doe <jane@example.org> hat am 03.04.2024 10:12 CEST geschrieben:",
    "de gmail": "Am Mi., 3. Apr. 2024 um 10:12 Uhr schrieb Jane Doe <jane@example.org>:",
    "de apple": "Am 03.04.2024 um 10:12 schrieb Jane Doe <jane@example.org>:",
    "de tb": "Am 03.04.24 um 10:12 schrieb Jane Doe:",
    "fr gmail": "Le mer. 3 avr. 2024 à 10:12, Jane Doe <jane@example.org> a écrit :",
    "fr apple": "Le 3 avr. 2024 à 10:12, Jane Doe <jane@example.org> a écrit :",
    "fr tb": "Le 03/04/2024 à 10:12, Jane Doe a écrit :",
    "fr wrap": "Le mer. 3 avr. 2024 à 10:12, Jane Doe de la Fontaine\n<jane.doe.de.la.fontaine@example.org> a écrit :",
    "es gmail": "El mié, 3 abr 2024 a las 10:12, Jane Doe (<jane@example.org>) escribió:",
    "es apple": "El 3 abr 2024, a las 10:12, Jane Doe <jane@example.org> escribió:",
    "es tb": "El 3/4/24 a las 10:12, Jane Doe escribió:",
    "it gmail": "Il giorno mer 3 apr 2024 alle ore 10:12 Jane Doe <jane@example.org> ha scritto:",
    "it apple": "Il giorno 3 apr 2024, alle ore 10:12, Jane Doe <jane@example.org> ha scritto:",
    "it tb": "Il 03/04/2024 10:12, Jane Doe ha scritto:",
    "it libero": "Il 03/04/2024 10:12 CEST Jane Doe <jane@example.org> ha scritto:",
    "nl gmail": "Op wo 3 apr 2024 om 10:12 schreef Jane Doe <jane@example.org>:",
    "nl apple": "Op 3 apr 2024, om 10:12 heeft Jane Doe <jane@example.org> het volgende geschreven:",
    "nl tb": "Op 03-04-2024 om 10:12 schreef Jane Doe:",
    "pt gmail": "Em qua., 3 de abr. de 2024 às 10:12, Jane Doe <jane@example.org> escreveu:",
    "pt apple": "No dia 03/04/2024, às 10:12, Jane Doe <jane@example.org> escreveu:",
    "pt tb": "Em 03/04/2024 10:12, Jane Doe escreveu:",
    "pt hotmail": "Em 3 de abr de 2024, à(s) 10:12, Jane Doe <jane@example.org> escreveu:",
    "pt A": "A quarta-feira, 3 de abril de 2024, Jane Doe <jane@example.org> escreveu:",
    "pl gmail": "śr., 3 kwi 2024 o 10:12 Jane Doe <jane@example.org> napisał(a):",
    "pl apple": "Wiadomość napisana przez Jane Doe <jane@example.org> w dniu 03.04.2024, o godz. 10:12:",
    "pl tb": "W dniu 03.04.2024 o 10:12, Jane Doe pisze:",
    "pl onet": "W dniu 2024-04-03 10:12:00 użytkownik Jane Doe <jane@example.org> napisał:",
    "sv gmail": "Den ons 3 apr. 2024 kl 10:12 skrev Jane Doe <jane@example.org>:",
    "sv apple": "3 apr. 2024 kl. 10:12 skrev Jane Doe <jane@example.org>:",
    "sv tb": "Den 2024-04-03 kl. 10:12, skrev Jane Doe:",
    "da gmail": "Den ons. 3. apr. 2024 kl. 10.12 skrev Jane Doe <jane@example.org>:",
    "da apple": "Den 3. apr. 2024 kl. 10.12 skrev Jane Doe <jane@example.org>:",
    "no gmail": "ons. 3. apr. 2024 kl. 10:12 skrev Jane Doe <jane@example.org>:",
    "fi gmail": "ke 3. huhtik. 2024 klo 10.12 Jane Doe (jane@example.org) kirjoitti:",
    "fi apple": "Jane Doe <jane@example.org> kirjoitti 3.4.2024 kello 10.12:",
    "cs gmail": "st 3. 4. 2024 v 10:12 odesílatel Jane Doe <jane@example.org> napsal:",
    "sk gmail": "st 3. 4. 2024 o 10:12 Jane Doe <jane@example.org> napísal(a):",
    "hu gmail": "Jane Doe <jane@example.org> ezt írta (időpont: 2024. ápr. 3., Sze, 10:12):",
    "ro gmail": "mie., 3 apr. 2024 la 10:12, Jane Doe <jane@example.org> a scris:",
    "tr gmail": "Jane Doe <jane@example.org>, 3 Nis 2024 Çar, 10:12 tarihinde şunu yazdı:",
    "ru gmail": "ср, 3 апр. 2024 г. в 10:12, Jane Doe <jane@example.org>:",
    "ru mailru": "Среда, 3 апреля 2024, 10:12 +03:00 от Jane Doe <jane@example.org>:",
    "ru yandex": '03.04.2024, 10:12, "Jane Doe" <jane@example.org>:',
    "uk gmail": "ср, 3 квіт. 2024 р. о 10:12 Jane Doe <jane@example.org> пише:",
    "bg gmail": "На ср, 3.04.2024 г. в 10:12 Jane Doe <jane@example.org> написа:",
    "el gmail": "Στις Τετ 3 Απρ 2024 στις 10:12 π.μ., ο χρήστης Jane Doe <jane@example.org> έγραψε:",
    "hr gmail": "sri, 3. tra 2024. u 10:12 Jane Doe <jane@example.org> napisao je:",
    "sl gmail": "V V sre., 3. apr. 2024 ob 10:12 je oseba Jane Doe <jane@example.org> napisala:",
    "ja gmail": "2024年4月3日(水) 10:12 Jane Doe <jane@example.org>:",
    "ja apple": "2024/04/03 10:12、Jane Doe <jane@example.org>のメール:",
    "ja tb": "On 2024/04/03 10:12, 山田太郎 wrote:",
    "ja becky": "Jane Doe <jane@example.org>さんは書きました:",
    "zh gmail": "Jane Doe <jane@example.org> 于2024年4月3日周三 10:12写道：",
    "zh-tw gmail": "Jane Doe <jane@example.org> 於 2024年4月3日 週三 上午10:12寫道：",
    "zh apple": "在 2024年4月3日，10:12，Jane Doe <jane@example.org> 写道：",
    "zh 163": '在 2024-04-03 10:12:00，"Jane Doe" <jane@example.org> 写道：',
    "ko gmail": "2024년 4월 3일 (수) 오전 10:12, Jane Doe <jane@example.org>님이 작성:",
    "ko apple": "2024. 4. 3. 오전 10:12, Jane Doe <jane@example.org> 작성:",
    "vi gmail": "Vào Th 4, 3 thg 4, 2024 vào lúc 10:12 Jane Doe <jane@example.org> đã viết:",
    "he gmail": "\u202bבתאריך יום ד׳, 3 באפר׳ 2024 ב-10:12 מאת Jane Doe <\u202ajane@example.org\u202c\u200f>:\u202c",
    "ar gmail": "في الأربعاء، 3 أبريل 2024 في 10:12 ص تمت كتابة ما يلي بواسطة Jane Doe <jane@example.org>:",
    "id gmail": "Pada tanggal Rab, 3 Apr 2024 pukul 10.12 Jane Doe <jane@example.org> menulis:",
    "th gmail": "เมื่อ วันพุธที่ 3 เม.ย. 2024 เวลา 10:12 Jane Doe <jane@example.org> เขียนว่า:",
    "ca gmail": "Missatge de Jane Doe <jane@example.org> del dia dc., 3 d’abr. 2024 a les 10:12:",
    "lt": "2024-04-03, tr, 10:12 Jane Doe <jane@example.org> rašė:",
    "lv": "trešd., 2024. g. 3. apr., plkst. 10:12 — lietotājs Jane Doe (<jane@example.org>) rakstīja:",
    "et": "Kontakt Jane Doe (<jane@example.org>) kirjutas kuupäeval K, 3. aprill 2024 kell 10:12:",
    "no date": "Jane Doe wrote:",
    "multi wrap": "On Wednesday, April 3, 2024 at 10:12:00 AM PDT, Jane Doe via\nSupport <support@example.org>\nwrote:",
}
# From, Sent, To, Subject above a quoted mail, as Outlook writes them
HEADERS = {
    "en": ("From", "Sent", "To", "Subject"),
    "de": ("Von", "Gesendet", "An", "Betreff"),
    "fr": ("De", "Envoyé", "À", "Objet"),
    "fr2": ("De ", "Envoyé ", "À ", "Objet "),
    "es": ("De", "Enviado", "Para", "Asunto"),
    "es2": ("De", "Enviado el", "Para", "Asunto"),
    "es3": ("De", "Fecha", "Para", "Asunto"),
    "it": ("Da", "Inviato", "A", "Oggetto"),
    "it2": ("Da", "Data", "A", "Oggetto"),
    "nl": ("Van", "Verzonden", "Aan", "Onderwerp"),
    "nl2": ("Van", "Datum", "Aan", "Onderwerp"),
    "pt": ("De", "Enviado", "Para", "Assunto"),
    "pt2": ("De", "Enviada em", "Para", "Assunto"),
    "pt3": ("De", "Data", "Para", "Assunto"),
    "pl": ("Od", "Wysłane", "Do", "Temat"),
    "pl2": ("Od", "Data", "Do", "Temat"),
    "sv": ("Från", "Skickat", "Till", "Ämne"),
    "sv2": ("Från", "Datum", "Till", "Ämne"),
    "da": ("Fra", "Sendt", "Til", "Emne"),
    "no": ("Fra", "Dato", "Til", "Emne"),
    "fi": ("Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"),
    "cs": ("Od", "Odesláno", "Komu", "Předmět"),
    "ja": ("差出人", "送信日時", "宛先", "件名"),
    "ja2": ("From", "Sent", "To", "Subject"),
    "zh": ("发件人", "发送时间", "收件人", "主题"),
    "ko": ("보낸 사람", "보낸 날짜", "받는 사람", "제목"),
    "ru": ("От", "Отправлено", "Кому", "Тема"),
    "hu": ("Feladó", "Elküldve", "Címzett", "Tárgy"),
    "tr": ("Gönderen", "Gönderildi", "Kime", "Konu"),
    "el": ("Από", "Στάλθηκε", "Προς", "Θέμα"),
    "ro": ("De la", "Trimis", "Către", "Subiect"),
    "sk": ("Od", "Odoslané", "Komu", "Predmet"),
    "uk": ("Від", "Надіслано", "Кому", "Тема"),
    "hr": ("Od", "Poslano", "Prima", "Predmet"),
    "bg": ("От", "Изпратено", "До", "Относно"),
    "he": ("מאת", "נשלח", "אל", "נושא"),
    "vi": ("Từ", "Ngày", "Đến", "Chủ đề"),
    "ca": ("De", "Enviat", "Per a", "Assumpte"),
    "et": ("Saatja", "Saadetud", "Adressaat", "Teema"),
}
ORIGINALS = [
    "-----Original Message-----",
    "-----Ursprüngliche Nachricht-----",
    "-----Message d'origine-----",
    "-----Mensaje original-----",
    "-----Messaggio originale-----",
    "-----Oorspronkelijk bericht-----",
    "-----Mensagem original-----",
    "-----Wiadomość oryginalna-----",
    "-----Ursprungligt meddelande-----",
    "-----Original besked-----",
    "-----Opprinnelig melding-----",
    "-----Alkuperäinen viesti-----",
    "-----Původní zpráva-----",
    "-----Исходное сообщение-----",
    "-----原始邮件-----",
    "-----元のメッセージ-----",
    "----- Original Message ----- ",
    "-------- Original message --------",
    "-------- Originalnachricht --------",
    "-------- Message d'origine --------",
    "-------- Mensaje original --------",
    "-------- Messaggio originale --------",
    "-------- Oorspronkelijk bericht --------",
    "-------- Mensagem original --------",
    "-------- Oryginalna wiadomość --------",
    "-------- Originalmeddelande --------",
    "-------- Původní zpráva --------",
]
FORWARDS = [
    "---------- Forwarded message ---------",
    "---------- Weitergeleitete Nachricht ---------",
    "---------- Message transféré ---------",
    "---------- Mensaje reenviado ----------",
    "---------- Messaggio inoltrato ---------",
    "---------- Doorgestuurd bericht ----------",
    "---------- Mensagem encaminhada ---------",
    "---------- Przekazana wiadomość ----------",
    "---------- Vidarebefordrat meddelande ---------",
    "---------- 転送メッセージ ----------",
    "Begin forwarded message:",
    "Anfang der weitergeleiteten Nachricht:",
    "Début du message réexpédié :",
    "Inizio messaggio inoltrato:",
    "Inicio del mensaje reenviado:",
    "Begin doorgestuurd bericht:",
    "Início da mensagem encaminhada:",
    "Początek przekazywanej wiadomości:",
    "Vidarebefordrat brev:",
    "-------- Forwarded Message --------",
    "-------- Weitergeleitete Nachricht --------",
    "-------- Message transféré --------",
    "-------- Mensaje reenviado --------",
    "-------- Messaggio Inoltrato --------",
    "-------- Doorgestuurd bericht --------",
    "-------- Mensagem encaminhada --------",
    "-------- Treść przekazanej wiadomości --------",
    "-------- Vidarebefordrat meddelande --------",
    "---------- Videresendt meddelelse ---------",
    "---------- Пересылаемое сообщение ---------",
    "---------- Forwarded by Jane Doe on 04/03/2024 10:12 AM ----------",
]
DEVICES = [
    "Sent from my iPhone",
    "Von meinem iPhone gesendet",
    "Envoyé de mon iPhone",
    "Enviado desde mi iPhone",
    "Inviato da iPhone",
    "Verstuurd vanaf mijn iPhone",
    "Enviado do meu iPhone",
    "Wysłane z iPhone'a",
    "Skickat från min iPhone",
    "iPhoneから送信",
    "Get Outlook for iOS<https://aka.example/o0ukef>",
    "Outlook für Android herunterladen<https://aka.example/x>",
    "Obtenez Outlook pour iOS<https://aka.example/x>",
    "Obtener Outlook para Android",
    "Ottieni Outlook per iOS",
    "Download Outlook voor Android",
    "Obter o Outlook para iOS",
    "Pobierz aplikację Outlook dla systemu iOS",
    "Hämta Outlook för iOS",
    "Outlook for iOS を入手",
    "Sent from Yahoo Mail on Android",
    "Sent from Yahoo Mail for iPhone",
    "Yahoo Mail: Search, Organize, Conquer",
    "Sent with Proton Mail secure email.",
    "Sent from Mail for Windows",
    "Gesendet von Mail für Windows",
    "Provenance : Courrier pour Windows",
    "Enviado desde Correo para Windows",
    "Inviato da Posta per Windows",
    "Verzonden vanuit Mail voor Windows",
    "Sent from my Galaxy",
    "Sent from my iPhone, please excuse typos and brevity",
    "Sent from my BlackBerry wireless device from MetroPCS",
    "Von meinem Samsung Galaxy Smartphone gesendet.",
    "Envoyé depuis mon appareil Galaxy",
    "Enviado desde mi Galaxy",
    "Inviato dal mio Galaxy",
    "Verzonden vanaf mijn Galaxy",
    "Sent from my Samsung Galaxy smartphone.",
    "Sent from my Verizon, Samsung Galaxy smartphone",
    "Sent via the Samsung Galaxy S23, an AT&T 5G smartphone",
    "Gesendet mit der GMX Mail App",
    "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
    "Diese Nachricht wurde von meinem Android Mobiltelefon mit WEB.DE Mail gesendet.",
    "Télécharger Outlook pour Android",
    "Envoyé à partir d’Outlook pour iOS",
    "Gesendet von Outlook für iOS",
    "发自我的iPhone",
    "Отправлено с iPhone",
    "Odesláno z iPhonu",
    "Lähetetty iPhonesta",
    "Sendt fra min iPhone",
]
# A person's own words, however much they look like a program's
OWN_WORDS = {
    "travel form": "Please book:\n\nFrom: Berlin\nTo: Munich\nDate: 3 April 2024\nPassengers: 2\n\nThanks!",
    "travel form2": "I need a ticket.\n\nFrom: Berlin\nTo: Munich\nDate: 03.04.2024\n\nWindow seat please.",
    "i wrote": "On Monday I wrote to you:\nnothing came back.\n\nPlease answer.",
    "he wrote colon": "Our lawyer wrote:\n\nThe contract ends in May.\n\nIs that right?",
    "log": "The server says:\n\n2024-04-03 10:12:00 ERROR db down: reconnect\n\nWhat shall I do?",
    "prompt": "I ran this:\n\n>>> import x\n>>> x.run()\nTraceback\n\nWhy?",
    "shell": "I ran:\n$ ls\n> foo\n\nand nothing.",
    "dashes table": "Prices:\n\n-----------------\nA 10\nB 20\n-----------------\n\nWhich one do I get?",
    "dash list": "Two things:\n-- the first is broken\n-- the second is missing\nPlease help.",
    "md rule": "First problem is here.\n\n---\n\nSecond problem is there. It has many words and goes on.",
    "contact fields": "Please change my data:\n\nName: Bob Roe\nEmail: bob@example.com\nAddress: Street 1",
    "wants from": "From: the date of purchase\nI want a refund.\nTo: my bank account\nDate: today please",
    "from text": "Von: Montag, 3.4. bis Freitag\nAn: allen Tagen geht es nicht.\nWas tun?",
    "sent from question": "I sent from my account 100 EUR to yours.\nDid you receive it?",
    "sent from my": "Sent from my account was 100 EUR, and you received nothing. Why?",
    "sent from my desk": "It is done.\n\nSent from my desk, is much easier than my mobile phone.",
    "from my office": "It was sent.\n\nVon meinem Büro aus kann ich das leider nicht sehen, bitte prüfen Sie es.",
    "sent by you": "It came.\n\nGesendet von Ihrem Lager in Berlin, aber leer und ohne Rechnung dabei.",
    "kind regards in text": "Write Best regards under it.\nBest regards,\nis missing there.",
    "url colon": "See 10:12 at https://example.org/x:\n\nit fails.",
    "address colon": "Please contact Jane <jane@example.org>:\n\nShe knows more.",
    "meeting": "Meeting on 3 April 2024 at 10:12 with Jane <jane@example.org>:\n\nshe cannot come.",
    "quote poem": "> Roses are red\n> violets are blue",
    "fwd sentence": "Forwarded message: please read it.\nThis is mine.",
    "original message word": "Original message\nis what I want to see. Where is it?",
    "pasted block": "I got:\n\nFrom: Shop\nSent: April 1, 2024\nTo: me\nSubject: Your order\n\nIt is late.\n\nTrue?",
    "above this line": "The text above this line is wrong. Please correct.",
    "numbers": "2024-04-03 10:12 the pump stopped:\n\nno pressure.",
    "2017年": "2024年4月3日 10:12 に停止しました：\n\n再起動しました。",
    "signature-like": "Call me:\n\nBob Roe\n+49 30 123456\nbob@example.com",
    "japanese sentence": "昨日、山田さんが書きました。\nでも届いていません。",
    "german": "Am Montag schrieb ich Ihnen bereits:\nkeine Antwort.\n\nBitte melden.",
    "french": "Le 3 avril, Jane a écrit :\n\nRien ne marche.\n\nEst-ce vrai ?",
    "list with gt": "Steps: File > Open > OK\n> this arrow is mine\nnot yours",
    "temp": "Temperature > 30 and\n>50 percent humidity\nare the limits.",
    "xml": "The file has\n<a>\n</a>\nin it.",
    "diff": "--- a/file\n+++ b/file\n@@ -1 +1 @@\n-x\n+y\n\nPlease apply.",
    "csv header": "From;To;Date;Subject\na;b;2024;c\n\nCan you import it?",
    "subject inside": "Subject: wrong invoice\n\nHello, the invoice is wrong.",
    "ps": "Thanks!\n\nBest regards,\nBob\n\nPS: the second invoice is wrong, too.",
}


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_the_quote_below_an_attribution_goes(name: str) -> None:
    line = ATTRIBUTIONS[name]

    assert reply.cut(f"{NEW}\n\n{line}\n\n> Does it work?\n> Regards\n").reply == NEW
    assert reply.cut(f"{line}\n> Does it work?\n> Regards\n\n{NEW}\n").reply == NEW


@pytest.mark.parametrize("language", HEADERS)
@pytest.mark.parametrize("form", ["{}: {}", "*{}:* {}"])
def test_what_stands_below_a_header_block_goes(language: str, form: str) -> None:
    values = ("Jane Doe <jane@example.org>", "03.04.2024 10:12", "Bob", "RE: Printer")
    block = "\n".join(form.format(*field) for field in zip(HEADERS[language], values, strict=True))

    assert reply.cut(f"{NEW}\n\nBob\n\n{block}\n\nDoes it work?\n").reply == f"{NEW}\n\nBob"
    assert reply.cut(f"{NEW}\n\nBob\n\n{'_' * 32}\n{block}\n\nDoes it work?\n").reply == f"{NEW}\n\nBob"


@pytest.mark.parametrize("line", ORIGINALS)
def test_the_original_message_goes(line: str) -> None:
    assert reply.cut(f"{NEW}\n\n{line}\nFrom: Jane\nSubject: Printer\n\nDoes it work?\n").reply == NEW


@pytest.mark.parametrize("line", FORWARDS)
def test_a_forwarded_mail_is_content(line: str) -> None:
    text = f"Please see.\n\n{line}\nFrom: Jane <jane@example.org>\nDate: 3 Apr 2024\nSubject: Printer\nTo: Bob\n\nHelp."

    assert reply.cut(text).reply == text


@pytest.mark.parametrize("line", DEVICES)
def test_a_device_is_a_signature(line: str) -> None:
    cut = reply.cut(f"{NEW}\n\n{line}\n\nOn 3 Apr 2024, at 10:12, Jane <jane@example.org> wrote:\n> Does it work?\n")

    assert (cut.reply, cut.signature) == (NEW, line)


@pytest.mark.parametrize("name", OWN_WORDS)
def test_own_words_stay(name: str) -> None:
    cut = reply.cut(OWN_WORDS[name])

    assert (cut.reply, cut.signature) == (OWN_WORDS[name], None)
