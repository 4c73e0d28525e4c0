"""What holds for every test."""

from hypothesis import settings

settings.register_profile("dlnotes", deadline=None)  # a slow machine is not a wrong answer
settings.load_profile("dlnotes")
