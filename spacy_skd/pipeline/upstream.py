"""What runs before a component: the encoders that it listens to, and who sets sentence boundaries.

A listener gives the vectors that its encoder has left for a document, and zeros where it has left
none. So whoever asks a component for scores outside of `nlp.pipe` has to run the encoder first.
"""

from typing import Any, Iterable, List, Optional, Sequence, Tuple, Union

from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model

from ..errors import Errors, SkdError

Pipes = List[Tuple[str, Any]]

# What a tokenizer or an earlier component may have said of tokens, and an encoder may read.
FEATURES = ["NORM", "LEMMA", "TAG", "POS", "MORPH"]
BOUNDARIES = {"token.is_sent_start", "doc.sents"}
# How spacy-curated-transformers marks a listener, which is of no class of its own.
CURATED = "_TRANSFORMER_LISTENER"


def listeners(pipe: Any) -> List[Model]:
    """The layers of a component's model that get their vectors from an encoder before it: spaCy's
    and those of spacy-transformers, which have the name of what they listen to, and those of
    spacy-curated-transformers.
    """
    model = getattr(pipe, "model", None)
    return [node for node in model.walk() if is_listener(node)] if model else []


def is_listener(node: Model) -> bool:
    return hasattr(node, "upstream_name") or CURATED in node.attrs


def require_encoded(pipe: Any, docs: Iterable[Doc]) -> None:
    """Raises `SkdError` for a document for which an encoder has left nothing."""
    nodes = listeners(pipe)
    for doc in docs if nodes else ():
        if len(doc) and not all(is_encoded(doc, node) for node in nodes):
            raise SkdError(
                Errors.SKD049.format(name=pipe.name, type=nodes[0].name, text=doc.text[:60])
            )


def is_encoded(doc: Doc, listener: Model) -> bool:
    if isinstance(listener, Tok2VecListener):
        return doc.tensor.size > 0
    return doc.has_extension("trf_data") and doc._.trf_data is not None


def before(nlp: Language, pipe: Any) -> Pipes:
    """The components of a pipeline that run before one of them."""
    return around(nlp, pipe)[0]


def after(nlp: Language, pipe: Any) -> Pipes:
    """The components of a pipeline that run after one of them."""
    return around(nlp, pipe)[1]


def around(nlp: Language, pipe: Any) -> Tuple[Pipes, Pipes]:
    """The enabled components before and after one of them, which may be disabled itself; none where
    it is no part of the pipeline.
    """
    places = [i for i, (_, other) in enumerate(nlp.components) if other is pipe]
    if not places:
        return [], []
    parts = nlp.components[: places[0]], nlp.components[places[0] + 1 :]
    earlier, later = ([p for p in part if p[0] not in nlp.disabled] for part in parts)
    return earlier, later


def run(pipe: Any, docs: Iterable[Doc]) -> List[Doc]:
    """The documents with what a component of any kind, trained or a function, writes."""
    return list(pipe.pipe(docs)) if hasattr(pipe, "pipe") else [pipe(doc) for doc in docs]


def encoders(nlp: Language, pipe: Any) -> Pipes:
    """The components that a component listens to."""
    nodes = listeners(pipe)
    return [
        (name, other)
        for name, other in before(nlp, pipe)
        if any(node is listener for node in nodes for listener in getattr(other, "listeners", ()))
    ]


def as_before(pipe: Any, docs: Sequence[Doc]) -> List[Doc]:
    """The documents as the component meets them in its pipeline, whatever has been written since:
    copies for which the encoders have run, or the documents themselves where nothing that the model
    reads can have changed. Annotations that the model does not read, entities first, are not
    undone.

    Sentence boundaries are those of the documents, unless components that run later set them; where
    there are none yet, those of components that run earlier.
    """
    nlp = pipe.nlp
    late = nlp is not None and sets_boundaries(nlp, after(nlp, pipe))
    early = nlp is not None and lacks_boundaries(nlp, pipe, docs)
    if not late and not early and not listeners(pipe):
        return list(docs)
    copies = [copy_doc(doc, pipe.vocab, boundaries=not late) for doc in docs]
    if nlp is not None:
        for _, other in before(nlp, pipe) if late or early else encoders(nlp, pipe):
            copies = run(other, copies)
    require_encoded(pipe, copies)
    return copies


def lacks_boundaries(nlp: Language, pipe: Any, docs: Sequence[Doc]) -> bool:
    """Whether some of the documents have not met those of the components before that set them."""
    fresh = any(not doc.has_annotation("SENT_START") for doc in docs)
    return fresh and sets_boundaries(nlp, before(nlp, pipe))


def sets_boundaries(nlp: Language, pipes: Pipes) -> bool:
    assigned = (nlp.get_pipe_meta(name).assigns for name, _ in pipes)
    return any(not BOUNDARIES.isdisjoint(names) for names in assigned)


def copy_doc(
    doc: Doc, vocab: Vocab, boundaries: bool = True, features: Sequence[str] = FEATURES
) -> Doc:
    """A document with the same tokens and what encoders may read of them; without entities, vectors
    of encoders and user data.
    """
    words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
    starts: Optional[List[Union[bool, int, None]]] = None
    if boundaries and doc.has_annotation("SENT_START"):
        starts = [token.is_sent_start for token in doc]
    copy = Doc(vocab, words=words, spaces=spaces, sent_starts=starts)
    if len(doc) and features:
        if vocab is not doc.vocab:
            for token in doc:
                for text in (token.norm_, token.lemma_, token.tag_, str(token.morph)):
                    vocab.strings.add(text)
        values: Any = doc.to_array(list(features))
        copy.from_array(list(features), values)
    return copy
