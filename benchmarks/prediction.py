"""Words a second and memory of our components and of what people would use instead.

    python benchmarks/prediction.py --data ../shared/data

`crf_ner` against spaCy's `ner` and `crf_tagger` against spaCy's `tagger`: the same tok2vec, ours
and the one that spaCy has by default, trained for as many steps on the same sentences, predict the
same test documents in turn. Against encoders with random weights, which are as fast as trained
ones: a token classifier of the size of XLM-R base, what GLiNER reads text with, and flair's
SequenceTagger. Then one document of up to 200,000 tokens, of training sentences and more, in a
process of its own for each component. All with one thread.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import spacy
import typer
from pipelines import CONFIGS, DATA, fresh, label, real_corpus, repeated, test_docs, trained
from side_by_side import (
    Claim,
    Curves,
    Result,
    Table,
    cpu_time,
    exactly,
    figure,
    in_turn,
    ratio,
)
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy_components import spacy_config
from thinc.api import Config

from spacy_skd.corpora.stored import read_split
from spacy_skd.memory import peak_memory
from spacy_skd.words import EachWordOnce

LONG = (25_000, 50_000, 100_000, 200_000)
# Sentences that large encoders read in a round, and how many at a time.
FEW, BATCH = 64, 16
NAMES = {"ner": ("crf_ner", "spaCy ner"), "pos": ("crf_tagger", "spaCy tagger")}
OURS, SPACYS = "our embedding", "spaCy's embedding"
# Sentences that a pipeline has read before, and what it is called that has read none.
BEFORE, FIRST = 2000, ", first text"
# As `spacy init config` writes it, in the size of the teachers' encoder.
SPACYS_EMBEDDING = {
    "@architectures": "spacy.MultiHashEmbed.v2",
    "width": 96,
    "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
    "rows": [5000, 1000, 2500, 2500],
    "include_static_vectors": False,
}


def train_both(
    task: str, embedding: str, corpus: Path, steps: int, folder: Path
) -> Dict[str, Language]:
    """Our component and spaCy's by name, saved in the folder under its name too."""
    ours = Config().from_disk(CONFIGS / f"{task}_teacher.cfg", interpolate=False)
    pipelines = {}
    for name, config in zip(NAMES[task], (ours, spacy_config(task))):
        (component,) = config["components"].values()
        if embedding == SPACYS:
            component["model"]["tok2vec"]["embed"] = SPACYS_EMBEDDING
        pipelines[name] = trained(config, {"paths.corpus": str(corpus)}, steps)
        pipelines[name].to_disk(folder / name)
    return pipelines


def after(text: List[Doc], nlp: Language) -> None:
    """Have a pipeline read some text, and as if it had read nothing else: what its embedding says
    of words is kept.
    """
    for pipe in (pipe for _, pipe in nlp.pipeline if isinstance(pipe, TrainablePipe)):
        for layer in pipe.model.walk():
            if isinstance(layer._func, EachWordOnce):
                layer._func.memories.clear()
    label(nlp, fresh(nlp, text))


