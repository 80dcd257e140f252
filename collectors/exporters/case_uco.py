"""CASE 1.x / UCO 1.x as JSON-LD: the collection as an investigative action, each artefact as an observable.

Sources: the ontologies of caseontology.org and unifiedcyberontology.org (UCO observable, tool, identity,
action; CASE investigation). Every IRI ends in a UUID made of the bag's id: two exports of one bag are one graph.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from forensics.model.exporter import BagFacts

CONTEXT = {
    "kb": "urn:sealbag:",
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "uco-action": "https://ontology.unifiedcyberontology.org/uco/action/",
    "uco-core": "https://ontology.unifiedcyberontology.org/uco/core/",
    "uco-identity": "https://ontology.unifiedcyberontology.org/uco/identity/",
    "uco-observable": "https://ontology.unifiedcyberontology.org/uco/observable/",
    "uco-tool": "https://ontology.unifiedcyberontology.org/uco/tool/",
    "uco-types": "https://ontology.unifiedcyberontology.org/uco/types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
TIMES = (("m", "modifiedTime"), ("a", "accessedTime"), ("c", "metadataChangeTime"), ("b", "observableCreatedTime"))
HASHES = (("sha256", "SHA256"), ("sha1", "SHA1"), ("md5", "MD5"))
Node = dict[str, Any]


def _typed(value: Any, kind: str) -> Node:
    return {"@type": f"xsd:{kind}", "@value": str(value)}


class CaseExporter:
    """A graph: tool, performer, sources, the action, its provenance record, and the artefacts."""

    id = "case"
    version = "1"
    suffix = ".jsonld"

    def __init__(self) -> None:
        self._bag = uuid.UUID(int=0)

    def export(self, facts: BagFacts, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
        """As :class:`forensics.model.exporter.Exporter`; one node a line."""
        self._bag = uuid.UUID(facts.open["bag"])
        yield f'{{"@context":{json.dumps(CONTEXT)},"@graph":[\n'.encode()
        for node in self._actors(facts):
            yield json.dumps(node).encode() + b",\n"
        seqs: list[int] = []
        for row in rows:
            seqs.append(row["seq"])
            yield json.dumps(self._artefact(row)).encode() + b",\n"
        yield json.dumps(self._provenance(facts, seqs)).encode() + b"\n]}\n"

    def _iri(self, kind: str, name: object = "") -> str:
        return f"kb:{kind}-{uuid.uuid5(self._bag, f'{kind} {name}')}"

    def _ref(self, kind: str, name: object = "") -> Node:
        return {"@id": self._iri(kind, name)}

    def _actors(self, facts: BagFacts) -> Iterator[Node]:
        """Who did what, with what, to what."""
        about = facts.open
        yield {
            "@id": self._iri("tool"), "@type": "uco-tool:Tool", "uco-core:name": about.get("tool") or "sealbag",
            "uco-tool:version": about.get("version") or "",
        }  # fmt: skip
        yield {
            "@id": self._iri("identity"), "@type": "uco-identity:Identity",
            "uco-core:name": about.get("examiner") or "not named in the bag",
        }  # fmt: skip
        for source in facts.sources:
            yield {
                "@id": self._iri("source", source["source"]), "@type": "uco-observable:ObservableObject",
                "uco-core:name": source.get("uri") or source["source"],
                "uco-core:description": f"evidence source {source['source']}, kind {source.get('source_kind') or '?'}",
            }  # fmt: skip
        action: Node = {
            "@id": self._iri("action"), "@type": "case-investigation:InvestigativeAction",
            "uco-core:name": "collection",
            "uco-core:description": f"state at its end: {facts.close.get('state') or 'not closed'}",
            "uco-action:instrument": self._ref("tool"), "uco-action:performer": self._ref("identity"),
            "uco-action:object": [self._ref("source", source["source"]) for source in facts.sources],
            "uco-action:result": [self._ref("record")], "uco-action:startTime": _typed(about["t"], "dateTime"),
        }  # fmt: skip
        if facts.close:
            action["uco-action:endTime"] = _typed(facts.close["t"], "dateTime")
        if not facts.sources:
            del action["uco-action:object"]
        yield action

    def _provenance(self, facts: BagFacts, seqs: list[int]) -> Node:
        """The record that ties the artefacts to the exhibit and to the seal."""
        seal = facts.seal_sha256 or "none: the bag is not sealed"
        return {
            "@id": self._iri("record"), "@type": "case-investigation:ProvenanceRecord",
            "case-investigation:exhibitNumber": facts.open.get("exhibit") or "",
            "uco-core:description": f"sealbag {facts.open['bag']}, seal digest (SHA-256 of seal.json): {seal}",
            "uco-core:object": [self._ref("artefact", seq) for seq in seqs] or [self._ref("tool")],
        }  # fmt: skip

    def _artefact(self, row: Mapping[str, Any]) -> Node:
        """An observable: how it ended stands in the description, whatever it was."""
        seq, path = row["seq"], row["path"]
        end = ": ".join(filter(None, (row["outcome"], row.get("code"), row.get("detail"))))
        node: Node = {
            "@id": self._iri("artefact", seq), "@type": "uco-observable:ObservableObject",
            "uco-core:name": path + (f":{row['stream']}" if row.get("stream") else ""),
            "uco-core:description": f"line {seq} of the ledger, {row['type']}, {row['state']}, outcome {end}",
            "uco-core:hasFacet": [self._file(row)],
        }  # fmt: skip
        if row.get("sha256"):
            node["uco-core:hasFacet"].append(self._content(row))
        return node

    def _file(self, row: Mapping[str, Any]) -> Node:
        path = row["path"]
        facet: Node = {
            "@id": self._iri("file", row["seq"]), "@type": "uco-observable:FileFacet",
            "uco-observable:fileName": path.rpartition("/")[2], "uco-observable:filePath": path,
            "uco-observable:isDirectory": row["type"] == "dir",
        }  # fmt: skip
        if row.get("size") is not None:
            facet["uco-observable:sizeInBytes"] = _typed(row["size"], "integer")
        for key, name in TIMES:
            if row["times"].get(key):
                facet[f"uco-observable:{name}"] = _typed(row["times"][key], "dateTime")
        return facet

    def _content(self, row: Mapping[str, Any]) -> Node:
        hashes = [
            {
                "@id": self._iri(f"hash-{key}", row["seq"]), "@type": "uco-types:Hash",
                "uco-types:hashMethod": method,
                "uco-types:hashValue": _typed(row[key], "hexBinary"),
            }
            for key, method in HASHES
            if row.get(key)
        ]  # fmt: skip
        return {
            "@id": self._iri("content", row["seq"]), "@type": "uco-observable:ContentDataFacet",
            "uco-observable:hash": hashes, "uco-observable:sizeInBytes": _typed(row["size"], "integer"),
        }  # fmt: skip
