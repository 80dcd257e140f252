"""The tree of errors.

Every class has a stable ``code`` (a word for programs), an ``exit`` (the
process exit code, after sysexits(3) where one fits) and a ``hint`` (what to do
next). A message is three lines: what, where, what to do.

::

    SealbagError                     70
    ├── InternalDefect               70
    ├── UsageError                   64
    ├── InputError                   65  input is not what it should be
    │   ├── NotAnImage, TruncatedImage, NotABag, FutureFormat
    ├── SourceNotFound               66
    ├── FeatureUnavailable           69  needs an extra or a platform feature
    ├── OutputRefused                73
    │   ├── OutputNotEmpty, OutputLocked, OutputSealed, OutputInsideSource
    ├── StorageError                 74  the destination failed
    │   ├── DiskFull
    │   └── TargetError              74  a place elsewhere (folder, SFTP, S3, HTTP)
    │       ├── TargetUnreachable, TargetMissing
    │       ├── TargetConflict       73  another file of that name is there
    │       ├── TargetRefused        77  credentials
    │       └── HostKeyUnknown       78  who answers is not known
    ├── PermissionRefused            77
    ├── ConfigError                  78  profile, rule, key or config
    │   ├── ProfileUnknown, RuleInvalid, KeyInvalid, WrongPassphrase, PluginError
    ├── Interrupted                 130
    ├── CoverageError                10  coverage.require(complete=True)
    └── SourceError                  70  one entry, never the run
        ├── BadRange, Denied, Vanished, NotRegular
        └── ChildError (ChildDied, ChildHung, ChildRefused, FrameError)
"""

from __future__ import annotations


class SealbagError(Exception):
    """Base of all errors of this project.

    :param what: one line that says what went wrong.
    :param where: the path, sequence number or line concerned ("" if none).
    :param hint: what to do next; the class's own hint when empty.
    """

    code = "internal"
    exit = 70
    hint = "This is a defect of sealbag: please report it with the command and its output."

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        if hint:
            self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}: {self.where}" if self.where else self.what


class InternalDefect(SealbagError):
    """An exception that no code expected."""


class UsageError(SealbagError):
    """The call's words or arguments do not fit."""

    code, exit, hint = "usage", 64, "See --help."


class InputError(SealbagError):
    """An input was found but is not what it should be."""

    code, exit, hint = "input", 65, "Check that the path names what you meant."


class NotAnImage(InputError):
    """No reader recognises the file as a disk image."""

    code = "not-an-image"
    hint = "Give a raw, split raw or E01 image, or a directory."


class TruncatedImage(InputError):
    """An image ends before its own structures say it should."""

    code = "truncated-image"
    hint = "Compare the size with the acquisition log; copy the image again."


class NotABag(InputError):
    """The folder holds no custody/ledger.jsonl."""

    code = "not-a-bag"
    hint = "Name the folder that holds custody/ledger.jsonl; for plain BagIt use a BagIt tool."


class FutureFormat(InputError):
    """The bag's major format version is not known to this release."""

    code = "future-format"
    hint = "Use a newer sealbag, or verify with the bag's own release."


class SourceNotFound(SealbagError):
    """The evidence source does not exist."""

    code, exit, hint = "no-such-source", 66, "Check the path given with --source."


class FeatureUnavailable(SealbagError):
    """An extra is not installed or the platform lacks a feature."""

    code, exit, hint = "unavailable", 69, "sealbag info lists what is available here and why not."


class OutputRefused(SealbagError):
    """The output cannot be used; nothing was written."""

    code, exit, hint = "output-refused", 73, "Choose another --out."


class OutputNotEmpty(OutputRefused):
    """The output folder exists and holds files."""

    code = "output-not-empty"
    hint = "Choose a new folder, or --resume an interrupted bag."


class OutputLocked(OutputRefused):
    """Another process is writing this bag."""

    code = "output-locked"
    hint = "Wait for the other process, or choose another --out."


class OutputSealed(OutputRefused):
    """The bag is sealed: nothing can be added."""

    code = "output-sealed"
    hint = "Collect into a new bag."


class OutputInsideSource(OutputRefused):
    """Writing there would change the evidence."""

    code = "output-inside-source"
    hint = "Choose an --out on another disk or outside the source."


