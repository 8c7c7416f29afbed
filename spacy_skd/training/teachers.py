"""The teachers of each language from one config: a run for each."""

import re
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from thinc.api import Config

from ..corpora.layout import find_languages, languages_without_labels
from ..ensembles import MULTILINGUAL, Member, is_member, make_members, train_reader
from ..errors import Errors, SkdError
from ..folders import RUN, MadeFolder, remove
from ..locks import locked
from ..targets.folds import LeftOut, train_texts
from ..work.cluster import Cluster
from .configs import OUR_READER, own_log, read_config
from .execution import carry_out
from .runs import Run, RunReport

# What is around the name of a run's folder while it is made or replaced.
LEFT = re.compile(r"^\.|(?<=.)\.(unfinished|replaced)$")


def train_teachers(
    corpus: Path,
    config: Path,
    output: Path,
    *,
    languages: Optional[Sequence[str]] = None,
    jobs: Optional[int] = None,
    overrides: Optional[Dict[str, Any]] = None,
    multilingual: bool = False,
    folds: int = 0,
    seeds: Sequence[int] = (),
    gpu_id: int = -1,
    verbose: bool = False,
    cluster: Optional[Cluster] = None,
) -> List[RunReport]:
    """Train one or more pipelines for every language of `corpus`, or for all of them together; one
    report each, in their order.

    A teacher is `output/<lang>/model-best`, one of several such as
    `output/<lang>.seed-0.fold-1-of-4/model-best`. Those made from the same config, overrides and
    data are kept while they are undamaged; all others are trained anew and replace what was there
    when they are done. A training that fails leaves the others, and what was at its place, alone.
    Each has a log file of its own (see `own_log`) where the config asks for one. When all of a
    language are there, its earlier ones that were not asked for again are removed.

    corpus (Path): Corpus folder; each language needs train.spacy and dev.spacy. One that has only
        text is left out where one teacher learns all the others.
    config (Path): spaCy training config that reads `paths.corpus` and `paths.languages`.
    languages (Optional[Sequence[str]]): Only these; None means all in the folder.
    overrides (Optional[Dict[str, Any]]): Settings that replace those of the config.
    multilingual (bool): One teacher of all the languages, `output/multilingual/model-best`, instead
        of one for each. Earlier ones of single languages, which would go first, are removed; and
        that of all languages once each language has its own.
    folds (int): So many teachers a language, each of which does not see one of so many parts of
        its training sentences (see `targets/folds.py`); 0: one that sees all.
    seeds (Sequence[int]): A teacher for each, or for each and each fold; none: that of the config.
    jobs, gpu_id, verbose, cluster: See `carry_out`.
    Raises `SkdError` if the config, the folder or a split is missing, for a language without labels
    that is to have a teacher of its own, for more folds than there are sentences, and as
    `carry_out` does.
    """
    settings = read_config(config, overrides or {})
    names = find_languages(corpus, ["train", "dev"], languages)
    if not multilingual and not languages:
        require_labels(corpus)
    ensemble = make_members(folds, seeds)
    taught = {MULTILINGUAL: names} if multilingual else {name: [name] for name in names}
    held_out = held_out_sentences(corpus, taught, ensemble)
    runs = {
        group: [
            Run(
                name=member.name(group),
                folder=output / member.name(group),
                source=config,
                overrides={
                    **(overrides or {}),
                    **member_settings(member, settings, config),
                    **own_log(settings, member.name(group)),
                    "paths.corpus": str(corpus),
                    "paths.languages": of_group,
                },
            )
            for member in ensemble
        ]
        for group, of_group in taught.items()
    }
    reports = carry_out(
        list(chain(*runs.values())), jobs=jobs, gpu_id=gpu_id, verbose=verbose, cluster=cluster
    )
    failed = {report.name for report in reports if report.status == "failed"}
    for group, of_group in taught.items():
        planned = {run.name for run in runs[group]}
        if not planned & failed:
            for name in {group, *of_group}:
                remove_others(output, name, planned)
    if not multilingual and not languages and not failed:
        remove_others(output, MULTILINGUAL, set())
    # A run reports all sentences of the files that it reads.
    return [
        replace(report, sentences=report.sentences - held_out.get(report.name, 0))
        for report in reports
    ]


def require_labels(corpus: Path) -> None:
    """Raises `SkdError` for a language that has only text, and so no teacher of its own."""
    for name in languages_without_labels(corpus):
        raise SkdError(Errors.SKD224.format(lang=name))


def held_out_sentences(
    corpus: Path, taught: Mapping[str, Sequence[str]], ensemble: Sequence[Member]
) -> Dict[str, int]:
    """How many training sentences a teacher does not see, by its name, of those with a fold.

    taught (Mapping[str, Sequence[str]]): The languages by what their teachers are called.
    Raises `SkdError` for a language with fewer different sentences than folds.
    """
    folds = {member.held_out for member in ensemble if member.held_out is not None}
    if not folds:
        return {}
    counts: Dict[str, int] = {}
    for group, languages in taught.items():
        texts = train_texts(corpus, languages)
        sizes = {fold: sum(LeftOut.of(fold, texts).sentences.values()) for fold in folds}
        for member in ensemble:
            if member.held_out is not None:
                counts[member.name(group)] = sizes[member.held_out]
    return counts


def member_settings(member: Member, config: Config, path: Path) -> Dict[str, Any]:
    """The settings that make a training that of this member.

    config, path (Config, Path): The training config, and where it was read.
    Raises `SkdError` for a fold where another reader than ours reads the training corpus.
    """
    settings: Dict[str, Any] = {}
    if member.seed is not None:
        sections = [name for name in ("system", "training") if name in config]
        settings.update({f"{section}.seed": member.seed for section in sections})
    if member.held_out is not None:
        block, reader = train_reader(config)
        if reader.get("@readers") != OUR_READER:
            raise SkdError(Errors.SKD222.format(path=path, block=block, reader=OUR_READER))
        settings[f"{block}.held_out"] = str(member.held_out)
    return settings


def remove_others(output: Path, language: str, planned: Set[str]) -> None:
    """Remove the teachers of a language that an earlier run made, or left unfinished, and that are
    not planned now: labelling would ask them too. What no run made stays. Raises `SkdError` if
    another process works on one.
    """
    names = {LEFT.sub("", path.name) for path in output.iterdir()}
    for name in sorted(names - planned):
        folder = MadeFolder(output / name, RUN)
        is_ours = is_member(name, language) and not folder.path.is_symlink()
        if is_ours and not folder.foreign_names():
            with locked(folder.path):
                folder.clear()
                remove(folder.path)
