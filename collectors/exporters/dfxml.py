"""Digital Forensics XML: a fileobject for each artefact (Garfinkel 2012; dfxml_schema 1.2.0)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from forensics.model.exporter import BagFacts

NAMESPACE = "http://www.forensicswiki.org/wiki/Category:Digital_Forensics_XML"
#: the kinds of entry of ours as DFXML's name_type, one letter each
NAME_TYPES = {"file": "r", "dir": "d", "link": "l", "fifo": "p", "socket": "h", "char": "c", "block": "b"}
TIMES = (("m", "mtime"), ("a", "atime"), ("c", "ctime"), ("b", "crtime"))


def _text(value: object) -> str:
    """*value* as XML text; what XML 1.0 cannot carry stands as a display has it."""
    return escape("".join(_char(char) for char in str(value)))


def _char(char: str) -> str:
    code = ord(char)
    bad = code < 32 or 0xD800 <= code <= 0xDFFF or code & 0xFFFE == 0xFFFE
    return f"\\u{{{code:X}}}" if bad else char


def _element(name: str, value: object, attributes: str = "") -> str:
    return "" if value is None else f"<{name}{attributes}>{_text(value)}</{name}>"


class DfxmlExporter:
    """Volumes are told in ``source``; each fileobject has the partition that it was found in."""

    id = "dfxml"
    version = "1"
    suffix = ".dfxml"

    def export(self, facts: BagFacts, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
        """As :class:`forensics.model.exporter.Exporter`."""
        yield _head(facts).encode()
        for row in rows:
            yield _fileobject(row).encode()
        yield b"</dfxml>\n"


def _head(facts: BagFacts) -> str:
    about = facts.open
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<dfxml xmlns="{NAMESPACE}" '
    text += 'xmlns:dc="http://purl.org/dc/elements/1.1/" version="1.2.0">\n'
    text += f"<metadata><dc:type>Disk Image</dc:type>{_element('dc:identifier', about['bag'])}</metadata>\n"
    text += f"<creator>{_element('program', about.get('tool'))}{_element('version', about.get('version'))}"
    text += f"<execution_environment>{_element('host', about.get('host'))}"
    text += f"{_element('start_time', about.get('t'))}</execution_environment></creator>\n"
    for source in facts.sources:
        text += f"<source>{_element('image_filename', source.get('uri'))}</source>\n"
    text += f"<!-- a view of a sealbag, seal digest {facts.seal_sha256 or 'none'}: the bag is the evidence -->\n"
    return text


def _fileobject(row: Mapping[str, Any]) -> str:
    name = row["path"] + (f":{row['stream']}" if row.get("stream") else "")
    parts = [
        _element("filename", name),
        _element("partition", f"{row.get('source') or ''}{row.get('volume') or ''}"),
        _element("id", row["seq"]),
        _element("name_type", NAME_TYPES.get(row["type"], "-")),
        _element("filesize", row.get("size")),
        _element("alloc", int(row["state"] == "allocated")),
    ]
    address = row.get("address")
    if isinstance(address, str) and address.isdigit():
        parts.append(_element("inode", address))
    parts += [_element("mode", row.get("mode")), _element("nlink", row.get("nlink"))]
    uid, _, gid = str(row.get("owner") or "").partition(":")
    if uid.isdigit() and gid.isdigit():
        parts += [_element("uid", uid), _element("gid", gid)]
    parts += [_element(tag, row["times"].get(key)) for key, tag in TIMES]
    parts.append(_element("link_target", row.get("target")))
    for kind in ("md5", "sha1", "sha256"):
        parts.append(_element("hashdigest", row.get(kind), f' type="{kind}"'))
    if row["outcome"] != "complete":
        parts.append(_element("error", ": ".join(filter(None, (row["outcome"], row.get("code"), row.get("detail"))))))
    return f"<fileobject>{''.join(parts)}</fileobject>\n"