class StorageError(SealbagError):
    """Reading or writing the destination failed."""

    code, exit, hint = "storage", 74, "Check the destination disk, then run again; a bag goes on with --resume."


class DiskFull(StorageError):
    """The destination has no space left."""

    code, hint = "disk-full", "Free space or use a larger disk, then run again; a bag goes on with --resume."


class TargetError(StorageError):
    """Something failed at a place elsewhere; ``where`` never holds a secret."""

    code, hint = "target", "Check the target's address, its free space and that it takes files of this size."


class TargetUnreachable(TargetError):
    """The target did not answer, or broke off: it may work later."""

    code, hint = "unreachable", "Check the network and that the server runs; then try again."


class TargetMissing(TargetError):
    """The target, or what was asked for there, does not exist."""

    code, hint = "missing", "Make the folder or bucket first: none is made, lest a wrong address be filled."


class TargetConflict(TargetError):
    """A file of that name is there already, and is left as it is."""

    code, exit, hint = "conflict", 73, "Look at what is there; choose another name or folder."


class TargetRefused(TargetError):
    """The target does not let us in, or not write."""

    code, exit, hint = "refused", 77, "Check the user, the key or the token, and what it may do there."


class HostKeyUnknown(TargetError):
    """The SSH server's key is not one that was known before: nothing was sent."""

    code, exit = "host-key", 78
    hint = (
        "Ask for the fingerprint on another way; then add ?hostkey=SHA256:... to the target, or the key to known_hosts."
    )


class PermissionRefused(SealbagError):
    """The system refused access."""

    code, exit, hint = "permission", 77, "Run as root or administrator."


class ConfigError(SealbagError):
    """A profile, rule, key or setting is wrong."""

    code, exit, hint = "config", 78, "Mend the file named above."


class ProfileUnknown(ConfigError):
    """No profile of that name."""

    code, hint = "unknown-profile", "sealbag info lists the profiles."


class RuleInvalid(ConfigError):
    """A stanza or rule does not parse: where is file:line."""

    code = "rule-invalid"


class KeyInvalid(ConfigError):
    """A key cannot be used."""

    code, hint = "key-invalid", "Use an Ed25519 key: sealbag key new FILE."


class WrongPassphrase(KeyInvalid):
    """The passphrase does not open the key."""

    code, hint = "wrong-passphrase", "Give the right passphrase (SEALBAG_PASSPHRASE or the prompt)."


class PluginError(ConfigError):
    """A plug-in is missing, registered twice, or failed to load."""

    code, hint = "plugin", "sealbag info lists the plug-ins and their distributions."


class Interrupted(SealbagError):
    """Stopped by the user or by SIGTERM; the bag can be resumed."""

    code, exit, hint = "interrupted", 130, "Run the same command again with --resume."


class CoverageError(SealbagError):
    """``coverage.require(complete=True)`` found gaps."""

    code, exit, hint = "gaps", 10, "Read bag.coverage.gaps."


class SourceError(SealbagError):
    """One entry of a source could not be had; it becomes that entry's outcome."""

    code, hint = "source", "The entry's line in the ledger says what happened."


class BadRange(SourceError):
    """A byte range of a stream cannot be read.

    :param offset: first unreadable byte of the stream.
    :param length: number of unreadable bytes.
    """

    code = "bad-range"

    def __init__(self, offset: int, length: int, what: str = "unreadable bytes") -> None:
        super().__init__(what, where=f"offset {offset}, length {length}")
        self.offset = offset
        self.length = length


class Denied(SourceError):
    """The system refused to open or read the entry."""

    code = "denied"


class Vanished(SourceError):
    """The entry was listed but is gone, or is another one now."""

    code = "vanished"


class NotRegular(SourceError):
    """The entry is not a regular file (any more)."""

    code = "not-regular"


class ChildError(SourceError):
    """A supervised child failed; the item in flight is blamed."""

    code = "child"


class ChildDied(ChildError):
    """The child ended before it answered."""

    code = "child-died"


class ChildHung(ChildError):
    """The child sent no frame within the limit and was killed."""

    code = "child-hung"


class ChildRefused(ChildError):
    """The child answered with an error of its own."""

    code = "child-refused"


class FrameError(ChildError):
    """A frame breaks the protocol or a bound."""

    code = "child-frame"
