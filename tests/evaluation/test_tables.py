import pytest
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_skd.evaluation.tables import mark_labels, score_tables, teacher_table
from spacy_skd.training.runs import RunReport


def sentence(*spans) -> Doc:
    words = ["Ada", "Lovelace", "lives", "in", "London", "."]
    pos = ["PROPN", "PROPN", "VERB", "ADP", "PROPN", "PUNCT"]
    doc = Doc(Vocab(), words=words, spaces=[True] * 4 + [False, False], pos=pos, tags=pos)
    doc.set_ents([Span(doc, *span) for span in spans])
    return doc


@pytest.mark.parametrize(
    "spans,text",
    [
        ([(0, 2, "PER"), (4, 5, "LOC")], "[PER Ada Lovelace] lives in [LOC London]."),
        ([(0, 1, "PER"), (1, 2, "PER")], "[PER Ada] [PER Lovelace] lives in London."),
        ([(4, 6, "LOC")], "Ada Lovelace lives in [LOC London.]"),
        ([], "Ada Lovelace lives in London."),
    ],
)
def test_entities_in_the_text(spans, text):
    assert mark_labels(sentence(*spans), "ents_f") == text


def test_tags_in_the_text():
    text = "Ada/PROPN Lovelace/PROPN lives/VERB in/ADP London/PROPN ./PUNCT"
    assert mark_labels(sentence(), "tag_acc") == mark_labels(sentence(), "pos_acc") == text


def test_line_breaks_do_not_break_the_line():
    doc = Doc(Vocab(), words=["one", "\n", "two"], spaces=[False, False, False])
    assert mark_labels(doc, "ents_f") == "one two"


def test_what_a_terminal_would_obey_is_shown():
    doc = Doc(Vocab(), words=["\x1b[2J", "می\u200cشود", "\u202ex"], tags=["A\x07"] * 3)
    assert mark_labels(doc, "tag_acc") == "\\x1b[2J/A\\x07 می\u200cشود/A\\x07 \\u202ex/A\\x07"


def pipeline(average, **languages):
    return {"languages": languages, "average": average}


def test_tables_of_pipelines_with_different_metrics():
    report = {
        "languages": ["de", "zh_hant"],
        "pipelines": {
            "ner": pipeline({"ents_f": 0.75}, de={"ents_f": 1.0}, zh_hant={"ents_f": 0.5}),
            "both": pipeline(
                {"ents_f": 0.2, "tag_acc": 0.9},
                de={"ents_f": 0.2, "tag_acc": 0.9},
                zh_hant={"ents_f": None, "tag_acc": None},
            ),
        },
    }
    lines = [line for line in score_tables(report).splitlines() if line]
    assert [line.split() for line in lines if "-----" not in line] == [
        ["ents_f", "ner", "both"],
        ["de", "100.00", "20.00"],
        ["zh_hant", "50.00", "-"],
        ["average", "75.00", "20.00"],
        ["tag_acc", "ner", "both"],
        ["de", "-", "90.00"],
        ["zh_hant", "-", "-"],
        ["average", "-", "90.00"],
    ]
    assert {len(line) for line in lines[:5]} == {len(lines[0])}


def test_table_of_teachers():
    trained = RunReport("de", "trained", 30, 100, 12.3, "ents_f", 0.5)
    failed = RunReport("en", "failed", 30, error="ValueError")
    rows = [line.split() for line in teacher_table([trained, failed]).splitlines()]
    assert ["de", "30", "100", "12", "ents_f", "50.00", "trained"] in rows
    assert ["en", "30", "-", "0", "-", "-", "failed"] in rows
