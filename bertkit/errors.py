"""What can go wrong, in the words of the user: a message, a hint, an exit code.

Exit codes, as README lists them: 1 the run failed, 2 the user can fix it.
"""

from __future__ import annotations

from typing import Any

from bertkit.redaction import redacted


class BertkitError(Exception):
    """One line that says what is wrong, and one that says what to type or change next; never a secret."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str) -> None:
        # Here and not where it is printed: a program or a notebook may show it, or write it down.
        self.message = redacted(message)
        self.hint = redacted(hint)
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Go from one process to another whole: by itself Python would call the class without the hint."""
        return type(self).__new__, (type(self), self.message), self.__dict__


class UsageError(BertkitError):
    """The command line itself: an unknown verb, option or combination of options."""


class RecipeError(BertkitError):
    """A recipe, a setting or a `--set` that is not allowed."""


class DataError(BertkitError):
    """A file, a column, a row or a label that training or scoring cannot use."""


class ModelError(BertkitError):
    """An encoder or a model folder that is missing, broken, unsafe or of another kind."""


class HubError(BertkitError):
    """The Hub cannot be reached, or does not have what was asked for."""


class RunError(BertkitError):
    """A run folder that is missing, taken or incomplete."""


class TrainingError(BertkitError):
    """The training itself failed: it diverged, ran out of memory or out of disk."""

    exit_code = 1


class MissingPackageError(BertkitError):
    """An optional package that this feature needs is not installed."""


class Interrupted(BertkitError):
    """Stopped by a signal after the state was saved.

    Args:
        message: what was stopped, and where it stands.
        hint: the command that goes on.
        signal_number: the signal that asked for it; the exit code is 128 more.
    """

    def __init__(self, message: str, *, hint: str, signal_number: int) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + signal_number
