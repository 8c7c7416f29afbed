"""Only what setup.cfg cannot say: the optional Cython extensions."""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

# Products are fused with sums only where vectors_loops.h says so, by no compiler's choice; roots
# set no errno, which would keep them out of vectors.
FLAGS = [] if os.name == "nt" else ["-O3", "-ffp-contract=off", "-fno-math-errno"]
HEADERS = [
    "spacy_skd/processor.h",
    "spacy_skd/adam.h",
    *("spacy_skd/crf/vectors.h", "spacy_skd/crf/vectors_loops.h", "spacy_skd/crf/vectors_lanes.h"),
    *("spacy_skd/maxout.h", "spacy_skd/maxout_loops.h", "spacy_skd/maxout_windows.h"),
]


def extension(name: str) -> Extension:
    sources = [f"spacy_skd/{name}.pyx"]
    name = f"spacy_skd.{name.replace('/', '.')}"
    return Extension(name, sources, depends=HEADERS, extra_compile_args=FLAGS)


SUMS = ["chains", "posterior", "native"]
PATHS = ["decoding", "path_finder", "gap_finder", "lazy_finder", "best_paths"]
names = [*(f"crf/{name}" for name in SUMS + PATHS), "maxout", "rows", "adam"]
# What Cython needs for arrays is compiled once, and not in each of them.
SHARED = "spacy_skd._cyutility"
shared = Extension(SHARED, ["spacy_skd/_cyutility.c"])
extensions = cythonize(
    [*map(extension, names), shared],
    language_level=3,
    shared_utility_qualified_name=SHARED,
)
for compiled in extensions:
    # Without a compiler numpy and thinc do the same work, only slower. To be said here, as
    # cythonize does not keep it.
    compiled.optional = True

setup(ext_modules=extensions)
