"""What the CRF components share: prediction, the loss with and without teachers, distillation.

A subclass says what a tag means in a document: which tags are gold, which are allowed, how
predicted ones are written down.
"""

from collections import defaultdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Container, Dict, Iterable, List, Optional, Sequence, Set, Tuple

import numpy as np
from spacy.errors import Errors as SpacyErrors
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate

from ..annotation import MISSING, Gold, Question
from ..crf import Potentials, viterbi
from ..errors import Errors, SkdError
from ..models import CHAIN_PARAMS, LR_FACTOR, chain_lengths, extended
from ..objectives import Distillation, Knowledge, make_distillation, training_loss
from ..optimizer import update
from ..ragged import split_rows
from ..schemes import get_scheme
from ..transfer import FORBIDDEN, Teacher, Transfer, constrain, make_transfer
from .readings import Prediction, ReadingPipe, Scores, register_extension
from .upstream import as_before, listeners, require_encoded

SOFT_TARGETS = "soft_targets"


class CRFPipe(ReadingPipe):
    """A linear-chain CRF on a thinc model that gives Potentials (see `models.build_crf_tagger`).

    vocab (Vocab): The shared vocabulary.
    model (Model[List[Doc], Potentials]): See `spacy-skd.CRFTagger.v1`.
    name (str): The name of the component in its pipeline.
    scheme (str): "plain", "BILOU" or "IOB2".
    distillation (Optional[Distillation]): See `spacy-skd.Distillation.v1`; None: gold alone.
    confidence (bool): Whether predictions are written with their probabilities.
    scorer (Optional[Callable]): The scoring method.
    nlp (Optional[Language]): The pipeline. What asks for scores outside of `nlp.pipe` runs in it
        the encoders that the component listens to.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], Potentials],
        name: str = "crf",
        *,
        scheme: str,
        distillation: Optional[Distillation] = None,
        confidence: bool = False,
        scorer: Optional[Callable] = None,
        nlp: Optional[Language] = None,
    ) -> None:
        if not isinstance(distillation, (Distillation, type(None))):
            raise SkdError(Errors.SKD030.format(name=name, value=repr(distillation)))
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scheme = get_scheme(scheme)
        self.distillation = distillation
        self.writes_confidence = confidence
        if confidence:
            register_extension()
        self.scorer = scorer
        self.nlp = nlp
        self.cfg: Dict[str, Any] = {"labels": [], "scheme": scheme}
        self._rehearsal_model: Optional[Model] = None
        self.step = 0
        self._transfers: Dict[int, Tuple[Teacher, Transfer]] = {}

    # What a subclass says.

    @property
    def alternatives(self) -> str:
        """Where a reference says which tags or entities are possible, in `doc.spans`."""
        raise NotImplementedError

    def labels_of(self, example: Example) -> Iterable[str]:
        """The labels that occur in the annotation of a reference."""
        raise NotImplementedError

    def gold_tags(self, example: Example) -> Sequence[Optional[str]]:
        """The gold tag of each token of `example.predicted`, None where it is not annotated."""
        raise NotImplementedError

    def questions(self, example: Example) -> List[Question]:
        """What the reference's alternatives say of the tokens of `example.predicted`."""
        raise NotImplementedError

    def gold_with(
        self, tags: np.ndarray, questions: Sequence[Question], student: Potentials
    ) -> Gold:
        """What is known of the tags of a batch: one of each token (N,), MISSING where it is not
        annotated, and what is asked of several.
        """
        raise NotImplementedError

    def allowed(self, doc: Doc, preset: bool) -> Optional[np.ndarray]:
        """Which tags each token of a document may get, (n, L) bool; None: any.

        preset (bool): Whether what the document says already is to stay.
        """
        return None

    # Labels.

    @property
    def labels(self) -> Tuple[str, ...]:
        """The labels, in the order in which they were added."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> Tuple[str, ...]:
        """The labels as `spacy init labels` writes them."""
        return self.labels

    @property
    def tags(self) -> Tuple[str, ...]:
        """The tags of the scheme for the labels: the columns of the emission scores."""
        return tuple(self.scheme.tags(self.labels))

    def add_label(self, label: str) -> int:
        """Add a label, before initialization or to a trained component.

        A trained component keeps what it has learned: the scores of its tags stay as they are, and
        it predicts none of the new ones until it is trained on (see `models.extended`).

        RETURNS (int): 1, or 0 if the label is there already.
        Raises `ValueError` if it is no string (E187).
        """
        if not isinstance(label, str):
            raise ValueError(SpacyErrors.E187)
        if label in self.labels:
            return 0
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        if self.model.has_param("transitions"):
            self.model = extended(self.model, len(self.tags), self.scheme.outside)
            self._transfers.clear()
        return 1

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[List[str]] = None,
        init: Optional[str] = None,
    ) -> None:
        """Find the labels, unless they are given, and give the model its shape.

        init (Optional[str]): Folder of a pipeline whose component of the same name, with the same
            settings and model, has been trained: go on from there. Labels that it lacks are added.
        Raises `SkdError` if there is no label at all, and for a pipeline that does not fit.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        self.nlp = nlp or self.nlp
        if labels is None:
            found = {label for example in get_examples() for label in self._all_labels(example)}
            labels = sorted(found)
        if init is not None:
            self._start_from(Path(init))
        for label in labels:
            self.add_label(label)
        if not self.labels:
            raise SkdError(Errors.SKD040.format(name=self.name))
        self._require_match()
        self.step, self.temperature = 0, 1.0
        self._transfers.clear()
        if init is not None:
            return
        sample = [example.predicted for example in islice(get_examples(), 10)]
        self.model.initialize(X=sample, Y=self.model.ops.alloc2f(1, len(self.tags)))

    def _start_from(self, pipeline: Path) -> None:
        folder = pipeline / self.name
        if not folder.is_dir():
            raise SkdError(Errors.SKD159.format(name=self.name, path=pipeline))
        self.from_disk(folder, exclude=["vocab"])

    # Prediction.

    def predict(self, docs: Iterable[Doc]) -> Scores:
        """The best legal tag sequence of each document, (n,) indices into `tags`; with its
        confidences where these are written.

        Raises `SkdError` where the component listens to an encoder that has not run.
        """
        docs = list(docs)
        if not any(len(doc) for doc in docs):
            nothing = np.zeros(0, dtype=np.int32)
            none = Prediction(nothing, np.zeros(0)) if self.writes_confidence else nothing
            return [none] * len(docs)
        require_encoded(self, docs)
        scores = self.model.predict(docs)
        possible = self.constrained(scores, docs)
        best, _ = viterbi(possible)
        if self.writes_confidence:
            if possible.unary is not scores.unary:  # documents do not allow all of it
                possible = self.constrained(scores, docs, preset=False)
            return self._predictions(possible, docs, split(best, docs))
        return split(best, docs)

    def score_docs(self, docs: Sequence[Doc]) -> List[np.ndarray]:
        """The emission scores (n, L) of each document: what a teacher gives of a sentence.

        Raises `SkdError` where the component listens to an encoder that has not run.
        """
        if not any(len(doc) for doc in docs):
            return [np.zeros((0, len(self.tags)), dtype=np.float32) for _ in docs]
        require_encoded(self, docs)
        return split(self.model.predict(docs).unary, docs)

    @property
    def teacher(self) -> Teacher:
        """What a teacher gives once for all sentences: tags, scheme, and scores as learned."""
        chain = (self.model.ops.to_numpy(self.model.get_param(name)) for name in CHAIN_PARAMS)
        return Teacher(self.tags, self.scheme.name, *chain)

    def constrained(
        self, potentials: Potentials, docs: Sequence[Doc], preset: bool = True
    ) -> Potentials:
        """The potentials (N, L) with -inf for all that the scheme or a document does not allow.

        preset (bool): Whether entities that a document has already are to stay.
        """
        chain = (potentials.transitions, potentials.start, potentials.end)
        unary = potentials.unary
        masks = [self.allowed(doc, preset) for doc in docs]
        if any(mask is not None for mask in masks):
            unary = unary.copy()
            for rows, mask in zip(split(unary, docs), masks):
                if mask is not None:
                    rows[~mask] = FORBIDDEN
        legality = self.scheme.constraints(self.tags)
        return Potentials(unary, potentials.lengths, *constrain(chain, legality))

    # Training.

    def get_loss(self, examples: Iterable[Example], scores: Potentials) -> Tuple[float, Potentials]:
        """The mean loss of the batch's chains and its gradient with respect to the potentials: the
        negative log-likelihood of gold, and what the soft targets of the references say.

        Raises `SkdError` for scores that are no numbers, and for gold labels the component lacks.
        """
        examples = list(examples)
        validate_examples(examples, "CRFPipe.get_loss")
        docs = [example.predicted for example in examples]
        self._require_finite(scores)
        student = self.constrained(scores, docs)
        gold = self._gold(examples, student)
        knowledge = self._stored_knowledge(examples, student)
        return mean_loss(
            *training_loss(student, gold, knowledge, self.distillation, self.kd_weight or 0.0)
        )

    @property
    def kd_weight(self) -> Optional[float]:
        """lambda at the present step; None where no teacher has been met."""
        if self.distillation is None or not self._transfers:
            return None
        return self.distillation.kd_weight(self.step)

    def finish_update(self, sgd: Optimizer) -> None:
        """Update the parameters, each once and at the learning rate of its layer."""
        self.step += 1
        for node in self.model.walk():
            lr_scale = node.attrs.get(LR_FACTOR, 1.0)
            for shim in node.shims:
                shim.finish_update(partial(sgd, lr_scale=lr_scale))
            for name in node.param_names:
                if node.has_grad(name):
                    param, gradient = node.get_param(name), node.get_grad(name)
                    param = update(sgd, (node.id, name), param, gradient, lr_scale)
                    node.set_param(name, param)

    def rehearse(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Keep what the model knew at `nlp.resume_training()`: distillation from that very model.
        Without `resume_training` it does nothing, as spaCy's own components do.

        Raises `SkdError` for a component that listens to an encoder, whose earlier state is not
        kept.
        """
        examples = list(examples)
        validate_examples(examples, "CRFPipe.rehearse")
        docs = [example.predicted for example in examples]
        if self._rehearsal_model is None:
            return {} if losses is None else losses
        if listeners(self):
            raise SkdError(Errors.SKD053.format(name=self.name))
        before = self._rehearsal_model.predict(docs)
        # Labels that were added since are the last ones, and so are their tags.
        tags = self.tags[: before.n_labels]
        teacher = Teacher(tags, self.scheme.name, before.transitions, before.start, before.end)
        losses = self.learn(teacher, split(before.unary, docs), docs, drop=drop, losses=losses)
        if sgd not in (None, False):
            # Not our own finish_update: `Language.rehearse` gives a function without learning
            # rates.
            self.model.finish_update(sgd)
        return losses

    # Distillation, with the names and signatures of spaCy 4.

    @property
    def is_distillable(self) -> bool:
        return True

    def distill(
        self,
        teacher_pipe: Optional[TrainablePipe],
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from another CRF component, which scores the references, what it would predict for
        them. Labels are matched by name; the tokens of predicted and reference must be the same.
        Encoders that the teacher listens to are run. One that this component listens to must have
        been updated before: `spacy_skd.distill` does all that for whole pipelines.

        Raises `SkdError` for a teacher that is no CRF component or has labels the student lacks,
        for documents that differ in their tokens, and where an encoder cannot be run.
        """
        teacher_pipe = require_teacher(self, teacher_pipe)
        examples = list(examples)
        validate_examples(examples, "CRFPipe.distill")
        for example in examples:
            if [t.text for t in example.predicted] != [t.text for t in example.reference]:
                raise SkdError(Errors.SKD045.format(text=example.reference.text[:60]))
        references = [example.reference for example in examples]
        emissions = teacher_pipe.score_docs(as_before(teacher_pipe, references))
        docs = [example.predicted for example in examples]
        losses = self.learn(teacher_pipe.teacher, emissions, docs, drop=drop, losses=losses)
        if sgd not in (None, False):
            self.finish_update(sgd)
        return losses

    def get_teacher_student_loss(
        self, teacher_scores: Potentials, student_scores: Potentials
    ) -> Tuple[float, Potentials]:
        """The mean distillation loss of the batch's chains and its gradient.

        teacher_scores (Potentials): Of a teacher with the tags of this component, in their order.
        student_scores (Potentials): Of this component, for the same chains.
        """
        chain = (teacher_scores.transitions, teacher_scores.start, teacher_scores.end)
        teacher = Teacher(self.tags, self.scheme.name, *chain)
        own = (student_scores.transitions, student_scores.start, student_scores.end)
        legality = self.scheme.constraints(self.tags)
        student = Potentials(
            student_scores.unary, student_scores.lengths, *constrain(own, legality)
        )
        return self._distillation_loss(teacher, teacher_scores.unary, student)

    def learn(
        self,
        teacher: Teacher,
        emissions: Sequence[np.ndarray],
        docs: Sequence[Doc],
        *,
        drop: float = 0.0,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Add to the gradients those of the distillation loss, without updating the parameters.

        teacher (Teacher): With tags of its own.
        emissions (Sequence[ndarray]): Its emission scores (n, L) of each document.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        if not any(len(doc) for doc in docs):
            return losses
        set_dropout_rate(self.model, drop)
        scores, backprop = self.model.begin_update(list(docs))
        self._require_finite(scores)
        student = self.constrained(scores, docs)
        loss, gradient = self._distillation_loss(teacher, np.concatenate(emissions), student)
        backprop(gradient)
        losses[self.name] += loss
        return losses

    def _distillation_loss(
        self, teacher: Teacher, emissions: np.ndarray, student: Potentials
    ) -> Tuple[float, Potentials]:
        distillation = self.distillation or make_distillation()
        transfer = make_transfer(teacher, self.scheme.name, self.tags)
        allowed = student.unary != FORBIDDEN
        potentials = transfer.potentials(emissions, student.lengths, allowed)
        knowledge = distillation.ask(potentials, transfer)
        return mean_loss(*distillation.loss(student, knowledge, np.ones(len(student.lengths))))

    def _stored_knowledge(
        self, examples: Sequence[Example], student: Potentials
    ) -> Optional[Knowledge]:
        """The soft targets that a reader has put on the references, chains as predicted."""
        if self.distillation is None:
            return None
        lessons = defaultdict(list)
        for i, example in enumerate(examples):
            for target in example.reference.user_data.get(SOFT_TARGETS, ()):
                lessons[id(target.teacher)].append((i, target))
        if not lessons:
            return None
        docs = [example.predicted for example in examples]
        chains_of, tokens_of = index_docs(docs)
        allowed = student.unary != FORBIDDEN
        knowledge = Knowledge.empty(student.lengths, len(self.tags), self.distillation.objective)
        for lesson in lessons.values():
            transfer = self._transfer(lesson[0][1].teacher)
            emissions = [target.emissions() for _, target in lesson]
            for (i, _), scores in zip(lesson, emissions):
                if len(scores) != len(docs[i]):
                    raise SkdError(Errors.SKD045.format(text=docs[i].text[:60]))
            chains = np.concatenate([chains_of[i] for i, _ in lesson])
            tokens = np.concatenate([tokens_of[i] for i, _ in lesson])
            potentials = transfer.potentials(
                np.concatenate(emissions), student.lengths[chains], allowed[tokens]
            )
            knowledge.add(self.distillation.ask(potentials, transfer), chains, tokens)
        knowledge.average(student.lengths)
        return knowledge

    def _transfer(self, teacher: Teacher) -> Transfer:
        # The teacher is kept beside its transfer so that its id is not given to another.
        if id(teacher) not in self._transfers:
            transfer = make_transfer(teacher, self.scheme.name, self.tags)
            self._transfers[id(teacher)] = (teacher, transfer)
        return self._transfers[id(teacher)][1]

    def _gold(self, examples: Sequence[Example], student: Potentials) -> Gold:
        tags = np.concatenate([self._gold_indices(example) for example in examples])
        # "" is no entity; a token always has a tag.
        known = self.labels if self.scheme.outside is None else ("", *self.labels)
        questions, offset = [], 0
        for example in examples:
            for question in self.questions(example):
                self._require_known({label for *_, label in question.answers}, known, example)
                questions.append(question.moved(offset))
            offset += len(example.predicted)
        return self.gold_with(drop_illegal(tags, student), questions, student)

    def _gold_indices(self, example: Example) -> np.ndarray:
        index = {tag: i for i, tag in enumerate(self.tags)}
        tags = self.gold_tags(example)
        self._require_known({tag for tag in tags if tag is not None}, index, example)
        return np.array([MISSING if tag is None else index[tag] for tag in tags], dtype=np.int64)

    def _require_known(self, tags: Set[str], known: Container[str], example: Example) -> None:
        unknown = sorted(tag for tag in tags if tag not in known)
        if unknown:
            values = {"tags": ", ".join(unknown), "text": example.reference.text[:60]}
            raise SkdError(Errors.SKD041.format(name=self.name, **values))

    def _all_labels(self, example: Example) -> Set[str]:
        alternatives = example.reference.spans.get(self.alternatives, ())
        return {*self.labels_of(example), *(span.label_ for span in alternatives)} - {""}

    def _require_finite(self, scores: Potentials) -> None:
        if not np.isfinite(scores.unary).all():
            raise SkdError(Errors.SKD042.format(name=self.name, step=self.step))


def require_teacher(student: CRFPipe, teacher: Any) -> CRFPipe:
    """Raises `SkdError` for a teacher that is no CRF component."""
    if not isinstance(teacher, CRFPipe):
        raise SkdError(Errors.SKD044.format(name=student.name, type=type(teacher).__name__))
    return teacher


def split(array: np.ndarray, docs: Sequence[Doc]) -> List[np.ndarray]:
    """Views of the rows (N, ...) of each document."""
    return split_rows(array, [len(doc) for doc in docs])


def index_docs(docs: Sequence[Doc]) -> Tuple[List[np.ndarray], List[np.ndarray]]:
    """The indices, in the batch, of each document's chains and of its tokens."""
    chains, tokens, n_chains, n_tokens = [], [], 0, 0
    for doc in docs:
        count = len(chain_lengths(doc))
        chains.append(np.arange(n_chains, n_chains + count))
        tokens.append(np.arange(n_tokens, n_tokens + len(doc)))
        n_chains, n_tokens = n_chains + count, n_tokens + len(doc)
    return chains, tokens


def drop_illegal(gold: np.ndarray, student: Potentials) -> np.ndarray:
    """Treat gold tags (N,) that no legal sequence can have as not annotated: all those of an entity
    that crosses a sentence boundary, begins or ends with whitespace or lies on tokens the document
    reserves. Their loss would be infinite, and that of a part of them may be.
    """
    known = gold != MISSING
    tags = np.where(known, gold, 0)
    ends = np.cumsum(student.lengths)
    ends, starts = ends[student.lengths > 0] - 1, (ends - student.lengths)[student.lengths > 0]
    bad = student.unary[np.arange(len(tags)), tags] == FORBIDDEN
    bad[starts] |= student.start[tags[starts]] == FORBIDDEN
    bad[ends] |= student.end[tags[ends]] == FORBIDDEN
    inner = np.ones(len(tags), dtype=bool)
    inner[starts] = False
    second = np.flatnonzero(inner & known)
    second = second[known[second - 1]]
    torn = second[student.transitions[tags[second - 1], tags[second]] == FORBIDDEN]
    bad[torn] = bad[torn - 1] = True
    # Only what opens nothing, and is known, belongs to the entity of the token before.
    entities = np.cumsum((student.start[tags] != FORBIDDEN) | ~known)
    return np.where(np.bincount(entities, bad)[entities] > 0, MISSING, gold)


def mean_loss(losses: np.ndarray, gradient: Potentials) -> Tuple[float, Potentials]:
    """The mean of the losses of B chains (B,), and the gradient of that mean."""
    return float(losses.mean()), gradient.tempered(len(losses))
