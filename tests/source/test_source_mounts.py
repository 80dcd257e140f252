"""What is mounted: each mount of the host is walked once, or left out with its reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from forensics.model import Entry

pytestmark = pytest.mark.needs("linux")
if sys.platform == "linux":
    from collectors.sources.live import LiveSource
    from forensics.source.mounts_linux import behind_remote, duplicates, kind_of, parse_mountinfo
    from forensics.source.uuids_linux import uuids

TABLE = rb"""
25 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
26 25 0:20 / /proc rw - proc proc rw
27 25 0:6 / /dev rw - devtmpfs udev rw
28 27 0:24 / /dev/shm rw - tmpfs tmpfs rw
29 25 8:1 / /boot/efi rw - vfat /dev/sda1 rw
30 25 8:2 /srv/data /mnt/with\040space\011tab rw - ext4 /dev/sda2 rw
31 25 0:50 / /net/home rw - nfs4 server:/home rw
32 31 8:17 / /net/home/disk rw - xfs /dev/sdb1 rw
33 25 0:51 / /media/phone rw - fuse.jmtpfs jmtpfs rw
34 25 0:52 / /mnt/ntfs rw - fuseblk /dev/sdc1 rw
35 25 0:40 /@ /pool rw master:1 propagate_from:2 - btrfs /dev/sdd1 rw,subvol=/@
36 25 0:40 /@home /pool/home rw - btrfs /dev/sdd1 rw,subvol=/@home
37 25 0:40 /@/srv /export rw - btrfs /dev/sdd1 rw
38 25 0:60 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
39 25 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro
40 25 0:70 / /sys/fs/bpf rw - bpf bpf rw
41 25 0:71 / /mnt/unheard rw - newfangledfs none rw
42 25 8:2 / /again rw - ext4 /dev/sda2 rw
a line that is none
43 x
44 25 0:72 / /smb rw - cifs //server/share rw
"""


def test_each_mount_of_a_table_gets_its_class() -> None:
    mounts = {mount.point: mount for mount in parse_mountinfo(TABLE)}
    assert len(mounts) == 19
    assert mounts[b"/mnt/with space\ttab"].root == b"/srv/data"
    kinds: dict[str, set[bytes]] = {}
    for point, mount in mounts.items():
        kinds.setdefault(kind_of(mount), set()).add(point)
    assert kinds["network"] == {b"/net/home", b"/smb"}
    assert kinds["fuse"] == {b"/media/phone", b"/mnt/ntfs"}
    assert kinds["pseudo"] == {b"/proc", b"/dev", b"/sys/fs/bpf", b"/mnt/unheard"}
    shown_twice = {by.point for number, by in duplicates(mounts.values()).items() if number}
    twice = {mount.point for mount in mounts.values() if mount.id in duplicates(mounts.values())}
    assert twice == {b"/mnt/with space\ttab", b"/again", b"/export"}
    assert shown_twice == {b"/", b"/pool"}
    by_id = {mount.id: mount for mount in mounts.values()}
    assert [mount.point for mount in mounts.values() if behind_remote(mount, by_id)] == [b"/net/home/disk"]


def test_a_table_that_names_itself_as_parent_ends() -> None:
    mounts = parse_mountinfo(b"5 6 8:1 / /a rw - ext4 x rw\n6 5 8:2 / / rw - ext4 y rw\n7 7 8:3 / /b rw - ext4 z rw")
    by_id = {mount.id: mount for mount in mounts}
    assert not any(behind_remote(mount, by_id) for mount in mounts)


@pytest.mark.needs("root", "unshare", "mount")
def test_mounts_are_walked_once_each(tmp_path: Path) -> None:
    command = ["unshare", "-m", "--propagation", "private"]
    if subprocess.run([*command, "mount", "-t", "tmpfs", "none", str(tmp_path)], capture_output=True).returncode:
        pytest.skip("not shown: needs CAP_SYS_ADMIN (mount namespaces)")
    child = Path(__file__).with_name("namespace_child.py")
    run = subprocess.run([*command, sys.executable, child, str(tmp_path)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    assert answer["ids"]
    assert answer["volumes"] == [
        ["disk", "open", ""],
        ["disk/bind", "excluded", "duplicate-mount"],
        ["disk/filemount", "excluded", "file-mount"],
        ["disk/inner", "open", ""],
        ["disk/over", "not-evaluated", "overmounted"],
        ["disk/over", "open", ""],
        ["disk/proc", "excluded", "pseudo"],
        ["disk/second mount", "excluded", "duplicate-mount"],
    ]
    stopped = ("bind", "inner", "over", "proc", "second mount")
    assert answer["live"]["disk"] == sorted(
        [[f"disk/{name}", "DISK", "dir", "mount-point"] for name in stopped]
        + [
            ["disk/filemount", "DISK", "file", "in inner"],
            ["disk/sub", "DISK", "dir"],
            ["disk/sub/file", "DISK", "file", "in sub"],
        ],
        key=str,
    )
    # Of these the inode numbers are another file system's: alone they could name a file of this one.
    assert answer["other devices"] == ["disk/filemount", "disk/inner", "disk/over", "disk/proc"]
    assert answer["live"]["disk/inner"] == [["disk/inner/file", "DISK/inner", "file", "in inner"]]
    assert answer["live"]["disk/over"] == []
    assert answer["directory"] == sorted(
        [
            ["bind", ".", "dir"],
            ["bind/file", ".", "file", "in sub"],
            ["filemount", ".", "file", "in inner"],
            ["inner", "inner", "dir"],
            ["inner/file", "inner", "file", "in inner"],
            ["over", "over", "dir"],
            ["proc", "proc", "dir", "excluded-pseudo"],
            ["second mount", ".", "dir", "loop"],
            ["sub", ".", "dir"],
            ["sub/file", ".", "file", "in sub"],
        ],
        key=str,
    )


@pytest.mark.needs("root")
def test_uuids_are_found_by_device_number(tmp_path: Path) -> None:
    device = tmp_path / "sda1"
    os.mknod(device, 0o060600, os.makedev(8, 1))
    (tmp_path / "by-uuid").mkdir()
    for name, target in (
        ("ABCD-1234", device),
        ("no uuid", device),
        ("aaaa", tmp_path / "missing"),
        ("bbbb", tmp_path),
    ):
        (tmp_path / "by-uuid" / name).symlink_to(target)
    assert uuids(str(tmp_path / "by-uuid")) == {"8:1": "ABCD-1234"}
    assert uuids(str(tmp_path / "none")) == {}


def test_this_host_has_a_root_that_is_walked(tmp_path: Path) -> None:
    with LiveSource("live:") as live:
        volumes = {volume.mount: volume for volume in live.volumes()}
        assert volumes["/"].state == "open"
        assert volumes["/proc"].code == "pseudo"
        first = next(iter(live.walk(volumes["/"])))
        assert isinstance(first, Entry) and b"/" not in first.path.raw
        assert list(live.walk(volumes["/proc"])) == []
        identity = live.identity()
        assert identity["hostname"] == os.uname().nodename
        assert all(value is None or len(str(value)) <= 256 for value in identity.values())
    assert [LiveSource.probe(uri) for uri in ("live:", "live", "live:x", "/", "")] == [100, 100, 0, 0, 0]
