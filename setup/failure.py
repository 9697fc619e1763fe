"""The one exception of the set-up: a message for the user and an exit status."""


class SetupFailure(Exception):
    """Set-up cannot go on; `exit_status` is 2 if the user has to install something, else 1."""

    def __init__(self, message: str, exit_status: int = 1) -> None:
        """Keep the message that is printed, and the status that the process ends with."""
        super().__init__(message)
        self.exit_status = exit_status
