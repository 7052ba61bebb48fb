"""Tables of the accounts app."""

from accounts.models.external_account import ExternalAccount
from accounts.models.login_event import LoginEvent
from accounts.models.personal_token import PersonalAccessToken
from accounts.models.session import Grant, Session
from accounts.models.signing_key import SigningKey
from accounts.models.spent_state import SpentState
from accounts.models.throttle import ThrottleBucket
from accounts.models.user import Group, ServiceCredential, SubjectIdentifier, User

__all__ = [
    "ExternalAccount",
    "Grant",
    "Group",
    "LoginEvent",
    "PersonalAccessToken",
    "ServiceCredential",
    "Session",
    "SigningKey",
    "SpentState",
    "SubjectIdentifier",
    "ThrottleBucket",
    "User",
]
