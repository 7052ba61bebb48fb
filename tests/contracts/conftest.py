"""What the tests of all contracts can ask for."""

import os

import pytest

from tests.peers.conversations import INSTALLED, Conversations, Demo


@pytest.fixture(scope="session")
def conversations(demo: Demo) -> Conversations:
    """Talks of the products' published clients with the demo."""
    if not all((INSTALLED / part / ".installed").exists() for part in ("venv", "node")):
        reason = "the published clients are not installed: run tests/peers/install.sh"
        if os.environ.get("DRAGOMAN_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return Conversations(demo)
