"""Raw text through the tokenizer: spaCy's rules, what a corpus teaches, and other scripts."""

import hashlib
import pickle
import subprocess
import sys
import tracemalloc

import pytest
import spacy
import srsly
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.attrs import NORM, ORTH
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry
from spacy.vocab import Vocab

from spacy_skd.errors import SkdError
from spacy_skd.tokenizers import boundaries, multilingual
from spacy_skd.tokenizers.multilingual import make_multilingual_tokenizer
from spacy_skd.tokenizers.segmenters import SETTINGS

CONFIG = {"nlp": {"tokenizer": {"@tokenizers": "spacy-skd.MultilingualTokenizer.v1"}}}
PARTS = ["a", "don't", " ", "  ", "\n", "(x)", "l'eau.", ":-)", "東京", "b@c.de", "9,5", "ü\u0308"]
PARTS += [
    "http://a.example/b?c=d,",
    "ไทย",
    "कि",
    "👩\u200d👧",
    "👍🏽",
    "\t",
    "\u3000",
    "…",
    "x" * 300,
]
RULES = spacy.blank("xx")
TEXTS = st.lists(st.sampled_from(PARTS)).map("".join)


def blank():
    return spacy.blank("xx", config=CONFIG)


UNTRAINED = blank()


def sentence(text, lang="en"):
    """Words separated by "|", in place of which there is no space."""
    words, spaces = [], []
    for chunk in text.split(" "):
        words += chunk.split("|")
        spaces += [False] * chunk.count("|") + [True]
    return Doc(Vocab(), words=words, spaces=spaces, user_data={"lang": lang})


VERBS = ["do", "does", "did", "is", "was", "has", "had", "would", "could", "should", "must", "need"]
WORDS = ["people", "never", "know", "what", "they", "find", "here", "and", "there", "again"]
ENGLISH = [
    sentence(f"{WORDS[i % 10]} {verb}|n't {WORDS[(i * 3 + j) % 10]} {WORDS[(i + j) % 7]}|.")
    for i, verb in enumerate(VERBS)
    for j in range(8)
]
TOWNS = ["東京", "京都", "大阪", "奈良", "札幌", "横浜"]
DEEDS = ["行く", "住む", "泊まる", "帰る", "着く", "寄る"]
JAPANESE = [
    sentence(f"{person}|は|{town}|に|{deed}|。", "ja")
    for person in ["私", "彼", "彼女", "父", "母"]
    for town in TOWNS
    for deed in DEEDS
]


@pytest.fixture(scope="module")
def learned():
    nlp = blank()
    nlp.tokenizer.initialize(lambda: [], sentences=lambda: ENGLISH + JAPANESE)
    return nlp


@settings(deadline=None, max_examples=150)
@given(TEXTS)
def test_untrained_it_is_spacys_but_for_ideographs_and_long_words(text):
    text = text.replace("東京", "").replace("x" * 300, "").replace("ü\u0308", "")
    text = text.replace("\u200d", "").replace("🏽", "").replace("कि", "").replace("ไทย", "")
    expected, found = RULES(text), UNTRAINED(text)
    assert [(t.text, t.whitespace_) for t in found] == [(t.text, t.whitespace_) for t in expected]


@settings(deadline=None, max_examples=150)
@given(TEXTS)
def test_no_character_is_lost(learned, text):
    for nlp in (UNTRAINED, learned):
        assert nlp(text).text == text


@settings(deadline=None, max_examples=100)
@given(st.lists(TEXTS, max_size=3), st.integers(1, 9))
def test_decisions_are_the_same_however_many_are_made_at_a_time(learned, texts, size):
    chunks = [learned.tokenizer.by_rule("".join(text.split())) for text in texts if text.split()]
    once = learned.tokenizer.boundaries.decide(chunks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boundaries, "BATCH", size)
        parts = learned.tokenizer.boundaries.decide(chunks)
    assert [found.tolist() for found in parts] == [found.tolist() for found in once]


