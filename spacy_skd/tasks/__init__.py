"""Tasks with their data: which languages, where from, under which licence; as raw corpora."""
