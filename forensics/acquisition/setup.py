"""A profile made ready: collectors built, rules gathered, what runs named."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from forensics import registry
from forensics.model import Collector, Rule, Volume
from forensics.profiles import Profile, load_profile
from forensics.version import __version__

_SYSTEMS = {
    "ntfs": "windows", "ext2": "linux", "ext3": "linux", "ext4": "linux", "xfs": "linux", "btrfs": "linux",
    "hfs": "macos", "hfsplus": "macos", "apfs": "macos", "overlay": "linux", "tmpfs": "linux",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setup:
    """What one run will do.

    :param hard_cap: the largest single file that the user asked for; a stanza's own cap may
        lie above the profile's, never above this one.
    """

    profile: Profile
    collectors: tuple[Collector, ...]
    plugins: tuple[registry.Plugin, ...]
    rules: tuple[Rule, ...]
    hard_cap: int | None = None

    @property
    def about(self) -> dict[str, Any]:
        """Fields of the ``open`` line."""
        return {
            "tool": "sealbag",
            "version": __version__,
            "profile": self.profile.name,
            "profile_sha256": self.profile.sha256,
        }

    @property
    def asks_for_files(self) -> bool:
        """Whether a walk could give anything: a listing, or what some rule asks for."""
        return self.profile.listing or any(rule.patterns and not rule.exclude for rule in self.rules)

    def systems(self, volumes: Iterable[tuple[str, Volume]]) -> Mapping[str, str]:
        """The operating system whose rules apply to each volume; "" = all of them.

        :param volumes: (kind of source, volume). A folder tells nothing: a Windows tree may
            have been copied to ext4, and its rules must not end as another system's.
        """
        return {
            volume.id: "" if kind == "directory" else _SYSTEMS.get(volume.fs, "")
            for kind, volume in volumes
            if volume.state == "open"
        }


def prepare(profile: str | os.PathLike[str], overrides: Mapping[str, Any]) -> Setup:
    """Load a profile with its collectors.

    :raises ConfigError: for a profile, stanza or option that is not right.
    """
    loaded = load_profile(os.fspath(profile), **overrides)
    collectors: list[Collector] = []
    plugins: list[registry.Plugin] = []
    rules = list(loaded.rules())
    for id in loaded.collectors:
        collector = registry.load("forensics.collectors", id)(loaded.options.get(id, {}))
        collectors.append(collector)
        plugins.append(registry.find("forensics.collectors", id))
        rules.extend(collector.rules())
    hard_cap = loaded.max_file if overrides.get("max_file") is not None else None
    return Setup(loaded, tuple(collectors), tuple(plugins), tuple(rules), hard_cap)
