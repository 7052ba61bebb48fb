"""What `manage.py` does around Django's commands: secrets of a demo, embedded database."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from django.core.management import execute_from_command_line

from config import demo_secrets, embedded_postgres, system_user

# These never touch a database; everything else gets one.
WITHOUT_DATABASE = {
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "help",
    "makemessages",
    "sendtestemail",
    "startapp",
    "version",
}


def main(argv: list[str]) -> None:
    try:
        run(argv)
    except (embedded_postgres.EmbeddedPostgresError, system_user.AccountError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def run(argv: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    command = argv[1] if len(argv) > 1 else "help"
    var_dir = Path(os.environ.get("DRAGOMAN_VAR_DIR") or "var").absolute()
    if demo_secrets.apply_to(command, var_dir):
        demo_secrets.load_or_create(var_dir)
    if not needs_database(command, argv[2:]):
        execute_from_command_line(argv)
        return
    # Without this, SIGTERM would end the process and leave the database behind.
    signal.signal(signal.SIGTERM, _leave)
    with embedded_postgres.running(var_dir / "postgres") as url:
        os.environ["DATABASE_URL"] = url
        execute_from_command_line(argv)


def needs_database(command: str, arguments: list[str]) -> bool:
    if os.environ.get("DATABASE_URL") or command.startswith("-") or "--help" in arguments:
        return False
    return command not in WITHOUT_DATABASE or "--database" in arguments


def _leave(number: int, frame: FrameType | None) -> None:
    del frame
    sys.exit(128 + number)