def test_long_text_without_spaces_takes_little_memory(learned, monkeypatch):
    table = learned.tokenizer.boundaries
    chunk = learned.tokenizer.by_rule("".join(doc.text for doc in JAPANESE) * 30)
    assert len(chunk.text) > 40_000
    tracemalloc.start()
    (parts,) = table.decide([chunk])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400 * len(chunk.text)
    monkeypatch.setattr(boundaries, "BATCH", len(chunk.text))
    assert parts.tolist() == table.decide([chunk])[0].tolist()


def test_it_splits_as_its_corpus_does(learned):
    found = [t.text for t in learned("They couldn't know. 母は京都に着く。 母は東京に泊まる。")]
    assert found == (
        ["They", "could", "n't", "know", ".", "母", "は", "京都", "に", "着く", "。"]
        + ["母", "は", "東京", "に", "泊まる", "。"]
    )


def test_what_a_corpus_did_not_have_is_left_to_the_rules(learned):
    text = "Η Αθήνα (1,5) https://a.example/isnt?x=1,2 ไทย"
    assert [t.text for t in learned(text)] == [t.text for t in RULES(text)]


def test_languages_of_which_only_words_are_known_are_left_to_the_rules():
    """Their sentences of one word, and their words in the text of another language, say nothing of
    how marks stand in theirs.
    """
    split = [sentence(f"The {a} {b} it , again .") for a in WORDS for b in VERBS]
    single = [sentence(word) for word in ["http://a.b.c.example/d", "etc.", *WORDS] * 40]
    foreign = [
        sentence(f"{word}|は|{town}|に|{deed}|。|（|？|,|）|.", "ja")
        for word in WORDS
        for town in TOWNS
        for deed in DEEDS
    ]
    nlp = blank()
    nlp.tokenizer.initialize(lambda: [], sentences=lambda: [*split, *single, *foreign])
    text = "What is this, Miramar? Again. (Never!)"
    assert [t.text for t in nlp(text)] == [t.text for t in RULES(text)]
    found = [t.text for t in nlp("peopleは京都に着く。")]
    assert found == ["people", "は", "京都", "に", "着く", "。"]


def test_words_with_spaces_in_them():
    """As in Vietnamese, where they are of several syllables."""
    words = ["Tôi", "làm việc", "."]
    known = [Doc(Vocab(), words=words, spaces=[True, False, False])] * 20
    split = [Doc(Vocab(), words=[*words[:2], "-", "."])] * 30
    nlp = blank()
    nlp.tokenizer.initialize(lambda: [], sentences=lambda: [*known, *split])
    assert [t.text for t in nlp("Tôi làm việc.")] == ["Tôi", "làm", "việc", "."]


def test_few_sentences_teach_what_stands_beside_a_mark_of_a_script_without_spaces():
    """Other marks are as those of any text."""
    nlp = blank()
    seldom = [sentence(f"{word}|・|b|は|{word}|+|b|に|行く|。", "ja") for word in WORDS[:6]]
    nlp.tokenizer.initialize(lambda: [], sentences=lambda: [*JAPANESE, *seldom])
    assert [t.text for t in nlp("find・b find+b")] == ["find", "・", "b", "find+b"]


def test_characters_that_belong_together_stay_so(learned):
    for text in ("👩\u200d👧", "👍🏽", "e\u0301", "می\u200cگوید"):
        for token in learned(f"x{text}x 東{text}"):
            assert not token.text.startswith(tuple("\u200d🏽\u0301\u200c"))


@pytest.mark.parametrize("how", ["bytes", "disk", "pickle", "pipeline"])
def test_it_is_stored_with_the_pipeline(learned, tmp_path, how):
    text = "They couldn't know. 母は京都に着く。"
    expected = [(t.text, t.whitespace_) for t in learned(text)]
    if how == "pickle":
        nlp = pickle.loads(pickle.dumps(learned))
    elif how == "pipeline":
        learned.to_disk(tmp_path / "all")
        nlp = spacy.load(tmp_path / "all")
        assert nlp.config["nlp"]["tokenizer"]["@tokenizers"] == "spacy-skd.MultilingualTokenizer.v1"
    else:
        nlp = blank()
        assert [t.text for t in nlp(text)] != [word for word, _ in expected]
        if how == "bytes":
            nlp.tokenizer.from_bytes(learned.tokenizer.to_bytes())
        else:
            learned.tokenizer.to_disk(tmp_path / "tokenizer")
            nlp.tokenizer.from_disk(tmp_path / "tokenizer")
    assert [(t.text, t.whitespace_) for t in nlp(text)] == expected
    assert nlp.tokenizer.vocab is nlp.vocab


