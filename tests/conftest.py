"""Settings of all tests."""

from hypothesis import settings

# The first example may compile a kernel, and two cores may be shared.
settings.register_profile("imc-grapes", deadline=None)
settings.load_profile("imc-grapes")
