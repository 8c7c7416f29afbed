"""What is known of teachers before they are trained."""

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_skd.ensembles import make_members
from spacy_skd.training.teachers import held_out_sentences


def test_what_teachers_do_not_see_is_counted(tmp_path):
    """Of one teacher of all languages a sentence that they share wherever it is."""
    vocab = Vocab()
    for lang, words in (("de", "aabx"), ("en", "xcda")):
        (tmp_path / lang).mkdir()
        docs = [Doc(vocab, words=[word]) for word in words]
        DocBin(docs=docs).to_disk(tmp_path / lang / "train.spacy")
    members = make_members(2, [0])
    alone = held_out_sentences(tmp_path, {"de": ["de"], "en": ["en"]}, members)
    names = [[member.name(group) for member in members] for group in ("de", "en", "multilingual")]
    assert [[alone[name] for name in of_one] for of_one in names[:2]] == [[3, 1], [2, 2]]
    together = held_out_sentences(tmp_path, {"multilingual": ["de", "en"]}, members)
    assert [together[name] for name in names[2]] == [7, 6]
    assert held_out_sentences(tmp_path, {"de": ["de"]}, make_members(0, [])) == {}