@pytest.mark.parametrize("damage", [lambda b: b[:-5], lambda b: b"", lambda b: b[::-1], None])
def test_one_line_for_a_damaged_file(learned, tmp_path, damage):
    data = learned.tokenizer.to_bytes()
    middle = len(data) // 2
    spoilt = damage(data) if damage else data[:middle] + b"\x00\x01" + data[middle + 2 :]
    (tmp_path / "tokenizer").write_bytes(spoilt)
    with pytest.raises(SkdError, match="SKD252.*tokenizer cannot be loaded") as error:
        blank().tokenizer.from_disk(tmp_path / "tokenizer")
    assert "\n" not in str(error.value)


def test_one_line_for_a_file_of_another_version(learned, tmp_path):
    """It is no damage: what is checked by the checksum is there, and other than this version's."""
    file = srsly.msgpack_loads(learned.tokenizer.to_bytes())
    content = srsly.msgpack_loads(file["content"])
    del content["special_cases"]
    packed = srsly.msgpack_dumps(content)
    other = {**file, "content": packed, "checksum": hashlib.sha256(packed).hexdigest()}
    (tmp_path / "tokenizer").write_bytes(srsly.msgpack_dumps(other))
    with pytest.raises(SkdError, match=r"SKD254.*another version.*rules, table") as error:
        blank().tokenizer.from_disk(tmp_path / "tokenizer")
    assert "damaged" not in str(error.value)


def test_several_processes(learned, tmp_path):
    learned.to_disk(tmp_path / "model")
    code = f"import spacy; nlp = spacy.load({str(tmp_path / 'model')!r})\n"
    code += "if __name__ == '__main__':\n"
    code += "    docs = nlp.pipe([\"They couldn't know.\", '母は京都に着く。'] * 3, n_process=2)\n"
    code += "    print([len(doc) for doc in docs])"
    script = tmp_path / "script.py"
    script.write_text(code)
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert result.stdout == "[5, 6, 5, 6, 5, 6]\n", result.stderr


def test_the_words_that_are_kept_have_a_limit(learned, monkeypatch):
    monkeypatch.setattr(multilingual, "CACHED", 100)
    before = [t.text for t in learned("couldn't")]
    learned(" ".join(map(str, range(110))))
    learned("another")
    assert len(learned.tokenizer._words) <= 110
    assert [t.text for t in learned("couldn't")] == before


def test_another_thread_may_reach_the_limit(learned, monkeypatch):
    tokenizer, by_rule = learned.tokenizer, learned.tokenizer.by_rule
    monkeypatch.setattr(multilingual, "CACHED", 100)
    expected = [t.text for t in tokenizer("they couldn't")]

    def interrupted(piece):
        if piece == "interrupted":  # as if a thread had the interpreter for a while
            tokenizer(" ".join(f"{i}." for i in range(110)))
        return by_rule(piece)

    monkeypatch.setattr(tokenizer, "by_rule", interrupted)
    assert [t.text for t in tokenizer("they couldn't interrupted")] == [*expected, "interrupted"]


def test_special_cases_outrank_what_was_learned(learned, tmp_path):
    nlp = blank().from_bytes(learned.to_bytes())
    assert [token.text for token in nlp("people doesn't know")][1:3] == ["does", "n't"]
    nlp.tokenizer.add_special_case("doesn't", [{ORTH: "doesn't"}])
    nlp.tokenizer.add_special_case("gimme", [{"ORTH": "gim"}, {"ORTH": "me"}])
    nlp.to_disk(tmp_path / "nlp")
    for pipeline in (nlp, spacy.load(tmp_path / "nlp"), blank().from_bytes(nlp.to_bytes())):
        words = [token.text for token in pipeline("people doesn't know (doesn't). gimme again")]
        assert words == [
            "people",
            "doesn't",
            "know",
            "(",
            "doesn't",
            ")",
            ".",
            "gim",
            "me",
            "again",
        ]
        # Only where spaCy's rules find it: not as a part of a word.
        assert [token.text for token in pipeline("gimmeabc")] == ["gimmeabc"]


