# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A few best paths, by how far each falls behind where it leaves a better one (as in the tree search
of Soong and Huang 1991).

Gaps are rounded, and so are the sums of `reference.py`, which decide: where that leaves an order in
doubt, the paths in question are added up.
"""

cimport cython
from libc.math cimport INFINITY, fabs, frexp, ldexp, nextafter
from libc.stdint cimport int32_t
from libc.string cimport memcpy

from .path_finder cimport PathFinder

import numpy as np

cdef extern from "vectors.h":
    ctypedef struct VectorOps:
        Py_ssize_t (*above)(
            const double*, const double*, Py_ssize_t, double, int32_t*
        ) noexcept nogil
        Py_ssize_t (*count_below)(const double*, Py_ssize_t, double) noexcept nogil
    VectorOps vectors_init()

cdef VectorOps ops = vectors_init()

cpdef enum:
    # At most so many paths are looked for by their gaps: each is inserted into a sorted list.
    FEW = 64

cdef enum:
    # So many more are looked at where the order of the last of them is in doubt.
    SPARE = 64
    # So many gaps are looked through for a bound, each compared with all others.
    SAMPLE = 32
    # Scores of so many tokens stay in the cache of a core.
    PIECE = 256

# How wrong the difference of two paths' gaps may be, as a part of what all partial sums of a path
# come to that may be rounded otherwise than those of the other, each time that it leaves a better
# one. Where it does, the scores of both prefixes are the very sums that `reference.py` compares;
# then the same terms are added to either, each time wrong by 2^-53 of the sum: 2^-52 together. The
# difference of two gaps is wrong by twice that.
cdef double ROUNDING = 2.0**-51
# Half the distance of doubles, as a part of the power of two at or below them.
cdef double HALF_A_POINT = 2.0**-53


cdef struct Deviation:
    # A path: from `token` on as its parent, the path of that rank; `label` before it; and the best
    # prefix that ends there. Its score is `gap` below that of the best path, which it has left
    # `depth` times.
    double gap
    int32_t parent
    int32_t token
    int32_t label
    int32_t depth


@cython.final
cdef class GapFinder(PathFinder):
    """The k best paths, by how far they fall behind the best one; where that leaves their order in
    doubt, fails unless their scores say that it is the right one.

    A path that leaves a better one, its parent, at token t for another label at t - 1, and has the
    best prefix that ends there, is behind it by what the two prefixes differ in when they are
    extended to t. So every path offers more of them, at each token to the left of where it left its
    own parent. Mostly it soon meets the best path again, and offers there what that does.
    """

    # (k + SPARE + 1,) the best path and those that are offered by paths followed so far, by their
    # gaps: n_found of them, with gaps below the limit, at most one more than are kept.
    cdef Deviation *found
    cdef Py_ssize_t n_found, n_kept
    cdef double limit
    # (k, longest + 1) the paths and a 0 for the end; and the scores of those added up.
    cdef int32_t *paths
    cdef double scores[FEW + SPARE + 1]
    # The tokens, from the right, where the best path may be left, n_branches; and of each of its
    # tokens (longest + 1,) the gap of leaving it there.
    cdef int32_t *branches
    cdef double *gaps
    cdef Py_ssize_t n_branches
    # (L,) for `branch`.
    cdef int32_t *labels
    # The score of the best path; and what the partial sums come to, but for their signs, of that
    # path, and of all others that were followed, where they are not on it.
    cdef double best_score, best_sums, sums
    cdef object deviations, integers, numbers

    def __init__(self, p, Py_ssize_t k):
        super().__init__(p, k)
        cdef Py_ssize_t row = p.lengths.max(initial=0) + 1
        cdef char[::1] deviations = bytearray((k + SPARE + 1) * sizeof(Deviation))
        cdef int32_t[::1] integers = np.empty((k + 1) * row + self.n_labels, dtype=np.int32)
        cdef double[::1] numbers = np.empty(row)
        self.deviations, self.integers, self.numbers = deviations, integers, numbers
        self.found = <Deviation*> &deviations[0]
        self.paths, self.branches = &integers[0], &integers[0] + k * row
        self.labels, self.gaps = self.branches + row, &numbers[0]

    cdef bint find(self) noexcept nogil:
        cdef double bound
        self.best_score = self.score
        self.follow_best()
        # The k smallest gaps of the best path are as many paths: where the gap is larger, it is not
        # left. And a bit more, so that there always is a next one to compare the k-th with.
        bound = kth_smallest(self.gaps + 1, self.length, self.k)
        self.collect(self.k, nextafter(bound + self.doubt(self.k, bound), INFINITY))
        self.n_paths = min(self.k, self.n_found)
        if self.n_found <= self.k and self.limit < INFINITY:
            return False
        self.add_scores(self.n_paths)
        if self.is_certain():
            return True
        self.note_rounding(self.found[self.n_found - 1].gap)
        return self.is_certain() or self.is_order_of_scores()

    cdef void follow_best(self) noexcept nogil:
        """Find the best path, and the gaps of leaving it."""
        cdef Py_ssize_t t
        self.sums = 0.0
        self.paths[self.length] = 0
        for t in range(self.length, 0, -1):
            self.paths[t - 1] = self.compare_at(t, self.paths[t])
            self.gaps[t] = self.score - self.second
        self.best_sums, self.sums = self.sums, 0.0

    cdef void collect(self, Py_ssize_t n_kept, double limit) noexcept nogil:
        """Find the k best paths of those whose gaps are below a limit, and what they offer; if this
        is more than is kept, the best ones, and the next one, whose gap is the limit then."""
        cdef Py_ssize_t t, rank = 1
        self.n_kept, self.limit, self.sums = n_kept, limit, 0.0
        self.found[0] = Deviation(0.0, 0, self.length + 1, 0, 0)
        self.n_found = 1
        self.n_branches = 0
        for t in range(self.length, 0, -1):
            if self.gaps[t] < self.limit:
                self.branches[self.n_branches] = t
                self.n_branches += 1
                self.branch(0, t, self.paths[t], self.paths[t - 1])
        while rank < min(self.k, self.n_found):
            self.follow(rank)
            rank += 1

    cdef void follow(self, Py_ssize_t rank) noexcept nogil:
        """Find the labels of another path and what it offers."""
        cdef Py_ssize_t i, at, row = self.length + 1
        cdef const int32_t *best = self.paths
        cdef int32_t *path = self.paths + rank * row
        cdef Deviation new = self.found[rank]
        cdef Py_ssize_t t = new.token - 1
        cdef const int32_t *parent = self.paths + new.parent * row
        memcpy(path + new.token, parent + new.token, (row - new.token) * sizeof(int32_t))
        path[t] = new.label
        while t > 0 and path[t] != best[t]:
            path[t - 1] = self.compare_at(t, path[t])
            if new.gap + (self.score - self.second) < self.limit:
                self.branch(rank, t, path[t], path[t - 1])
            t -= 1
        memcpy(path, best, t * sizeof(int32_t))
        for i in range(self.n_branches):
            at = self.branches[i]
            # Both at once, as neither can be predicted.
            if (at <= t) & (new.gap + self.gaps[at] < self.limit):
                self.branch(rank, at, best[at], best[at - 1])

    cdef inline int32_t compare_at(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil:
        """As `compare`. Notes how large sums are."""
        cdef int32_t before = self.compare(t, label)
        self.sums += fabs(self.score)
        if t < self.length:
            self.sums += fabs(self.best[t * self.width + label])
        return before

    cdef void branch(
        self, Py_ssize_t rank, Py_ssize_t t, Py_ssize_t label, Py_ssize_t but
    ) noexcept nogil:
        """Offer the paths that leave this one at t, where it has `label`, for other labels at t - 1
        than its own, `but`."""
        cdef const double *best = self.best + (t - 1) * self.width
        cdef const double *transitions = self.to_label(t, label)
        cdef Deviation new = self.found[rank]
        cdef double parents = new.gap, score = best[but] + transitions[but]
        cdef double floor = score - (self.limit - parents)
        cdef Py_ssize_t i, n = ops.above(best, transitions, self.n_labels, floor, self.labels)
        new.parent, new.token, new.depth = rank, t, new.depth + 1
        for i in range(n):
            new.label = self.labels[i]
            new.gap = parents + (score - (best[new.label] + transitions[new.label]))
            if new.gap < self.limit and new.label != but:
                self.insert(new)

    cdef void insert(self, Deviation new) noexcept nogil:
        """Add a path with a gap below the limit. If there is no more room, the last one goes."""
        cdef Py_ssize_t i = min(self.n_found, self.n_kept)
        self.n_found = i + 1
        while self.found[i - 1].gap > new.gap:
            self.found[i] = self.found[i - 1]
            i -= 1
        self.found[i] = new
        if self.n_found > self.n_kept:
            self.limit = self.found[self.n_kept].gap

    cdef bint is_certain(self) noexcept nogil:
        """Whether no two of the k paths and the next one are so near to each other that rounding
        may have changed their order."""
        cdef Py_ssize_t rank
        cdef double doubt = self.doubt(self.depth(), self.found[self.n_found - 1].gap)
        for rank in range(1, self.n_found):
            if not self.found[rank].gap - self.found[rank - 1].gap > doubt:
                return False
        return True

    cdef bint is_order_of_scores(self) noexcept nogil:
        """Whether the scores of the k paths come in this order, and below them those of all that
        rounding may have kept from being among them. False if there are too many of these."""
        cdef Py_ssize_t rank
        cdef double last = self.found[self.n_paths - 1].gap
        cdef double limit = nextafter(last + self.doubt(self.depth() + 1, last), INFINITY)
        self.collect(self.k + SPARE, limit)
        if self.limit < limit or not last + self.doubt(self.depth(), last) < limit:
            return False
        self.add_scores(self.n_found)
        for rank in range(1, self.n_found):
            if not self.scores[min(rank, self.n_paths) - 1] > self.scores[rank]:
                return False
        return True

    cdef Py_ssize_t depth(self) noexcept nogil:
        """How often a path that may be among the k best may leave a better one: once more than
        these, as all that it leaves are among them."""
        cdef Py_ssize_t rank, depth = 0
        for rank in range(self.n_paths):
            depth = max(depth, self.found[rank].depth)
        return depth + 1

    cdef double doubt(self, Py_ssize_t depth, double gap) noexcept nogil:
        """How much the gaps of two paths may have to differ, so that there is no doubt about their
        order. Their sums are by their gaps, at most `gap`, below those noted; and the gaps' own sums
        are rounded, `depth` times."""
        return ROUNDING * depth * (self.best_sums + self.sums + (2 * self.length + 1) * gap)

    cdef void note_rounding(self, double gap) noexcept nogil:
        """Leave of the best path's noted sums those alone that may be rounded otherwise than the
        sums of paths that join it, and are behind by at most this gap."""
        cdef Py_ssize_t t
        cdef const int32_t *path = self.paths
        cdef Summation sums
        sums.margin = gap + 4 * self.doubt(self.depth(), gap)
        sums.total, sums.power, sums.unlike = self.best[path[0]], 0.0, 0.0
        for t in range(1, self.length):
            add(&sums, self.padded[path[t - 1] * self.width + path[t]])
            add(&sums, self.unary[self.first + t, path[t]])
        add(&sums, self.end[path[self.length - 1]])
        self.best_sums = sums.unlike

    cdef void write_found(self, int32_t *paths, double *scores) noexcept nogil:
        cdef Py_ssize_t rank, n = self.length
        for rank in range(self.n_paths):
            memcpy(paths + rank * n, self.paths + rank * (n + 1), n * sizeof(int32_t))
            scores[rank] = self.scores[rank]

    cdef void add_scores(self, Py_ssize_t n) noexcept nogil:
        """Add up the scores of the first n paths, each on from that of its prefix, as `select` does
        it; of long chains a piece of all of them, then the next."""
        cdef Py_ssize_t rank, start = 0
        for rank in range(n):
            self.scores[rank] = self.best_score
        while start < self.length:
            for rank in range(1, n):
                self.add_piece(rank, start, min(start + PIECE, self.length))
            start += PIECE
        for rank in range(1, n):
            self.scores[rank] += self.end[self.last_label(rank)]

    cdef int32_t last_label(self, Py_ssize_t rank) noexcept nogil:
        cdef Deviation new = self.found[rank]
        if new.token == self.length:
            return new.label
        return self.paths[new.parent * (self.length + 1) + self.length - 1]

    cdef void add_piece(self, Py_ssize_t rank, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
        """The same for the tokens from `start` on, before `stop`."""
        cdef Deviation new = self.found[rank]
        cdef const int32_t *parent = self.paths + new.parent * (self.length + 1)
        cdef Py_ssize_t t = new.token - 1
        cdef int32_t label = new.label
        cdef double score = self.scores[rank]
        if start <= t < stop:
            score = self.best[t * self.width + label]
        elif t < start:
            label = parent[start - 1] if start > new.token else label
        for t in range(max(start, new.token), stop):
            score += self.padded[label * self.width + parent[t]]
            score += self.unary[self.first + t, parent[t]]
            label = parent[t]
        self.scores[rank] = score


cdef struct Summation:
    # A sum of terms, beside others that are behind it by at most `margin`.
    double total
    double margin
    # The power of two at or below the least of them, 0 if there is none; and what partial sums came
    # to, but for their signs, where the others may have been rounded otherwise.
    double power
    double unlike


cdef inline void add(Summation *sums, double term) noexcept nogil:
    """Add the same term to all of them.

    Doubles between two powers of two, p and 2 p, lie on a grid of 2^-52 p, and so do their
    differences. Where all sums are there before and after, the exact ones are at the same place
    between two points of the grid, and are rounded alike, if that place is not half-way.
    """
    cdef double total = sums.total + term, added = total - sums.total
    # What was rounded away (Knuth 1997, section 4.2.2, theorem B).
    cdef double error = (sums.total - (total - added)) + (term - added)
    cdef double lowest = fabs(total) - sums.margin, highest = fabs(total) + sums.margin
    cdef int exponent
    sums.total = total
    if (
        lowest < sums.power
        or not highest < 2 * sums.power
        or fabs(error) >= HALF_A_POINT * sums.power
    ):
        sums.unlike += highest
        sums.power = 0.0
        if lowest > 0:
            frexp(lowest, &exponent)
            sums.power = ldexp(0.5, exponent)


cdef double kth_smallest(const double *values, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """The k-th smallest of the first SAMPLE values, infinity if there are fewer: a bound for that of
    all."""
    cdef Py_ssize_t i
    cdef double bound = -INFINITY
    n = min(n, SAMPLE)
    if n < k:
        return INFINITY
    for i in range(n):
        if values[i] > bound and ops.count_below(values, n, values[i]) < k:
            bound = values[i]
    return bound
