"""Commands on a cluster of Ray nodes on this machine, of which one does not see our files."""

import os
import subprocess
import sys
import time

import pytest
from spacy.tokens import DocBin

from spacy_skd.records import read_record

from .conftest import N_SENTENCES, tiny_docs
from .test_compare import SPEC

ray = pytest.importorskip("ray", reason="Ray is not installed")

# In every Python process of a node: files below a folder cannot be opened.
BLIND = """
import os, sys
def deny(event, arguments):
    if event == "open" and str(arguments[0]).startswith({folder!r}):
        raise PermissionError(13, "not of this machine", str(arguments[0]))
sys.addaudithook(deny)
"""
STORE = 80 * 2**20


@pytest.fixture
def nodes(tmp_path):
    """A cluster with a head that has no room for tasks; starts nodes of one core each."""
    from ray.cluster_utils import Cluster

    blind = tmp_path / "blind"
    blind.mkdir()
    hook = BLIND.format(folder=str(tmp_path / "project"))
    (blind / "sitecustomize.py").write_text(hook, encoding="utf-8")
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False},
    )

    class Nodes:
        address = cluster.address

        def start(self, sees_files=True):
            hidden = {} if sees_files else {"PYTHONPATH": str(blind)}
            return cluster.add_node(num_cpus=1, object_store_memory=STORE, env_vars=hidden)

        def kill(self, node):
            cluster.remove_node(node, allow_graceful=False)

    try:
        yield Nodes()
    finally:
        cluster.shutdown()


@pytest.fixture
def project(tmp_path, small_configs):
    """A folder with a corpus and configs, and a function that starts commands in it."""
    folder = tmp_path / "project"
    for lang in ("de", "en"):
        (folder / "corpus" / lang).mkdir(parents=True)
        for split in N_SENTENCES:
            docs = tiny_docs(lang, split)
            for i, doc in enumerate(docs):
                doc.user_data["number"] = i
            packed = DocBin(docs=docs, store_user_data=True)
            packed.to_disk(folder / "corpus" / lang / f"{split}.spacy")
    for name in ("teacher.cfg", "student.cfg"):
        (tmp_path / name).rename(folder / name)
    (folder / "spec.cfg").write_text(SPEC, encoding="utf-8")

    def start(*arguments):
        command = [sys.executable, "-m", "spacy", "skd", *map(str, arguments)]
        return subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    return folder, start


def end_of(process):
    output, _ = process.communicate(timeout=1500)
    assert process.returncode == 0, output
    return output


def learned(folder):
    """The content of all files of runs but what says how long and how fast."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("run.json", "meta.json", "run.cfg")
    }


def wait_until(happened, process):
    while not happened():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.slow
def test_a_cluster_makes_what_one_machine_makes_though_a_node_is_killed(project, nodes):
    folder, start = project
    teachers = ["teachers", "corpus", "--config", "teacher.cfg"]
    teachers += ["--training.max_steps", 60, "--training.eval_frequency", 10]
    end_of(start(*teachers, "--output", "here", "--jobs", 2))

    first, _ = nodes.start(), nodes.start(sees_files=False)
    on_cluster = ["--ray", nodes.address]
    process = start(*teachers, "--output", "there", *on_cluster)
    # One is trained in our folder, the other elsewhere; the state of both is here.
    states = [folder / "there" / f".{lang}.unfinished" / "checkpoint.json" for lang in ("de", "en")]
    wait_until(lambda: all(state.exists() for state in states), process)
    nodes.kill(first)
    output = end_of(process)
    assert output.count("it is carried out again") == 1
    assert "[de]   0" in output and "[en]   0" in output
    assert learned(folder / "there") == learned(folder / "here")
    runs = [
        [read_record(folder / where / lang / "run.json") for lang in ("de", "en")]
        for where in ("here", "there")
    ]
    assert [run["fingerprint"] for run in runs[0]] == [run["fingerprint"] for run in runs[1]]
    assert [run["report"]["curve"] for run in runs[0]] == [
        run["report"]["curve"] for run in runs[1]
    ]
    assert sorted(path.name for path in (folder / "there").iterdir()) == ["de", "en"]
    output = end_of(start(*teachers, "--output", "there", *on_cluster))
    assert "Nothing changed" in output
    process = start(*teachers, "--output", "elsewhere", *on_cluster, "--gpus", 1)
    output, _ = process.communicate(timeout=1500)
    assert process.returncode == 1 and "SKD272" in output.splitlines()[-1]
    assert not (folder / "elsewhere").exists()


@pytest.mark.slow
def test_targets_of_a_cluster_are_those_of_one_machine_though_a_node_is_killed(project, nodes):
    folder, start = project
    end_of(start("teachers", "corpus", "--config", "teacher.cfg", "--training.max_steps", 2))
    for lang in ("de", "en"):  # more text, of which no sentence is like another
        for i, doc in enumerate(docs := tiny_docs(lang, "dev") * 100):
            docs[i] = type(doc)(doc.vocab, words=[f"{token.text}{i}" for token in doc])
        DocBin(docs=docs).to_disk(folder / "corpus" / lang / "unlabelled.spacy")
    label = ["label", "corpus", "--shard-size", 20]
    end_of(start(*label, "--output", "here"))

    first, _ = nodes.start(), nodes.start(sees_files=False)
    process = start(*label, "--output", "there", "--ray", nodes.address)
    wait_until(lambda: any((folder / "there").glob("*.partial/shard-00003.arrow")), process)
    nodes.kill(first)
    output = end_of(process)
    assert output.count("others do its part") == 1
    stores = [learned(folder / where) for where in ("here", "there")]
    assert len(stores[0]) > 60 and stores[0] == stores[1]


@pytest.mark.slow
def test_a_comparison_on_a_cluster_has_the_scores_of_one_machine(project, nodes):
    folder, start = project
    end_of(start("compare", "spec.cfg", "here", "--jobs", 2))
    nodes.start(), nodes.start(sees_files=False)
    end_of(start("compare", "spec.cfg", "there", "--ray", nodes.address))
    assert learned(folder / "here" / "rows") == learned(folder / "there" / "rows")
    assert learned(folder / "here" / "targets") == learned(folder / "there" / "targets")
    for path in sorted((folder / "here" / "measured").rglob("*.json")):
        ours = read_record(path)
        theirs = read_record(folder / "there" / path.relative_to(folder / "here"))
        assert ours["counts"] == theirs["counts"] and ours["calibration"] == theirs["calibration"]


def test_clusters_that_cannot_be_used(fails, corpus, config, tmp_path):
    command = ["teachers", corpus, "--config", config, "--ray"]
    assert "SKD271" in fails(*command, "127.0.0.1:9")
    assert "SKD271" in fails(*command, "nowhere")
    assert "SKD275" in fails(*command, "auto", "--gpu-id", 0)
    assert "SKD274" in fails(*command[:-1], "--cpus", 2)
    assert not (tmp_path / "training").exists()


def test_without_ray_there_is_one_line(fails, corpus, config, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    line = fails("label", corpus, "--ray", "auto")
    assert "SKD270" in line and "spacy-skd[ray]" in line
