"""What every test can ask for. Personas and their tenants are in `tests/fixtures.py`."""

import importlib.util

pytest_plugins = ["tests.fixtures"] if importlib.util.find_spec("tests.fixtures") else []
