import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_skd.errors import Errors, SkdError, Warnings, printable


@given(st.text(alphabet=st.characters()))
def test_a_message_is_one_line_of_printable_text(text):
    message = str(SkdError(Errors.SKD080.format(path=f"raw/{text}")))
    assert message.isprintable() and message.startswith("[SKD080] There is no file or folder raw/")
    message.encode("utf-8")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("half \udc80", "half \\udc80"),
        ("\x9b2J", "\\x9b2J"),
        ("crème brûlée 東京", "crème brûlée 東京"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text, expected):
    assert printable(text) == expected


def test_long_values_keep_their_ends_and_the_remedy():
    message = str(SkdError(Errors.SKD092.format(path="x", line=1, tag="a" * 10**6 + "z")))
    assert len(message) < 1000
    assert "aaa ... aaa" in message and "z' is none of" in message and message.endswith("--format.")


def test_other_values_are_formatted_as_ever():
    assert "(3, 4)" in Errors.SKD001.format(name="x", shape=(3, 4), expected="2")
    assert Warnings.W001.format(factor=12).count("12") == 1


def test_errors_are_copied_and_pickled():
    error = SkdError(Errors.SKD080.format(path="x"))
    assert str(copy.copy(error)) == str(pickle.loads(pickle.dumps(error))) == str(error)
