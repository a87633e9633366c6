"""The charsets that we decode: every name that mailers use for them, letters and digits only, to Python's codecs.

Where one codec is a superset of the one that was named, the superset is used: mailers name the small one and send the
large one (GB2312 means GB18030, Shift_JIS means code page 932, ISO 8859-9 means Windows-1254).
"""

from __future__ import annotations

from typing import Final

JAPANESE_7BIT: Final = ("iso2022_jp_ext", "iso2022_jp_2004", "iso2022_jp_2")
WESTERN: Final = frozenset({"cp1252"})  # named so often and so wrongly that UTF-8 is tried first

_FAMILIES: Final[dict[tuple[str, ...], str]] = {
    ("cp1252",): "usascii ascii ansix341968 iso646us us iso88591 88591 latin1 l1 cp819 ibm819 iso885911987 "
    "windows1252 cp1252 xansi ansi xcp1252 iso8859 xiso88591 westerneuropean",
    ("utf-8",): "utf8 unicode11utf8 xutf8 cp65001 utf8sig utf8mb4 65001 xunicode20utf8 csutf8",
    ("utf_7",): "utf7 unicode11utf7 unicode20utf7 xunicode20utf7",
    ("utf_16",): "utf16 ucs2 unicode iso10646ucs2",
    ("utf_16_le",): "utf16le unicodelittle",
    ("utf_16_be",): "utf16be unicodebig",
    ("utf_32",): "utf32 ucs4 iso10646ucs4",
    ("utf_32_le",): "utf32le",
    ("utf_32_be",): "utf32be",
    ("cp1250",): "windows1250 cp1250 xcp1250",
    ("cp1251",): "windows1251 cp1251 xcp1251 win1251 1251",
    ("cp1253",): "windows1253 cp1253",
    ("cp1254",): "windows1254 cp1254 iso88599 latin5 l5",
    ("cp1255", "iso8859_8"): "windows1255 cp1255 iso88598 iso88598i iso88598e hebrew logical visual",
    ("cp1256",): "windows1256 cp1256",
    ("cp1257",): "windows1257 cp1257",
    ("cp1258",): "windows1258 cp1258",
    ("cp874", "iso8859_11"): "windows874 cp874 tis620 tis62025331 iso885911 iso8859112001",
    ("iso8859_2",): "iso88592 latin2 l2 iso885921987",
    ("iso8859_3",): "iso88593 latin3 l3",
    ("iso8859_4",): "iso88594 latin4 l4",
    ("iso8859_5",): "iso88595 cyrillic",
    ("iso8859_6",): "iso88596 arabic asmo708 ecma114",
    ("iso8859_7",): "iso88597 greek greek8 ecma118 elot928",
    ("iso8859_10",): "iso885910 latin6 l6",
    ("iso8859_13",): "iso885913 latin7",
    ("iso8859_14",): "iso885914 latin8 iso8859141998",
    ("iso8859_15",): "iso885915 latin9 latin0 iso8859151998",
    ("iso8859_16",): "iso885916 latin10",
    ("koi8_r",): "koi8r koi8 cskoi8r",
    ("koi8_u",): "koi8u koi8ru",
    ("koi8_t",): "koi8t",
    ("mac_roman",): "macintosh mac macroman xmacroman xmac",
    ("mac_cyrillic",): "maccyrillic xmaccyrillic xmacukrainian",
    ("mac_latin2",): "maccentraleurope xmacce",
    ("mac_greek",): "macgreek xmacgreek",
    ("mac_turkish",): "macturkish xmacturkish",
    ("cp437",): "cp437 ibm437 437",
    ("cp720",): "cp720",
    ("cp737",): "cp737 ibm737",
    ("cp775",): "cp775 ibm775",
    ("cp850",): "cp850 ibm850 850 pc850",
    ("cp852",): "cp852 ibm852 852",
    ("cp855",): "cp855 ibm855",
    ("cp857",): "cp857 ibm857",
    ("cp858",): "cp858 ibm858 ibm00858",
    ("cp860",): "cp860 ibm860",
    ("cp862",): "cp862 ibm862 dos862",
    ("cp863",): "cp863 ibm863",
    ("cp865",): "cp865 ibm865",
    ("cp866",): "cp866 ibm866 866",
    ("kz1048",): "kz1048 rk1048 strk10482002",
    ("ptcp154",): "ptcp154 pt154 cp154",
    ("gb18030",): "gb18030 gb2312 gb231280 eucgb2312 euccn gbk cp936 windows936 936 xgbk ms936 chinese csgb2312 "
    "isoir58 gb gb23121980",
    ("hz",): "hz hzgb hzgb2312",
    ("cp950", "big5hkscs"): "big5 cp950 xxbig5 csbig5 big5tw windows950 cnbig5 big5eten",
    ("big5hkscs", "cp950"): "big5hkscs hkscs",
    ("cp932", "shift_jis_2004"): "shiftjis sjis xsjis mskanji windows31j cp932 ms932 csshiftjis shiftjisms windows932 "
    "shiftjis2004",
    ("euc_jp", "euc_jis_2004"): "eucjp xeucjp xeuc ujis cp51932 eucjpms",
    JAPANESE_7BIT: "iso2022jp csiso2022jp iso2022jp1 iso2022jp2 iso2022jp3 iso2022jpext iso2022jp2004 cp50220 cp50221 "
    "cp50222 iso2022jpms jis jis7",
    ("cp949", "johab"): "euckr ksc56011987 ksc5601 ksc56011989 cp949 uhc ks5601 korean windows949 ms949 kscx5601 "
    "isoir149 xwindows949",
    ("johab",): "johab cp1361",
    ("iso2022_kr",): "iso2022kr csiso2022kr",
}

CODECS: Final[dict[str, tuple[str, ...]]] = {
    name: found for found, names in _FAMILIES.items() for name in names.split()
}
