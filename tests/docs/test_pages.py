"""What the documentation prints is true."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from accounts.wire.registry import contracts
from tests.docs.transcripts import ROOT, Transcript, pages, transcripts
from tests.ops.demo import Demo

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("transcript", transcripts(), ids=lambda t: f"{t.page}: {t.command[:40]}")
def test_a_printed_command_gives_the_printed_output(transcript: Transcript, demo: Demo) -> None:
    alice = demo.persona("alice")
    run = subprocess.run(
        ["bash", "-c", transcript.command],
        cwd=ROOT,
        env={**os.environ, "BASE": demo.base_url, "PASSWORD": alice["password"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert transcript.fits(run.stdout), run.stdout


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: os.PathLike[str]) -> None:
    folder = ROOT / page
    text = folder.read_text()
    targets = [t for t in _LINK.findall(text) if not t.startswith(("http:", "https:", "mailto:"))]
    missing = [t for t in targets if not (folder.parent / t).exists()]
    assert missing == []


def test_the_readme_shows_a_transcript_of_every_contract() -> None:
    text = (ROOT / "README.md").read_text()
    assert [slug for slug in contracts() if f"docs/contracts/{slug}.md" not in text] == []
    assert len([t for t in transcripts() if t.page == "README.md"]) > len(contracts())
