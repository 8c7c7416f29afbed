"""Tasks with their data: which languages, where from, under which licence; fetched as raw corpora."""
