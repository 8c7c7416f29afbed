import os
import shutil

import pytest

from spacy_skd.errors import SkdError
from spacy_skd.targets.folders import check_ours, find_stores, remove, replace, settle

OURS = ("meta.json", "meta.json.tmp", "shards.jsonl", "shard-00000.arrow", "shard-00003.tmp")


@pytest.fixture
def store(tmp_path):
    store = tmp_path / "targets" / "de"
    make(store)
    return store


def make(folder, content="old"):
    folder.mkdir(parents=True)
    for name in OURS:
        (folder / name).write_text(content)


def test_what_is_ours_is_removed(store):
    remove(store)
    assert not store.exists()
    remove(store)


@pytest.mark.parametrize(
    "name",
    ["thesis.txt", "meta.json.bak", "shard-x.arrow", "shard-00000.arrow.old", ".hidden", "meta"],
)
def test_nothing_is_removed_where_anything_is_not_ours(store, name):
    (store / name).write_text("years of work")
    for function in (remove, check_ours):
        with pytest.raises(SkdError, match=f"SKD066.*{name}"):
            function(store)
    assert {path.name for path in store.iterdir()} == {*OURS, name}


@pytest.mark.parametrize("name", OURS[2:])
def test_folders_and_links_of_our_names_are_not_ours(store, name, tmp_path):
    (store / name).unlink()
    (store / name).mkdir()
    with pytest.raises(SkdError, match="SKD066"):
        remove(store)
    (store / name).rmdir()
    (store / name).symlink_to(tmp_path)
    with pytest.raises(SkdError, match="SKD066"):
        remove(store)
    assert (store / name).is_symlink() and tmp_path.is_dir()


def test_a_link_or_a_file_in_the_place_of_a_store(store, tmp_path):
    store.rename(tmp_path / "elsewhere")
    store.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SkdError, match="SKD183"):
        check_ours(store)
    store.unlink()
    store.write_text("thesis")
    with pytest.raises(SkdError, match="SKD066"):
        check_ours(store)


def test_replace(store):
    make(store.with_name("de.partial"), "new")
    replace(store)
    assert os.listdir(store.parent) == ["de"]
    assert (store / "meta.json").read_text() == "new" and not (store / "shards.jsonl").exists()


def test_settle_after_a_kill_between_the_renames(store):
    make(store.with_name("de.partial"), "new")
    store.rename(store.with_name("de.stale"))
    settle(store)
    assert sorted(os.listdir(store.parent)) == ["de", "de.partial"]
    assert (store / "meta.json").read_text() == "old"


def test_settle_after_a_kill_behind_the_renames(store):
    make(store.with_name("de.stale"), "older")
    settle(store)
    assert os.listdir(store.parent) == ["de"] and not (store / "shards.jsonl").exists()


def test_foreign_files_beside_the_store_stay(store):
    make(store.with_name("de.stale"))
    (store.with_name("de.stale") / "thesis.txt").write_text("years of work")
    with pytest.raises(SkdError, match="SKD066.*thesis.txt"):
        settle(store)
    assert (store.with_name("de.stale") / "thesis.txt").exists()


def test_stores_are_found_at_any_depth(store):
    shutil.copytree(store, store.parent / "nl" / "large" / "v2")
    make(store.with_name("de.partial"))
    (store.parent / "empty").mkdir()
    (store.parent / ".de.lock").write_text("")
    assert find_stores(store.parent) == [store, store.parent / "nl" / "large" / "v2"]
    deep = store.parent
    for _ in range(1200):
        deep = deep / "d"
        deep.mkdir()
    assert len(find_stores(store.parent)) == 2
    while deep != store.parent:  # pytest's own clearing up does not come so deep
        deep.rmdir()
        deep = deep.parent


def test_a_store_that_lost_its_description_is_not_left_out_in_silence(store):
    (store / "meta.json").unlink()
    assert find_stores(store.parent) == [store]


def test_links_to_folders_are_told(store, tmp_path):
    store.rename(tmp_path / "elsewhere")
    store.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SkdError, match="SKD183.*targets/de"):
        find_stores(store.parent)


def test_what_is_gone_before_it_is_looked_into_is_not_there(store, monkeypatch):
    make(store.with_name(f"{store.name}.stale"))
    scan = os.scandir

    def scan_late(folder):
        if str(folder).endswith(".stale"):  # whoever replaced the store is clearing up
            shutil.rmtree(folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scan_late)
    assert find_stores(store.parent) == [store]
    with pytest.raises(FileNotFoundError):
        find_stores(store.parent / "none")
