"""One module per contract and nothing else. A module here is found and served.

``DRAGOMAN_CONTRACTS`` may name one more folder with contracts of one's own.
"""

from tenants.conf import conf

if _folder := conf().contracts:
    __path__.append(_folder)
