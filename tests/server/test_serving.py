"""The port that the explorer listens on."""

import pytest

from xinc_lightning.errors import UserError
from xinc_lightning.server.serving import listening


@pytest.mark.parametrize("port", [-1, 65536])
def test_ports_that_there_are_not(port):
    with pytest.raises(UserError, match=f"ports are numbered 0 … 65535, got {port}"):
        listening("127.0.0.1", port)


def test_a_port_that_is_taken_is_one_sentence():
    with listening("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(UserError, match=f"'127.0.0.1' port {port} cannot be listened on"):
            listening("127.0.0.1", port)


def test_any_port_if_the_usual_one_is_taken(monkeypatch):
    with listening("127.0.0.1", 0) as first:
        monkeypatch.setattr("xinc_lightning.server.serving.PORT", first.getsockname()[1])
        with listening("127.0.0.1", None) as second:
            assert second.getsockname()[1] != first.getsockname()[1]
