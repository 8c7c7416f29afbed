"""A Hub on this machine, and a token for it."""

import pytest

from .stand_in import WRITER, running


@pytest.fixture(scope="session")
def stand_in():
    with running() as (hub, url):
        hub.url = url
        yield hub


@pytest.fixture
def hub(stand_in, monkeypatch, tmp_path):
    """The stand-in, empty, asked in place of the Hub by huggingface_hub in this process."""
    constants = pytest.importorskip("huggingface_hub.constants")
    downloads = pytest.importorskip("huggingface_hub.file_download")
    stand_in.clear()
    monkeypatch.setattr(constants, "ENDPOINT", stand_in.url)
    # Made from the address when they were imported.
    address = stand_in.url + "/{repo_id}/resolve/{revision}/{filename}"
    for module in (constants, downloads):
        monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", address, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("HF_TOKEN", WRITER)
    return stand_in
