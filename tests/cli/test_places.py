"""Where commands look for the service, and what they say when it is not there."""

import socket
from pathlib import Path

from app.client import DEFAULT_SERVER, Place
from tests.api.service import Service
from tests.cli.commands import rigline


def test_the_address_goes_before_the_socket_below_the_data_directory(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as near:
        near.bind(str(tmp_path / "rigline.sock"))
        alone = Place.chosen(None, None, None, tmp_path)
        addressed = Place.chosen("http://lab:8000", None, None, tmp_path)
        by_path = Place.chosen("http://lab:8000", tmp_path / "other.sock", None, tmp_path)
    nowhere = Place.chosen(None, None, None, tmp_path / "none")

    assert (alone.socket, addressed.socket, by_path.socket) == (
        tmp_path / "rigline.sock",
        None,
        tmp_path / "other.sock",
    )
    assert (addressed.base_url, nowhere.base_url) == ("http://lab:8000", DEFAULT_SERVER)


async def test_a_service_that_is_away_exits_3_with_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        asked = [
            await rigline("pipeline", "list", "--server", f"http://127.0.0.1:{taken.getsockname()[1]}"),
            await rigline("pipeline", "list", "--socket", str(tmp_path / "none.sock")),
            await rigline("pipeline", "list", "--server", "nonsense"),
        ]

    assert [each.status for each in asked] == [3, 3, 3]
    assert "--server or --socket" in asked[0].err and "rigline serve" in asked[1].err
    assert "nonsense" in asked[2].err


async def test_another_server_is_not_taken_for_rigline(service: Service) -> None:
    said = await rigline("pipeline", "list", "--server", f"{service.url}/static")

    assert said.status == 3
    assert "not as Rigline does" in said.err


async def test_a_token_is_never_sent_over_the_socket_nor_needed_there(service: Service) -> None:
    said = await rigline(
        "builder", "create", "shelf", "--socket", str(service.settings.socket), RIGLINE_TOKEN="rlu_1.wrong"
    )

    assert said.status == 0, said.err
    assert said.out.splitlines()[0].startswith("export RIGLINE_BUILDER_ID=")
    assert said.out.splitlines()[1].startswith("export RIGLINE_BUILDER_TOKEN=rlb_")
