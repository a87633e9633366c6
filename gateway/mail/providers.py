"""Domains under which anybody gets a mailbox: their users have nothing in common, so they are no organisation."""

from __future__ import annotations

from typing import Final

GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})

_DOMAINS: Final = """
    126.com 139.com 163.com 189.cn 21cn.com aim.com aliyun.com aol.com arcor.de att.net bell.net bellsouth.net
    bigpond.com bluewin.ch bol.com.br btinternet.com caramail.com centrum.cz charter.net comcast.net cox.net
    daum.net docomo.ne.jp duck.com earthlink.net email.cz email.com ezweb.ne.jp fastmail.com fastmail.fm
    foxmail.com free.fr freenet.de gmx.at gmx.ch gmx.com gmx.de gmx.fr gmx.net gmx.co.uk googlemail.com
    hanmail.net hey.com home.nl hotmail.be hotmail.co.jp hotmail.co.uk hotmail.com hotmail.com.br hotmail.de
    hotmail.es hotmail.fr hotmail.it hotmail.nl hushmail.com i.softbank.jp icloud.com ig.com.br inbox.lv
    inbox.ru interia.pl juno.com kakao.com kpnmail.nl laposte.net libero.it list.ru live.be live.ca live.co.uk
    live.com live.com.au live.com.mx live.de live.fr live.it live.nl live.se mac.com mail.bg mail.com mail.de
    mail.ee mail.ru mailbox.org mailfence.com me.com msn.com nate.com naver.com neuf.fr o2.pl onet.eu onet.pl
    online.de online.no optonline.net optusnet.com.au orange.fr outlook.at outlook.be outlook.com outlook.com.br
    outlook.de outlook.es outlook.fr outlook.ie outlook.it outlook.jp outlook.pt pm.me poczta.onet.pl posteo.de
    posteo.net proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com rogers.com
    runbox.com sapo.pt sbcglobal.net sfr.fr shaw.ca sina.cn sina.com sky.com skynet.be softbank.ne.jp sohu.com
    startmail.com sympatico.ca t-online.de talktalk.net telenet.be telia.com terra.com.br tin.it tiscali.it
    tlen.pl tuta.com tuta.io tutanota.com tutanota.de ukr.net uol.com.br verizon.net virgilio.it virginmedia.com
    vodafone.de volny.cz wanadoo.fr web.de windowslive.com wp.pl xtra.co.nz ya.ru yahoo.ca yahoo.co.in
    yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.cn yahoo.com.hk
    yahoo.com.mx yahoo.com.tw yahoo.de yahoo.es yahoo.fr yahoo.gr yahoo.ie yahoo.in yahoo.it yahoo.ro yahoo.se
    yandex.com yandex.ru yeah.net ymail.com ziggo.nl zoho.com zohomail.com
"""

FREE_MAIL: Final = GMAIL | frozenset(_DOMAINS.split())
