"""The one exception that means "the user's input is wrong": the command line turns it into exit status 2."""


class InputError(ValueError):
    """A value that the user gave cannot be used; the message names it and says what would be allowed."""