def compare_with_spacy(
    task: str,
    embedding: str,
    pipelines: Dict[str, Language],
    docs: List[Doc],
    text: List[Doc],
    rounds: int,
) -> Tuple[List[List[str]], List[Claim]]:
    """A row for each component, and what is claimed of them."""
    ours, other = NAMES[task]
    first = f"{ours}{FIRST}"
    all_of = dict(pipelines)
    if embedding == OURS:  # spaCy's keeps nothing
        all_of[first] = pipelines[ours]

    def documents(name: str) -> List[Doc]:
        after([] if name == first else text, all_of[name])
        return fresh(all_of[name], docs)

    times = in_turn({name: partial(label, nlp) for name, nlp in all_of.items()}, rounds, documents)
    words = sum(map(len, docs))
    rows = [[name, embedding, figure(words / sorted(times[name])[rounds // 2])] for name in times]
    return rows, [
        Claim(f"words a second: {name} / {other}, {embedding}", ratio(times[other], times[name]), 1)
        for name in all_of
        if name != other
    ]


# Encoders of a sentence of so many words, each one piece: the fewest that there can be.


def transformer(kind: str) -> Callable[[List[int]], object]:
    """A token classifier with random weights for batches of sentences of these lengths."""
    import torch
    import transformers

    torch.set_num_threads(1)
    sizes = dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12)
    if kind == "XLM-R base":
        config: Any = transformers.XLMRobertaConfig(
            **sizes, intermediate_size=3072, vocab_size=250_002, max_position_embeddings=514,
            type_vocab_size=1, num_labels=7,
        )  # fmt: skip
        model: Any = transformers.XLMRobertaForTokenClassification(config)
    else:
        config = transformers.DebertaV2Config(
            **sizes, intermediate_size=3072, vocab_size=251_000, relative_attention=True,
            position_buckets=256, pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm",
            share_att_key=True, type_vocab_size=0,
        )  # fmt: skip
        model = transformers.DebertaV2Model(config)
    model.eval()

    def read(lengths: List[int]) -> None:
        for start in range(0, len(lengths), BATCH):
            batch = lengths[start : start + BATCH]
            # And the pieces that begin and end a sentence.
            mask = torch.arange(max(batch) + 2) < torch.tensor(batch)[:, None] + 2
            with torch.inference_mode():
                model(input_ids=torch.where(mask, 1000, config.pad_token_id), attention_mask=mask)

    return read


def flair_tagger(sentences: List[List[str]]) -> Callable[[], object]:
    """flair's SequenceTagger: a BiLSTM and a CRF on embeddings of words, of their default sizes."""
    import flair
    import torch
    from flair.data import Dictionary, Sentence
    from flair.embeddings import OneHotEmbeddings
    from flair.models import SequenceTagger

    torch.set_num_threads(1)
    flair.device = torch.device("cpu")
    logging.getLogger("flair").setLevel(logging.WARNING)  # it prints all words of a table
    words, labels = Dictionary(), Dictionary(add_unk=False)
    for word in chain.from_iterable(sentences):
        words.add_item(word)
    for name in ("PER", "LOC", "ORG"):
        labels.add_item(name)
    tagger = SequenceTagger(OneHotEmbeddings(words), labels, "ner", allow_unk_predictions=False)

    def read() -> None:
        tagger.predict([Sentence(words) for words in sentences])

    return read


def read_words(nlp: Language, sentences: List[List[str]]) -> None:
    """What flair has to do as well: documents of the words, and what they say."""
    label(nlp, [Doc(nlp.vocab, words=words) for words in sentences])


def call(prepared: Callable[[], object]) -> None:
    prepared()


def compare_with_large(
    nlp: Language, docs: List[Doc], text: List[Doc], rounds: int, result: Result
) -> None:
    rows: List[List[str]] = []
    wanted = {"XLM-R base": 50, "GLiNER's encoder": 50, "flair BiLSTM-CRF": 10}

    def prepared(calls: Dict[str, Callable[[], object]], name: str) -> Callable[[], object]:
        if name.startswith(NAMES["ner"][0]):
            after([] if name.endswith(FIRST) else text, nlp)
        return calls[name]

    for name, at_least in wanted.items():
        is_fast = name.startswith("flair")  # enough for all of them
        sentences = [[token.text for token in doc] for doc in (docs if is_fast else docs[:FEW])]
        sentences.sort(key=len)
        words = sum(map(len, sentences))
        try:
            if is_fast:
                theirs = flair_tagger(sentences)
            else:
                theirs = partial(transformer(name), list(map(len, sentences)))
        except ImportError as error:
            result.absent[name] = f"not installed here ({error})"
            continue
        ours = dict.fromkeys(("crf_ner", f"crf_ner{FIRST}"), partial(read_words, nlp, sentences))
        calls: Dict[str, Callable[[], object]] = {name: theirs, **ours}
        times = in_turn(dict.fromkeys(calls, call), rounds, partial(prepared, calls))
        for which in calls:
            rows.append([which, name, figure(words / sorted(times[which])[rounds // 2])])
        for which in ours:
            found = ratio(times[name], times[which])
            result.claims.append(Claim(f"words a second: {which} / {name}", found, at_least))
    title = f"Large encoders, and ours beside each, {FEW} sentences (flair: all), words a second"
    result.tables.append(Table(title, ["", "", "words/s"], rows))


def measure_long(pipeline: Path, words: Path) -> List[Dict[str, float]]:
    """In a process of its own: seconds and peak memory for documents of rising length."""
    nlp = spacy.load(pipeline)
    text = words.read_text(encoding="utf-8").split("\n")
    label(nlp, [Doc(nlp.vocab, words=text[:1000])])
    rows = [{"tokens": 0, "seconds": 0.0, "memory": float(peak_memory())}]
    for tokens in LONG:
        docs = [Doc(nlp.vocab, words=text[:tokens])]
        seconds = cpu_time(partial(label, nlp, docs))
        rows.append({"tokens": tokens, "seconds": seconds, "memory": float(peak_memory())})
    return rows


def compare_long(folder: Path, names: List[str], result: Result) -> None:
    found = {}
    for name in names:
        command = [sys.executable, __file__, "--long", str(folder / name), "--words"]
        run = subprocess.run(
            [*command, str(folder / "words")], check=True, capture_output=True, encoding="utf-8"
        )
        found[name] = json.loads(run.stdout.splitlines()[-1])
    rows = []
    for name, measured in found.items():
        last = measured[-1]
        peak, before = last["memory"] / 1e6, measured[0]["memory"] / 1e6
        rows.append([name, f"{last['seconds']:.1f}", f"{peak:.0f}", f"{peak - before:.0f}"])
        if name.startswith("crf"):
            what = f"peak memory at {LONG[-1]:,} tokens, {name} (GB)"
            result.claims.append(Claim(what, exactly(peak / 1000), at_most=1.0))
            cost = [row["seconds"] / row["tokens"] for row in measured[1:]]
            what = f"time a token at {LONG[-1]:,} tokens / at {LONG[0]:,}, {name}"
            result.claims.append(Claim(what, exactly(cost[-1] / cost[0]), at_most=1.25))
    result.tables.append(
        Table(
            f"One document of {LONG[-1]:,} tokens in a fresh process",
            ["", "CPU seconds", "peak memory (MB)", "above an idle pipeline (MB)"],
            rows,
        )
    )
    for label_, key, unit in (("CPU seconds", "seconds", 1.0), ("peak memory (MB)", "memory", 1e6)):
        series = {
            name: [(row["tokens"], row[key] / unit) for row in measured[1:]]
            for name, measured in found.items()
        }
        caption = f"{label_} by the length of one document"
        result.curves.append(Curves(caption, "tokens", label_, series))


def main(
    data: Path = typer.Option(DATA, help="Folder of real corpora"),
    steps: int = typer.Option(120, help="Of training"),
    rounds: int = typer.Option(7, help="Of prediction"),
    long: Path = typer.Option(None, hidden=True),
    words: Path = typer.Option(None, hidden=True),
) -> None:
    """Print speeds, ratios and memory, and write them to results/prediction.json."""
    if long is not None:
        print(json.dumps(measure_long(long, words)))
        return
    result = Result(
        "Prediction",
        f"English test sets of Universal NER and of UD (EWT), all components after {steps} steps "
        "of training with the teachers' config, once with spaCy's embedding in it, in its batches "
        "of 256 documents. Encoders with random weights get one piece a word, the fewest there can "
        "be, and hardly any padding; flair's SequenceTagger has a table of words in place of its "
        f"contextual embeddings. Ours have read {BEFORE:,} training sentences before, as what "
        "their embedding says of a word is kept, and once nothing.",
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows, claims = [], []
        for task in NAMES:
            corpus = real_corpus(data, task, "en", folder)
            for embedding in (SPACYS, OURS):
                pipelines = train_both(task, embedding, corpus, steps, folder)
                nlp = pipelines[NAMES[task][0]]
                docs = test_docs(nlp, corpus, "en")
                text = list(read_split(corpus, "en", "train", nlp.vocab))
                more, of_both = compare_with_spacy(
                    task, embedding, pipelines, docs, text[:BEFORE], rounds
                )
                rows, claims = rows + more, claims + of_both
            if task == "ner":
                (folder / "words").write_text(
                    "\n".join(repeated([*text, *docs], LONG[-1])), "utf-8"
                )
                compare_with_large(nlp, docs, text[:BEFORE], 5, result)
        result.claims[:0] = claims
        result.tables.insert(0, Table("Test documents, words a second", ["", "", "words/s"], rows))
        compare_long(folder, [name for names in NAMES.values() for name in names], result)
    result.finish(("torch", "transformers", "flair"))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    typer.run(main)