@pytest.mark.parametrize(
    "string, tokens",
    [
        ("gimme", [{ORTH: "gim"}, {ORTH: "us"}]),
        ("gimme", [{ORTH: "gim", NORM: "give"}, {ORTH: "me"}]),
        ("New York", [{ORTH: "New York"}]),
        ("gimme", [{ORTH: "gimme"}, {ORTH: ""}]),
        ("", []),
    ],
)
def test_special_cases_that_cannot_be(string, tokens):
    tokenizer = blank().tokenizer
    with pytest.raises(SkdError, match=r"\[SKD253\].*attribute_ruler"):
        tokenizer.add_special_case(string, tokens)
    assert tokenizer.special_cases == {}


def test_it_is_scored_as_spacys_is(learned):
    gold = sentence("they could|n't kn|ow .")
    scores = learned.evaluate([Example(learned.make_doc(gold.text), gold)])
    names = ("token_acc", "token_p", "token_r", "token_f")
    assert [scores[name] for name in names] == pytest.approx([4 / 5, 4 / 5, 4 / 6, 8 / 11])


def test_without_sentences_nothing_is_learned():
    nlp = blank()
    nlp.initialize()
    assert nlp.tokenizer.boundaries is None
    unknown = [Doc(Vocab(), words=["do", "n't", "go", "."], user_data={"lang": "en"})] * 500
    nlp.tokenizer.initialize(lambda: [], sentences=lambda: unknown)
    assert nlp.tokenizer.boundaries is None


@pytest.mark.parametrize("package, codes, text", [
    ("sudachipy", {"HIRAGANA": "ja", "CJK": "zh"}, "これは東京です|これ は 東京 です"),
    ("jieba", {"CJK": "zh"}, "我来到北京清华大学|我 来到 北京 清华大学"),
    ("pythainlp", {"THAI": "th"}, "ประเทศไทย สวยงาม|ประเทศ ไทย สวยงาม"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_segmenters_split_scripts_that_no_corpus_has(package, codes, text):
    pytest.importorskip(package)
    if "zh" in codes.values():
        pytest.importorskip("jieba")
    nlp = spacy.blank(
        "xx", config={"nlp": {"tokenizer": {**CONFIG["nlp"]["tokenizer"], "segmenters": codes}}}
    )
    given, expected = text.split("|")
    assert [t.text for t in nlp(given)] == expected.split()
    assert any("[segmenters]" in requirement for requirement in nlp.meta["requirements"])
    assert [t.text for t in pickle.loads(pickle.dumps(nlp))(given)] == expected.split()


@pytest.mark.filterwarnings("ignore")
def test_segmenters_take_runs_of_any_length():
    """Sudachi refuses more than 49,149 bytes at a time."""
    pytest.importorskip("sudachipy")
    text = "𠮷" + "これは東京です" * 2400
    settings = {**CONFIG["nlp"]["tokenizer"], "segmenters": {"HIRAGANA": "ja"}}
    doc = spacy.blank("xx", config={"nlp": {"tokenizer": settings}})(text)
    assert doc.text == text
    assert [t.text for t in doc][-4:] == ["これ", "は", "東京", "です"]


@pytest.mark.parametrize(
    "code, package", [("ja", "sudachipy"), ("zh", "jieba"), ("th", "pythainlp")]
)
def test_a_missing_segmenter_is_one_line(monkeypatch, code, package):
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    script = {"ja": "HIRAGANA", "zh": "CJK", "th": "THAI"}[code]
    with pytest.raises(SkdError, match=rf"SKD250.*{script}.*spacy-skd\[segmenters\]") as error:
        make_multilingual_tokenizer({script: code})
    assert "\n" not in str(error.value)


def test_a_segmenter_of_another_script_is_refused():
    with pytest.raises(SkdError, match="SKD251.*'LATIN'.*THAI"):
        make_multilingual_tokenizer({"LATIN": "en"})


def test_it_is_registered():
    assert registry.tokenizers.get("spacy-skd.MultilingualTokenizer.v1")
    assert SETTINGS["zh"]["segmenter"] == "jieba"
