"""Random people at random doors, and a model that keeps what each of them has proved.

The model knows nothing of the core. It sees what was sent and what came back, looks into the
tables for what was opened, and asks of everything that came out: was it earned? ``ledger`` is what
it writes down, ``verdicts`` what it asks; ``logins``, ``bearers``, ``enrolments`` and ``programs``
are what people do.
"""

from __future__ import annotations

from django.db.models import F
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from accounts.client import ClientContext
from accounts.login import custody, passwords
from accounts.models import User
from tests.attack.ledger import Factors
from tests.attack.programs import Programs
from tests.attack.story import ACTORS


class Attack(Programs):
    """What the world does meanwhile, and what holds at every moment."""

    @rule(seconds=st.sampled_from([1, 5, 11, 29, 31, 61, 121, 181, 301, 601, 3601, 90_000]))
    def wait(self, seconds: int) -> None:
        self.clock.forward(seconds)

    @rule(who=st.sampled_from(ACTORS), forced=st.sampled_from([False, False, True]))
    def change_password(self, who: str, forced: bool) -> None:
        """A password from the console; with ``forced`` its owner has to choose another."""
        actor = self.actors[who]
        if not actor.person:
            return
        actor.password = self._fresh_password(actor)
        actor.epoch += 1
        actor.owes_password |= forced
        User.objects.filter(pk=actor.user_id).update(
            password=passwords.encode(actor.password),
            must_change_password=actor.owes_password,
            security_epoch=F("security_epoch") + 1,
        )

    @rule(who=st.sampled_from(ACTORS), off=st.booleans())
    def disable_or_enable(self, who: str, off: bool) -> None:
        actor = self.actors[who]
        act = custody.Act(ClientContext("", timezone.now()), "tests")
        if off:
            custody.disable(actor.row(), act)
            actor.epoch += 1
        else:
            custody.enable(actor.row(), act)
        actor.enabled = not off

    @rule(who=st.sampled_from(ACTORS))
    def end_all_sessions(self, who: str) -> None:
        actor = self.actors[who]
        custody.end_sessions(actor.row(), custody.Act(ClientContext("", timezone.now()), "tests"))
        actor.epoch += 1

    @initialize()
    def nothing_is_open(self) -> None:
        assert not self.sight.sessions

    @invariant()
    def every_factor_is_what_it_should_be(self) -> None:
        """No code was used up that the test did not see succeed, and no factor came or went."""
        for actor in self.actors.values():
            expected = Factors(
                actor.authenticator,
                actor.last_step if actor.totp_secret else None,
                actor.mailed,
                len(set(actor.recovery_codes) - actor.spent),
            )
            assert self.sight.factors(actor.user_id) == expected, actor.username
