"""Names and types of files: what is safe to show and to save, what the first octets say, and what is dangerous."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from gateway.mail import caps

_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_SEPARATORS: Final = re.compile(r'[/\\:*?"<>|]+')
_BLANKS: Final = re.compile(r"\s+")
_PATH: Final = re.compile(r"[A-Za-z]:[\\/]|[\\/]|\.\.?[\\/]")
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(?:\..*)?", re.IGNORECASE)
_EXTENSION: Final = re.compile(r"\.([A-Za-z0-9_-]{1,12})$")

# For parts without a name; what is not here has no extension
EXTENSIONS: Final[dict[str, str]] = {
    "application/gzip": "gz",
    "application/json": "json",
    "application/msword": "doc",
    "application/ms-tnef": "dat",
    "application/octet-stream": "bin",
    "application/pdf": "pdf",
    "application/pgp-encrypted": "asc",
    "application/pgp-keys": "asc",
    "application/pgp-signature": "asc",
    "application/pkcs7-mime": "p7m",
    "application/pkcs7-signature": "p7s",
    "application/rtf": "rtf",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/x-pkcs7-mime": "p7m",
    "application/x-pkcs7-signature": "p7s",
    "application/xml": "xml",
    "application/zip": "zip",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/tiff": "tif",
    "image/webp": "webp",
    "message/delivery-status": "txt",
    "message/disposition-notification": "txt",
    "message/feedback-report": "txt",
    "message/global": "eml",
    "message/news": "eml",
    "message/rfc822": "eml",
    "text/calendar": "ics",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "text/rfc822-headers": "txt",
    "text/rtf": "rtf",
    "text/vcard": "vcf",
    "text/x-vcard": "vcf",
    "text/xml": "xml",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
}

# offset, octets, type; the first that fits. Two-octet signatures stand last
_SIGNATURES: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"MSCF", "application/vnd.ms-cab-compressed"),
    (0, b"\x78\x9f\x3e\x22", "application/ms-tnef"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"\xca\xfe\xba\xbe", "application/java-vm"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),
    (0, b"\0asm", "application/wasm"),
    (0x8001, b"CD001", "application/x-iso9660-image"),
    (0, b"#!", "text/x-shellscript"),
    (0, b"MZ", "application/x-msdownload"),
)
_MARKUP: Final = (
    (b"<!doctype html", "text/html"),
    (b"<html", "text/html"),
    (b"<script", "text/html"),
    (b"<svg", "image/svg+xml"),
)

SHOWN_INLINE: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})

_RUNS: Final = frozenset(
    {
        "application/java-vm",
        "application/wasm",
        "application/x-elf",
        "application/x-iso9660-image",
        "application/x-mach-binary",
        "application/x-ms-shortcut",
        "application/x-msdownload",
        "image/svg+xml",
        "text/html",
        "text/x-shellscript",
    }
)
_RUNNING_NAMES: Final = """
    ade adp apk app appinstaller application appx appxbundle asp aspx bas bat cab chm cmd com cpl crt diagcab
    dll dmg docm dotm exe fxp gadget grp hlp hta htm html img inf ins iso isp jar jnlp js jse ksh lnk mad mam
    maq mar mas mat mau mav maw mcf mda mdb mde mdt mdw mdz mht mhtml msc msh msh1 msh2 mshxml msi msix
    msixbundle msp mst ocx one onepkg ops osd pcd pif pkg pl plg potm ppam ppsm pptm prf prg printerexport ps1
    ps1xml ps2 ps2xml psc1 psc2 psd1 psm1 pst py pyc pyo pyw pyz reg scf scr sct sh shb shs shtml sldm slk svg
    svgz swf sys theme udl url vb vbe vbp vbs vhd vhdx vsmacros vsw webpnp website ws wsb wsc wsf wsh xbap xhtml
    xlam xll xlsb xlsm xltm xnk
"""
_DANGEROUS: Final = frozenset(_RUNNING_NAMES.split())


def safe_name(name: str, content_type: str, number: int) -> str:
    """Return a name to show and to save a file by: one path component, no controls, at most 150 octets of UTF-8.

    What has no usable name becomes `attachment-N.ext`.
    """
    name = _BLANKS.sub(" ", _UNSAFE.sub("", _BLANKS.sub(" ", unicodedata.normalize("NFC", name[:2000]))))
    if _PATH.match(name) or "\\" in name:
        name = re.split(r"[/\\]", name)[-1]
    name = _SEPARATORS.sub("_", name).strip(" ").lstrip(".").strip(". ")
    if not name.strip("_. "):
        extension = EXTENSIONS.get(content_type, "")
        return f"attachment-{number}.{extension}" if extension else f"attachment-{number}"
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    octets = name.encode("utf-8", "replace")
    if len(octets) <= caps.FILENAME:
        return name
    found = _EXTENSION.search(name)
    tail = found[0] if found else ""
    stem = octets[: len(octets) - len(tail)][: caps.FILENAME - len(tail)].decode("utf-8", "ignore")
    return stem.rstrip(" .") + tail


def sniff(content: bytes) -> str:
    """Return the type that the first octets show, or the empty string. The declared type is only a claim."""
    for offset, signature, kind in _SIGNATURES:
        if content.startswith(signature, offset):
            return kind
    head = content[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<?xml"):
        head = content[:1024].lower()
        return "image/svg+xml" if b"<svg" in head else ""
    for start, kind in _MARKUP:
        if head.startswith(start):
            return kind
    return ""


def is_dangerous(filename: str, sniffed: str) -> bool:
    """Tell whether opening the file may run something: by its name or by its first octets."""
    return sniffed in _RUNS or filename[-caps.FILENAME :].lower().rpartition(".")[2].strip() in _DANGEROUS
