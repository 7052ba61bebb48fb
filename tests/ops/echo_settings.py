"""The product's settings with a few views that show what the server hands over."""

from config.settings import *  # noqa: F403  # all settings of the product

ROOT_URLCONF = "tests.ops.echo_urls"
