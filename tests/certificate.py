"""A certificate for localhost that nobody else trusts, made anew for each test; both ends that use it."""

import ssl
from pathlib import Path

import pytest

from hiwar.door.server import tls_context
from hiwar.rehearsal.certificate import make_certificate

__all__ = ["context", "trusting"]


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    """The door's."""
    certificate, key = make_certificate(tmp_path, "localhost")
    made = tls_context(str(certificate), str(key))
    assert made is not None
    return made


@pytest.fixture
def trusting(tmp_path: Path, context: ssl.SSLContext) -> ssl.SSLContext:
    """A client's."""
    return ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
