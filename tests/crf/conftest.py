import pytest

from spacy_skd import crf
from spacy_skd.crf import inference, reference


@pytest.fixture(params=["native", "reference"])
def backend(request, monkeypatch):
    """Run a test with the extension and with what replaces it."""
    if request.param == "native" and not crf.NATIVE:
        pytest.skip("the extension of spacy_skd.crf is not built")
    if request.param == "reference":
        monkeypatch.setattr(inference, "kernels", reference)
    return request.param
