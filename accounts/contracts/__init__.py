"""One module per contract and nothing else. A module here is found and served.

``DRAGOMAN_CONTRACTS`` may name one more folder with contracts of one's own.
"""

import os

if _folder := os.environ.get("DRAGOMAN_CONTRACTS"):
    __path__.append(_folder)
