"""The account under which the embedded PostgreSQL runs when Dragoman itself is run by root."""

import errno
import os
import pwd
import shutil
import stat
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

NAME = "dragoman-db"
_ACL = "system.posix_acl_access"
# Tags of entries in Linux's binary form of an access list (acl(5)), and "no id".
_OWNER, _USER, _GROUP_OF_FILE, _MASK, _OTHERS = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_ENTER = 1


class AccountError(OSError):
    """PostgreSQL cannot be run for root; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int


def account() -> Account | None:
    """PostgreSQL refuses to be run by root; everybody else runs it as himself."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        _add()
        entry = pwd.getpwnam(NAME)
    return Account(entry.pw_uid, entry.pw_gid)


def _add() -> None:
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        raise AccountError(
            "PostgreSQL cannot run as root and there is no useradd to make a user for it: "
            f"add a system user {NAME}, run Dragoman as another user, or set DATABASE_URL."
        )
    shell = "/usr/sbin/nologin"
    subprocess.run(
        [program, "--system", "--no-create-home", "--home-dir", "/", "--shell", shell, NAME],
        check=True,
        capture_output=True,
    )


def prepare(account: Account, *, directory: Path, programs: Path) -> None:
    """Give it its data directory, a way in, and the programs to run."""
    directory.mkdir(mode=0o700, exist_ok=True)
    os.chown(directory, account.uid, account.gid)
    _let_read(programs)
    for path in (directory, programs):
        for parent in path.parents:
            _let_enter(account, parent)


def _let_read(programs: Path) -> None:
    """Undo a strict umask of whoever installed them: they are a public package's files."""
    for path in (programs, *programs.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            continue
        wanted = mode | 0o044 | (0o011 if mode & 0o100 else 0)
        if wanted != mode:
            path.chmod(stat.S_IMODE(wanted))


def _let_enter(account: Account, directory: Path) -> None:
    """Let this one account pass through a closed directory (such as /root), and nobody else."""
    found = directory.stat()
    if found.st_mode & 0o001 or found.st_uid == account.uid:
        return
    try:
        present = os.getxattr(directory, _ACL)
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise AccountError(_closed(directory)) from error
        present = _acl_of_mode(found.st_mode)
    try:
        os.setxattr(directory, _ACL, _with_entry(present, account.uid))
    except OSError as error:
        raise AccountError(_closed(directory)) from error


def _closed(directory: Path) -> str:
    return (
        f"The embedded PostgreSQL runs as user {NAME}, who may not enter {directory}. "
        f"Set DRAGOMAN_VAR_DIR to a place he may reach, or run Dragoman as another user."
    )


def _acl_of_mode(mode: int) -> bytes:
    entries = [(_OWNER, mode >> 6 & 7), (_GROUP_OF_FILE, mode >> 3 & 7), (_OTHERS, mode & 7)]
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, bits, _NO_ID) for tag, bits in entries
    )


def _with_entry(acl: bytes, uid: int) -> bytes:
    entries = [*struct.iter_unpack("<HHI", acl[4:])]
    mask = next((bits for tag, bits, _ in entries if tag == _MASK), None)
    if mask is None:
        mask = next(bits for tag, bits, _ in entries if tag == _GROUP_OF_FILE)
    kept = [e for e in entries if e[0] != _MASK and not (e[0] == _USER and e[2] == uid)]
    kept += [(_USER, _ENTER, uid), (_MASK, mask | _ENTER, _NO_ID)]
    return acl[:4] + b"".join(struct.pack("<HHI", *entry) for entry in sorted(kept))
