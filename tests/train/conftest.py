"""What the trainings' tests share."""

from contextlib import contextmanager

import pytest


@pytest.fixture
def interrupted(monkeypatch):
    """A function of a module and a name: within `with` and `pytest.raises`, the fourth call of it is a Ctrl-C."""

    @contextmanager
    def interrupt(module, name):
        real, calls = getattr(module, name), []

        def function(*arguments):
            calls.append(1)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return real(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(module, name, function)
            with pytest.raises(KeyboardInterrupt):
                yield

    return interrupt
