"""Paths of ForensicArtifacts definitions as globs: variables, separators, depths.

What a variable stands for is taken from static defaults, of XP as well, so that a registry that
cannot be read costs nothing; homes that a source shows come on top. Format:
ForensicArtifacts, "Artifact definition format and style guide".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from collectors.targets import NotUnderstood, component, escaped, joined

SYSTEMS: Mapping[str, str] = {"Windows": "windows", "Linux": "linux", "Darwin": "macos"}
PSEUDO = ("proc/", "sys/")

_OLD = "{,Windows.old/}"
_ROOT = _OLD + "{Windows,WINNT}"
#: Every profile that ProfileList names by default, services' included: (homes of 6.x and later, homes of 5.x).
_NEW = (
    _OLD + "Users/*",
    "Windows/{System32,SysWOW64}/config/systemprofile",
    "Windows/ServiceProfiles/*",
)
_XP = (_OLD + "Documents and Settings/*", "{Windows,WINNT}/System32/config/systemprofile")
_HOMES: Mapping[str, tuple[str, ...]] = {
    "linux": ("root", "home/*", "export/home/*", "var/home/*"),
    "macos": ("Users/*", "private/var/root", "var/root"),
}
#: below a home: (6.x and later, 5.x, "" where it is the same)
_BELOW_HOME: Mapping[str, tuple[str, str]] = {
    "users.homedir": ("", ""), "users.userprofile": ("", ""),
    "users.appdata": ("/AppData/Roaming", "/Application Data"),
    "users.localappdata": ("/AppData/Local", "/Local Settings/Application Data"),
    "users.localappdata_low": ("/AppData/LocalLow", ""),
    "users.temp": ("/AppData/Local/Temp", "/Local Settings/Temp"),
    "users.desktop": ("/Desktop", "/Desktop"), "users.personal": ("/Documents", "/My Documents"),
    "users.recent": ("/AppData/Roaming/Microsoft/Windows/Recent", "/Recent"),
    "users.startup": (
        "/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup", "/Start Menu/Programs/Startup"
    ),
    "users.cookies": ("/AppData/Roaming/Microsoft/Windows/Cookies", "/Cookies"),
    "users.internet_cache": (
        "/AppData/Local/Microsoft/Windows/{INetCache,Temporary Internet Files}",
        "/Local Settings/Temporary Internet Files",
    ),
}  # fmt: skip
_ENVIRON: Mapping[str, str] = {
    "environ_systemroot": _ROOT, "environ_windir": _ROOT, "environ_systemdrive": "",
    "environ_programfiles": _OLD + "Program Files", "environ_programfilesx86": _OLD + "Program Files (x86)",
    "environ_commonprogramfiles": _OLD + "Program Files/Common Files",
    "environ_programdata": _OLD + "{ProgramData,Documents and Settings/All Users/Application Data}",
    "environ_allusersappdata": _OLD + "{ProgramData,Documents and Settings/All Users/Application Data}",
    "environ_allusersprofile": _OLD + "{ProgramData,Documents and Settings/All Users}",
    "environ_temp": _ROOT + "/Temp",
}  # fmt: skip
_VARIABLE = re.compile(r"%%([^%]{1,80})%%")
#: Folders that are links on a running system, under both of their names.
_LINKS: Mapping[str, Mapping[str, str]] = {
    "linux": {
        "var/run/": "{var/run,run}/", "run/": "{var/run,run}/", "var/lock/": "{var/lock,run/lock}/",
        "bin/": "{usr/,}bin/", "sbin/": "{usr/,}sbin/", "lib/": "{usr/,}lib/", "lib64/": "{usr/,}lib64/",
    },
    "macos": {
        "var/": "{private/,}var/", "etc/": "{private/,}etc/", "tmp/": "{private/,}tmp/",
        "private/var/": "{private/,}var/", "private/etc/": "{private/,}etc/", "private/tmp/": "{private/,}tmp/",
    },
    "windows": {},
}  # fmt: skip


def glob_of(path: str, system: str, separator: str = "/", homes: Iterable[str] = ()) -> str:
    """Return one path of a definition as a glob from the volume's root.

    :param system: ``windows``, ``linux`` or ``macos``.
    :param separator: as the definition gives it; on Windows both slashes separate.
    :param homes: globs of homes on top of the defaults.
    :raises NotUnderstood: for a variable that is not known, or a path that is empty.
    """
    if system == "windows":
        path = re.sub(r"^[A-Za-z]:(?=[\\/])", "", path).replace("\\", "/")
    elif separator != "/":
        path = path.replace(separator, "/")
    pieces = [piece for piece in path.split("/") if piece]
    parts: list[str] = []
    for index, piece in enumerate(pieces):
        following = pieces[index + 1] if index + 1 < len(pieces) else ""
        parts += filter(None, [_piece(piece, system, following, tuple(homes))])
    return _linked(joined(parts), system)


def _piece(piece: str, system: str, following: str, homes: tuple[str, ...]) -> str:
    if re.fullmatch(r"\*\*\d*", piece):
        return piece
    out, at = "", 0
    for match in _VARIABLE.finditer(piece):
        value = _value(match[1].lower(), system, following, homes)
        if match[0] != piece and ("/" in value or not value):
            raise NotUnderstood(f"{match[0]} is a part of a name")
        out += escaped(piece[at : match.start()], classes=True) + value
        at = match.end()
    rest = piece[at:]
    if "%%" in rest:
        raise NotUnderstood(f"a variable that does not end: {rest[:80]}")
    return out + (escaped(rest, classes=True) if out or not rest else component(rest, classes=True))


def _value(name: str, system: str, following: str, homes: tuple[str, ...]) -> str:
    if name == "users.username":
        return "*"
    if name in _BELOW_HOME:
        new, old = _BELOW_HOME[name]
        if system == "windows":
            return _any([*(home + new for home in (*_NEW, *homes)), *(home + old for home in _XP if old or not new)])
        # a volume of its own for /home begins at the homes: `*`, where a dot file says that it is one
        own = ("*",) if system == "linux" and following.startswith(".") else ()
        return _any([home + new for home in (*_HOMES[system], *own, *homes)])
    if name in _ENVIRON:
        return _ENVIRON[name]
    raise NotUnderstood(f"no variable is known as %%{name}%%")


def _any(choices: list[str]) -> str:
    return "{" + ",".join(choices) + "}"


def _linked(glob: str, system: str) -> str:
    for name, both in _LINKS[system].items():
        if glob.startswith(name):
            return both + glob.removeprefix(name)
    # a volume of its own for /var begins there
    if system == "linux" and glob.startswith("var/") and glob.count("/") > 1:
        return "{var/,}" + glob.removeprefix("var/")
    return glob
