"""These tests run on the loop of production, and may speak TLS."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from tests.certificate import context, trusting

__all__ = ["context", "trusting"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}
