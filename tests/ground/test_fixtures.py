import socket

import asyncpg
import pytest
import redis

from app.db.session import arguments


async def test_a_test_gets_a_real_database(database_url):
    connection = await asyncpg.connect(**arguments(database_url))

    version = await connection.fetchval("SHOW server_version_num")

    assert int(version) >= 150000
    await connection.close()


def test_a_test_gets_an_empty_redis(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_a_test_cannot_reach_the_network():
    with socket.socket() as client, pytest.raises(PermissionError):
        client.connect(("192.0.2.1", 80))
