"""What holds for every test."""

import re

from hypothesis import settings

settings.register_profile("dlnotes", deadline=None)  # a slow machine is not a wrong answer
settings.load_profile("dlnotes")


def pytest_make_parametrize_id(val):
    """Ids without addresses, for two processes that run the tests side by side must know them by the same."""
    shown = repr(val)
    return re.sub(r" at 0x[0-9a-f]+", "", shown) if " at 0x" in shown else None
