"""The model of the components: any tok2vec -> emission scores -> the potentials of a CRF.

The CRF's parameters are native thinc parameters, so that `use_averages`, every thinc optimizer,
serialisation and `nlp.pipe(n_process=2)` treat them as any other layer's.
"""

from typing import Callable, List, Optional, Tuple

import numpy as np
from spacy import registry
from spacy.tokens import Doc
from thinc.api import Linear, Model, zero_init
from thinc.types import Floats2d

from .crf import Potentials

CHAIN_PARAMS = ("transitions", "start", "end")


@registry.architectures("spacy-skd.CRFTagger.v1")
def build_crf_tagger(
    tok2vec: Model[List[Doc], List[Floats2d]],
    transitions_lr: float = 1.0,
    nO: Optional[int] = None,
) -> Model[List[Doc], Potentials]:
    """A linear-chain CRF over the vectors of any tok2vec or transformer (listener).

    tok2vec (Model[List[Doc], List[Floats2d]]): Encoder, one array (n, width) a document.
    transitions_lr (float): Factor on the learning rate of transition, start and end scores. They want
        more than a fine-tuned encoder does: Wang et al. (2020) use 0.5 beside 5e-5.
    nO (Optional[int]): Number of tags L; None: set by the component from its labels.
    RETURNS: Documents -> Potentials, unconstrained, one chain a sentence (see `chain_lengths`).
    """
    nI = tok2vec.maybe_get_dim("nO")
    return Model(
        "crf_tagger",
        forward,
        init=init,
        layers=[tok2vec, Linear(nO=nO, nI=nI, init_W=zero_init)],
        refs={"tok2vec": tok2vec},
        dims={"nO": nO},
        params={name: None for name in CHAIN_PARAMS},
        attrs={"transitions_lr": transitions_lr},
    )


def init(model: Model, X: Optional[List[Doc]] = None, Y: Optional[Floats2d] = None) -> None:
    """X (List[Doc]): a sample of documents. Y (Floats2d): an array (any, L), for its width alone."""
    tok2vec, emissions = model.layers
    if Y is not None and model.has_dim("nO") is None:
        model.set_dim("nO", Y.shape[1])
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
    vectors, backprop_tok2vec = tok2vec(docs, is_train)
    unary, backprop_emissions = emissions(ops.flatten(vectors), is_train)
    potentials = Potentials(
        ops.to_numpy(unary),
        np.concatenate([chain_lengths(doc) for doc in docs]).astype(np.int32),
        *(ops.to_numpy(model.get_param(name)) for name in CHAIN_PARAMS),
    )

    def backprop(gradient: Potentials) -> List[Doc]:
        for name in CHAIN_PARAMS:
            model.inc_grad(name, ops.asarray(getattr(gradient, name), dtype="float32"))
        d_vectors = backprop_emissions(ops.asarray2f(gradient.unary, dtype="float32"))
        return backprop_tok2vec(ops.unflatten(d_vectors, [len(doc) for doc in docs]))

    return potentials, backprop


def chain_lengths(doc: Doc) -> np.ndarray:
    """Tokens of each chain of a document, (chains,): its sentences where they are known, else one."""
    if doc.has_annotation("SENT_START"):
        lengths = [len(sentence) for sentence in doc.sents]
    else:
        lengths = [len(doc)]
    return np.array(lengths, dtype=np.int32)
