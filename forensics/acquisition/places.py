"""Sources and volumes as the ledger calls them; the same names in a resumed run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from forensics import registry
from forensics.acquisition.opening import open_source, plugin_of
from forensics.acquisition.planning import Place
from forensics.custody.bag import BagWriter
from forensics.custody.lines import LIMIT
from forensics.errors import SealbagError
from forensics.model import EvidenceSource, Volume

MAX_VOLUMES = 4096
#: code of a live volume that is to be read from its device, named in detail
RAW = "raw"


class Names:
    """Ids of sources and volumes that earlier processes gave in this bag."""

    def __init__(self) -> None:
        self.sources: dict[tuple[str, str], str] = {}
        self.volumes: dict[tuple[str, str], str] = {}

    def see(self, line: Mapping[str, Any]) -> None:
        """Note a ``source`` line."""
        if line["kind"] != "source":
            return
        if "volume" in line:
            self.volumes[line["source"], line.get("volume_id", "")] = line["volume"]
        else:
            self.sources[line["uri"], line["source_kind"]] = line["source"]

    def source(self, source: EvidenceSource) -> str:
        """The id of a source, a new one if it was not there before."""
        return self.sources.setdefault((source.uri, source.kind), f"s{len(self.sources)}")

    def volume(self, source_id: str, volume_id: str) -> str:
        """The id of a volume."""
        return self.volumes.setdefault((source_id, volume_id), f"v{len(self.volumes)}")


def _volume_fields(volume: Volume) -> dict[str, Any]:
    fields = {"volume_id": volume.id, "fs": volume.fs, "mount": volume.mount, "label": volume.label[:255]}
    fields |= {"state": volume.state, "code": volume.code, "detail": volume.detail[:1000]}
    numbers = {"offset": volume.offset, "size": volume.size}
    return fields | {name: value for name, value in numbers.items() if value is None or 0 <= value <= LIMIT}


def describe(
    bag: BagWriter, sources: Iterable[EvidenceSource], names: Names, stack: ExitStack
) -> Iterator[tuple[Place, Volume]]:
    """Write plugin, source and volume lines; yield each volume that is to be walked.

    :param stack: closes what is opened here.
    """
    for source in sources:
        plugin_line(bag, plugin_of(source.uri))
        place = Place(source, names.source(source))
        identity = {
            f"id_{name}": (value[:2000] if isinstance(value, str) else value)
            for name, value in source.identity().items()
        }
        about = {"source": place.id, "uri": source.uri[:4096], "source_kind": source.kind}
        bag.line("source", about | identity)
        for count, volume in enumerate(source.volumes()):
            if count >= MAX_VOLUMES:
                bag.line("note", {"text": f"{place.id}: more than {MAX_VOLUMES} volumes; the rest is not looked at"})
                break
            number = place.volumes[volume.id] = names.volume(place.id, volume.id)
            bag.line("source", {"source": place.id, "volume": number, **_volume_fields(volume)})
            if volume.state == "open" and volume.code == RAW:
                yield from _raw(bag, stack, place, volume, number)
            else:
                yield place, volume


def _raw(bag: BagWriter, stack: ExitStack, place: Place, volume: Volume, number: str) -> Iterator[tuple[Place, Volume]]:
    """Read a live volume from its device: locked files and metadata are to be had only there.

    Windows; never run until a run is recorded in the docs.
    """
    device = stack.enter_context(open_source(f"image:{volume.detail}"))
    plugin_line(bag, plugin_of(device.uri))
    for inner in device.volumes():
        if inner.state == "open":
            yield Place(device, place.id, {inner.id: number}, f"/{number}"), inner


def plugin_line(bag: BagWriter, plugin: registry.Plugin) -> None:
    """State what runs: id, distribution, version and digest."""
    try:
        digest = registry.distribution_digest(plugin.distribution) if plugin.distribution else ""
    except (SealbagError, OSError):
        digest = ""  # an unreadable installation: the field is left out, and that can be seen
    bag.line(
        "plugin",
        {
            "group": plugin.group,
            "id": plugin.id,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "sha256": digest,
        },
    )
