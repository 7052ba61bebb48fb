"""What may come back from an identity provider once only."""

from __future__ import annotations

from django.db import models


class SpentState(models.Model):
    """The ``state`` of a sign-in that has come back: the same one coming again finds its row."""

    state_hash = models.BinaryField(max_length=32, primary_key=True)
    # When the visit would have been over anyhow; the row is of no use afterwards.
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"spent, kept until {self.expires_at:%Y-%m-%d %H:%M}"
