"""The model of the components: any tok2vec -> emission scores -> the potentials of a CRF.

The CRF's parameters are native thinc parameters, so that `use_averages`, every thinc optimizer,
serialisation and `nlp.pipe(n_process=2)` treat them as any other layer's.
"""

from itertools import pairwise
from typing import Callable, List, Optional, Tuple

import numpy as np
from spacy import registry
from spacy.tokens import Doc
from thinc.api import Linear, Model, zero_init
from thinc.types import Floats2d

from .bounded import apply
from .crf import Potentials
from .errors import Errors, SkdError
from .ragged import flattened, split_rows
from .settings import check_number

CHAIN_PARAMS = ("transitions", "start", "end")
# How much less probable than an old tag a new one is: e^5 = 148 times.
MARGIN = 5.0

# What the learning rate of a layer's parameters is multiplied by.
LR_FACTOR = "lr_factor"
# Beyond this factor on the learning rate a setting is a mistake: chain scores grow without bound.
MAX_LR_FACTOR = 100_000


@registry.architectures("spacy-skd.CRFTagger.v1")
def build_crf_tagger(
    tok2vec: Model[List[Doc], List[Floats2d]],
    transitions_lr: float = 1.0,
    nO: Optional[int] = None,
) -> Model[List[Doc], Potentials]:
    """A linear-chain CRF over the vectors of any tok2vec or transformer (listener).

    tok2vec (Model[List[Doc], List[Floats2d]]): Encoder, one array (n, width) a document.
    transitions_lr (float): Factor on the learning rate of transition, start and end scores.
    nO (Optional[int]): Number of tags L; None: set by the component from its labels.
    RETURNS: Documents -> Potentials, unconstrained, one chain a sentence (see `chain_lengths`).
    Raises `SkdError` for settings out of range, and when initialized for a number of tags that is
    not nO.
    """
    check_number("transitions_lr of spacy-skd.CRFTagger.v1", transitions_lr, 0, MAX_LR_FACTOR)
    if nO is not None:
        check_number("nO of spacy-skd.CRFTagger.v1", nO, 1, whole=True)
    emissions = Linear(nI=tok2vec.maybe_get_dim("nO"), init_W=zero_init)
    return Model(
        "crf_tagger",
        forward,
        init=init,
        layers=[tok2vec, emissions],
        refs={"tok2vec": tok2vec},
        dims={"nO": None},
        params=dict.fromkeys(CHAIN_PARAMS),
        # nO is no dimension before the labels are known: a component adds none to a model with it.
        attrs={LR_FACTOR: transitions_lr, "declared_nO": nO},
    )


def init(model: Model, X: Optional[List[Doc]] = None, Y: Optional[Floats2d] = None) -> None:
    """X (List[Doc]): a sample of documents. Y (Floats2d): (any, L), for its width alone."""
    tok2vec, emissions = model.layers
    declared = model.attrs["declared_nO"]
    if model.has_dim("nO") is None:
        n_tags = declared if Y is None else Y.shape[1]
        if declared not in (None, n_tags):
            raise SkdError(Errors.SKD033.format(declared=declared, found=n_tags))
        model.set_dim("nO", n_tags)
    tok2vec.initialize(X=X)
    n_tags = model.get_dim("nO")
    if emissions.has_dim("nO") is None:
        emissions.set_dim("nO", n_tags)
    if emissions.has_dim("nI") is None:
        emissions.set_dim("nI", tok2vec.get_dim("nO"))
    emissions.initialize()
    model.set_param("transitions", model.ops.alloc2f(n_tags, n_tags))
    model.set_param("start", model.ops.alloc1f(n_tags))
    model.set_param("end", model.ops.alloc1f(n_tags))


def forward(
    model: Model[List[Doc], Potentials], docs: List[Doc], is_train: bool
) -> Tuple[Potentials, Callable[[Potentials], List[Doc]]]:
    """Documents of N tokens in B sentences -> Potentials; the gradient comes as Potentials too.

    The chain lives on the host: on a GPU the emission scores are copied there, the gradients back.
    """
    tok2vec, emissions = model.layers
    ops = model.ops
    vectors, backprop_tok2vec = apply(tok2vec, docs, is_train)
    unary, backprop_emissions = emissions(flattened(ops, vectors), is_train)
    potentials = Potentials(
        ops.to_numpy(unary),
        np.array([n for doc in docs for n in chain_lengths(doc)], dtype=np.int32),
        *(ops.to_numpy(model.get_param(name)) for name in CHAIN_PARAMS),
    )

    def backprop(gradient: Potentials) -> List[Doc]:
        for name in CHAIN_PARAMS:
            model.inc_grad(name, ops.asarray(getattr(gradient, name), dtype="float32"))
        d_vectors = backprop_emissions(ops.asarray2f(gradient.unary, dtype="float32"))
        return backprop_tok2vec(split_rows(d_vectors, [len(doc) for doc in docs]))

    return potentials, backprop


def extended(
    model: Model[List[Doc], Potentials], n_tags: int, like: Optional[int]
) -> Model[List[Doc], Potentials]:
    """The same model for more tags, the new ones after the old, whose scores stay as they are.

    A new tag starts as the shadow of an old one: its emission, transition, start and end scores,
    and `MARGIN` less for the emission. So for each sequence with new tags there is one without them
    that has a higher score, and the best sequences stay the same until the model is trained on.
    With the mean of all tags in place of one that holds too: a mean of scores is not above the best
    of them.

    The encoder is shared. What an optimizer has of the layers that grow starts anew with their ids.

    n_tags (int): The new number of tags.
    like (Optional[int]): The tag that new ones are like; None: the mean of all.
    """
    tok2vec, old = model.layers
    n_old = model.get_dim("nO")
    share = np.full(n_old, 1 / n_old) if like is None else np.eye(n_old)[like]
    # (n_tags, n_old): each new score as a mixture of old ones.
    mixture = np.concatenate([np.eye(n_old), np.tile(share, (n_tags - n_old, 1))])
    new = build_crf_tagger(tok2vec, model.attrs[LR_FACTOR])
    emissions = new.layers[1]
    new.set_dim("nO", n_tags)
    emissions.set_dim("nO", n_tags)
    emissions.set_dim("nI", old.get_dim("nI"), force=True)
    bias = mixture @ old.ops.to_numpy(old.get_param("b"))
    bias[n_old:] -= MARGIN
    set_param(emissions, "W", mixture @ old.ops.to_numpy(old.get_param("W")))
    set_param(emissions, "b", bias)
    chain = {name: model.ops.to_numpy(model.get_param(name)) for name in CHAIN_PARAMS}
    set_param(new, "transitions", mixture @ chain["transitions"] @ mixture.T)
    set_param(new, "start", mixture @ chain["start"])
    set_param(new, "end", mixture @ chain["end"])
    return new


def set_param(model: Model, name: str, value: np.ndarray) -> None:
    model.set_param(name, model.ops.asarray(value, dtype="float32"))


def chain_lengths(doc: Doc) -> List[int]:
    """Tokens of each chain of a document: its sentences where known, else one. As `doc.sents` has
    them, in a quarter of the time.
    """
    if not doc.has_annotation("SENT_START"):
        return [len(doc)]
    if "sents" in doc.user_hooks or len(doc) == 0:
        return [len(sentence) for sentence in doc.sents]
    begins = np.flatnonzero(doc.to_array("SENT_START")[1:] == 1) + 1
    edges = [0, *begins.tolist(), len(doc)]
    return [end - start for start, end in pairwise(edges)]
