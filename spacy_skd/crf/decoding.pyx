# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The max-product kernels: Viterbi, and on top of it lazy k-best (Huang and Chiang 2005, alg. 3).

Scores are added up in the same order as in `reference.py`, token by token from the left, so that
ties are the same ones.
"""

cimport cython
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

import numpy as np

cdef extern from "vectors.h":
    ctypedef struct VectorOps:
        Py_ssize_t unit
        Py_ssize_t (*first_of_largest)(
            const double*, const double*, Py_ssize_t, double*
        ) noexcept nogil
        Py_ssize_t (*first_of_others)(
            const double*, const double*, Py_ssize_t, Py_ssize_t, double*
        ) noexcept nogil
        void (*best_sum)(
            double*, const double*, const double*, Py_ssize_t, Py_ssize_t
        ) noexcept nogil
    const Py_ssize_t ALIGNMENT
    double* aligned(double*) noexcept
    VectorOps vectors_init()

cdef VectorOps ops = vectors_init()

cdef enum:
    # So many paths are followed back side by side: each step of one waits for memory.
    ABREAST = 16

# How wrong a difference of two gaps may be, as a part of the largest score times the square of how
# many tokens there are, n. The score of a path is a sum of 2 n terms, each of them wrong by 2^-53 of
# a sum that is at most n times the largest score; a gap compares two such scores. That makes 2^-50,
# taken twice.
cdef double ROUNDING = 2.0**-49


def viterbi(p):
    """The best labels (N,) and their scores (B,), -inf where nothing is legal."""
    cdef Decoder decoder = Decoder(p)
    tags = np.empty(len(p.unary), dtype=np.int32)
    scores = np.empty(len(p.lengths))
    cdef int32_t[::1] labels = tags
    cdef double[::1] best = scores
    cdef Py_ssize_t chain, first = 0
    with nogil:
        for chain in range(best.shape[0]):
            decoder.select(first, decoder.lengths[chain])
            best[chain] = decoder.decode(&labels[0] + first)
            first += decoder.length
    return tags, scores


cdef class Decoder:
    """The best scores of all prefixes of one chain at a time, the one that was selected last.

    best[t][j] is the score of the best prefix that ends in label j at token t. Which label came
    before is found again where a path is followed back, by the very sums that were compared.
    """

    cdef const double[:, ::1] unary, transitions
    cdef const double[::1] start, end
    cdef const int64_t[::1] lengths
    cdef Py_ssize_t n_labels, width, first, length
    # (L, width) transitions [from][to], -inf at the end of rows; (L, L) transitions [to][from];
    # (longest chain, width).
    cdef double *padded
    cdef double *transposed
    cdef double *best
    # Of the last prefix that `previous` found, when it is extended.
    cdef double score
    cdef object memory

    def __init__(self, p):
        self.unary, self.transitions, self.start, self.end = p.unary, p.transitions, p.start, p.end
        self.lengths = p.lengths
        self.n_labels = self.unary.shape[1]
        self.width = (self.n_labels + ops.unit - 1) // ops.unit * ops.unit
        cdef Py_ssize_t longest = p.lengths.max(initial=0)
        cdef Py_ssize_t n = self.n_labels, width = self.width, i, j
        cdef double[::1] memory = np.empty(n * width + longest * width + n * n + ALIGNMENT)
        self.memory = memory
        self.padded = aligned(&memory[0])
        self.best = self.padded + n * width
        self.transposed = self.best + longest * width
        for i in range(n):
            for j in range(width):
                self.padded[i * width + j] = self.transitions[i, j] if j < n else -INFINITY
            for j in range(n):
                self.transposed[j * n + i] = self.transitions[i, j]

    cdef void select(self, Py_ssize_t first, Py_ssize_t length) noexcept nogil:
        """Fill `best` for the chain of this length whose first token is `first`."""
        cdef Py_ssize_t t, j
        cdef double *best = self.best
        self.first, self.length = first, length
        for t in range(length):
            if t == 0:
                for j in range(self.n_labels):
                    best[j] = self.start[j] + self.unary[first, j]
            else:
                best += self.width
                ops.best_sum(best, best - self.width, self.padded, self.n_labels, self.width)
                for j in range(self.n_labels):
                    best[j] += self.unary[first + t, j]

    cdef double decode(self, int32_t *path) noexcept nogil:
        """Write the best path (length,). Returns its score; if that is -inf, there is no path."""
        cdef Py_ssize_t t
        cdef double score
        if self.length == 0:
            return 0.0
        path[self.length - 1] = self.previous(self.length, 0)
        score = self.score
        for t in range(self.length - 1, 0, -1):
            path[t - 1] = self.previous(t, path[t])
        return score

    cdef void extend_best(self, Py_ssize_t t, Py_ssize_t label, double *scores) noexcept nogil:
        """The scores (L,) of the best prefixes up to t - 1, by their last labels, when they are
        extended to `label` at t, its own score not included; or to the end, if t is the length of
        the chain."""
        cdef const double *best = self.best + (t - 1) * self.width
        cdef const double *transitions = self.to_label(t, label)
        cdef Py_ssize_t i
        for i in range(self.n_labels):
            scores[i] = best[i] + transitions[i]

    cdef const double* to_label(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil:
        """The scores (L,) of transitions to a label at t; of ends, if t is the chain's length."""
        return &self.end[0] if t == self.length else self.transposed + label * self.n_labels

    cdef int32_t previous(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil:
        """The label at t - 1 of the best prefix that is extended to `label` at t, or to the end: the
        lowest of equals."""
        return ops.first_of_largest(
            self.best + (t - 1) * self.width, self.to_label(t, label), self.n_labels, &self.score
        )


def kbest(p, Py_ssize_t k, const double[::1] log_z):
    """Of each chain the k best paths (k_i, n_i), best first, and their log probabilities (k_i,)."""
    cdef LazyDecoder decoder = LazyDecoder(p, k)
    cdef Py_ssize_t chain, first = 0, n_labels = 0, n_paths = 0, before, length
    # All paths, one after the other, and their log probabilities; they grow by doubling.
    labels = np.empty(len(p.unary) * min(k, 16), dtype=np.int32)
    log_probs = np.empty(len(log_z) * min(k, 16))
    cdef int32_t[::1] all_labels = labels
    cdef double[::1] all_log_probs = log_probs
    lists = []
    for chain in range(log_z.shape[0]):
        length = decoder.lengths[chain]
        with nogil:
            decoder.select(first, length)
            decoder.search()
        if decoder.out_of_memory:
            raise MemoryError()
        if n_labels + decoder.n_paths * length > all_labels.shape[0]:
            all_labels = labels = grown(labels, n_labels + decoder.n_paths * length)
        if n_paths + decoder.n_paths > all_log_probs.shape[0]:
            all_log_probs = log_probs = grown(log_probs, n_paths + decoder.n_paths)
        with nogil:
            decoder.write(&all_labels[0] + n_labels, &all_log_probs[0] + n_paths, log_z[chain])
        first += length
        before, n_labels = n_labels, n_labels + decoder.n_paths * length
        paths = labels[before:n_labels].reshape(decoder.n_paths, length)
        before, n_paths = n_paths, n_paths + decoder.n_paths
        lists.append((paths, log_probs[before:n_paths]))
    return lists


def grown(values, Py_ssize_t size):
    """A copy with room for at least `size` values, and for twice as many as before."""
    result = np.empty(max(size, 2 * len(values)), dtype=values.dtype)
    result[: len(values)] = values
    return result


cdef struct Derivation:
    # The score of a prefix, and what it extends: the prefix of this rank among those that end in
    # `label`.
    double score
    int32_t label
    int32_t rank


cdef struct Node:
    # The best prefixes that end in one label at one token, as far as they are found, best first.
    Derivation *found
    Py_ssize_t n_found, room
    # Of each label before it (L,) the best prefix that was not extended to here yet: its score,
    # with the transition, and its rank; -inf for the label that was found last. And which of them
    # is the best, -1 if that is not known.
    double *candidates
    int32_t *ranks
    int32_t runner_up
    bint exhausted
    # The scores of transitions to here (L,), and that of the label itself.
    const double *transitions
    double unary
    # Where it is.
    Py_ssize_t token


@cython.final
cdef class LazyDecoder(Decoder):
    """The k best paths, from nodes that find their next prefix when it is asked for.

    A node is a label at a token t; one more, (length, 0), stands for the end of the chain. The best
    prefix of all nodes is known from `best`. A node is made when a second one is wanted of it.
    Tokens 0 have only one prefix a label, and no node.

    In a chain that is long beside k, most tokens of the best path have none either. What leaves it
    at token t for another label at t - 1 is behind it by gap_t at least, and the k - 1 smallest
    gaps alone make as many paths: one that leaves it where the gap is larger is not among the k
    best. So a prefix that meets the best path at some token comes from the last one before it where
    the best path branches.
    """

    cdef Py_ssize_t k
    # Of a long chain the best path and a 0 for the end, and the second best label before each of
    # its tokens; of each token the last one up to it where the path branches, 0 if there is none;
    # gap_t: (longest + 1,) each. The scores that the best path adds at each token, (longest, 2): of
    # the transition, of the label.
    cdef int32_t *best_path
    cdef int32_t *runners_up
    cdef int32_t *branches
    cdef double *gaps
    cdef double *steps
    # (longest,) the k - 1 smallest gaps, a heap with the largest on top; a score is at most so large.
    cdef double *smallest_gaps
    cdef double largest_score
    # All nodes made so far; the first ones serve the chain that is selected.
    cdef Node **pool
    cdef Py_ssize_t n_used, n_made, room
    # (longest chain * L + 1,) the node of a label at a token, NULL if there is none; (longest chain
    # + 1,) those on the way down from the end.
    cdef Node **nodes
    cdef Node **descent
    cdef Py_ssize_t n_paths
    cdef bint out_of_memory
    cdef object numbers, tokens

    def __init__(self, p, Py_ssize_t k):
        super().__init__(p)
        cdef Py_ssize_t longest = p.lengths.max(initial=0), n_nodes = longest * self.n_labels + 1
        cdef double[::1] numbers = np.empty(4 * longest + 1)
        cdef int32_t[::1] tokens = np.empty(3 * (longest + 1), dtype=np.int32)
        self.numbers, self.tokens, self.k = numbers, tokens, k
        self.steps, self.gaps = &numbers[0], &numbers[0] + 2 * longest
        self.smallest_gaps = self.gaps + longest + 1
        self.best_path, self.runners_up = &tokens[0], &tokens[0] + longest + 1
        self.branches = self.runners_up + longest + 1
        if self.is_long(longest):
            self.largest_score = sum(
                map(largest_finite, (p.unary, p.transitions, p.start, p.end))
            )
        self.nodes = <Node**> malloc((n_nodes + longest + 1) * sizeof(Node*))
        if self.nodes == NULL:
            raise MemoryError()
        self.descent = self.nodes + n_nodes

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.n_made):
            free(self.pool[i].found)
            free(self.pool[i])
        free(self.pool)
        free(self.nodes)

    cdef void search(self) noexcept nogil:
        """Find the k best paths of the selected chain, n_paths: fewer if fewer are legal."""
        cdef Node *end
        self.n_paths = 1
        if self.length == 0:
            return
        self.previous(self.length, 0)
        if self.score == -INFINITY:
            self.n_paths = 0
            return
        self.find_branches()
        self.n_used = 0
        memset(self.nodes, 0, (self.length * self.n_labels + 1) * sizeof(Node*))
        end = self.node(self.length, 0)
        if end == NULL:
            return
        while end.n_found < self.k and not end.exhausted and not self.out_of_memory:
            self.extend(end)
        self.n_paths = end.n_found

    cdef bint is_long(self, Py_ssize_t length) noexcept nogil:
        """Whether it pays to find out where the best path branches."""
        return length > 4 * self.k

    cdef void find_branches(self) noexcept nogil:
        """The best path of the selected chain and where it branches, if it is long; if not, no
        prefix meets it."""
        cdef Py_ssize_t t, before, label = 0
        cdef double second, limit
        cdef const double *transitions
        if not self.is_long(self.length):
            memset(self.best_path, -1, (self.length + 1) * sizeof(int32_t))
            return
        self.best_path[self.length] = 0
        for t in range(self.k - 1):
            self.smallest_gaps[t] = INFINITY
        for t in range(self.length, 0, -1):
            transitions = self.to_label(t, label)
            before = self.previous(t, label)
            self.runners_up[t] = ops.first_of_others(
                self.best + (t - 1) * self.width, transitions, self.n_labels, before, &second
            )
            if t < self.length:
                self.steps[2 * t] = transitions[before]
                self.steps[2 * t + 1] = self.unary[self.first + t, label]
            self.gaps[t] = self.score - second
            if self.k > 1 and self.gaps[t] < self.smallest_gaps[0]:
                replace_largest(self.smallest_gaps, self.k - 1, self.gaps[t])
            self.best_path[t - 1] = label = before
        limit = ROUNDING * self.length * self.length * self.largest_score
        limit += self.smallest_gaps[0] if self.k > 1 else 0.0
        self.branches[0] = 0
        for t in range(1, self.length):
            self.branches[t] = t if self.gaps[t] <= limit else self.branches[t - 1]

    cdef void extend(self, Node *end) noexcept nogil:
        """Find the next path. Before a node can tell its next prefix, the successor of what its
        last one extended is wanted, and has to be found in the same way: down to where it is known,
        and up."""
        cdef Py_ssize_t depth = 0
        cdef Derivation *last
        cdef Node *before
        cdef Node *node = end
        while True:
            self.descent[depth] = node
            depth += 1
            last = &node.found[node.n_found - 1]
            before = self.before(node, last.label)
            if before == NULL or last.rank + 1 < before.n_found or before.exhausted:
                break
            node = before
        while depth > 0:
            depth -= 1
            self.find_next(self.descent[depth], before)
            before = self.descent[depth]

    cdef Node* before(self, const Node *node, Py_ssize_t label) noexcept nogil:
        """The node whose prefixes are those of a label at the token before a node. NULL if there is
        only one of interest; or, with out_of_memory set, if it cannot be made."""
        cdef Py_ssize_t t = node.token - 1
        if label == self.best_path[t]:
            t = self.branches[t]
            label = self.best_path[t]
        return self.node(t, label) if t > 0 else NULL

    cdef void find_next(self, Node *node, const Node *before) noexcept nogil:
        """Find the next prefix of a node: the successor of what its last one extended, a prefix of
        the node `before`, or another label's. Where `before` is NULL, there is no successor, and
        elsewhere there may be none."""
        cdef Derivation next = node.found[node.n_found - 1]
        cdef double score
        cdef Py_ssize_t t
        next.rank += 1
        next.score = -INFINITY
        if before != NULL and next.rank < before.n_found:
            next.score = before.found[next.rank].score
            # From there on as the best path, added up as `select` does it.
            for t in range(before.token + 1, node.token):
                next.score = next.score + self.steps[2 * t] + self.steps[2 * t + 1]
            next.score += node.transitions[next.label]
        if node.runner_up < 0:
            node.runner_up = ops.first_of_largest(node.candidates, NULL, self.n_labels, &score)
        score = node.candidates[node.runner_up]
        # The lowest label of equals. Mostly it is the same one again, and nothing else has changed.
        if next.score < score or (next.score == score and node.runner_up < next.label):
            node.candidates[next.label] = next.score
            node.ranks[next.label] = next.rank
            next.score, next.label, next.rank = score, node.runner_up, node.ranks[node.runner_up]
            node.candidates[next.label] = -INFINITY
            node.runner_up = -1
        self.add(node, next)

    cdef void add(self, Node *node, Derivation next) noexcept nogil:
        """Add the next best prefix, its score without that of the node's own label, to those found:
        none if it is -inf."""
        cdef Derivation *found = node.found
        if next.score == -INFINITY:
            node.exhausted = True
            return
        if node.n_found == node.room:
            found = <Derivation*> realloc(found, 2 * node.room * sizeof(Derivation))
            if found == NULL:
                self.out_of_memory = True
                return
            node.found = found
            node.room *= 2
        next.score += node.unary
        found[node.n_found] = next
        node.n_found += 1

    cdef Node* node(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil:
        """The node of a label at a token; made, with its best prefix, if there is none. NULL, with
        out_of_memory set, if it cannot be made."""
        cdef Node **place = &self.nodes[t * self.n_labels + label]
        cdef Node *node = place[0]
        cdef Derivation best
        if node != NULL:
            return node
        if self.n_used == self.n_made and not self.make_more():
            self.out_of_memory = True
            return NULL
        place[0] = node = self.pool[self.n_used]
        self.n_used += 1
        node.token = t
        node.n_found = 0
        node.exhausted = False
        node.transitions = self.to_label(t, label)
        node.unary = 0.0 if t == self.length else self.unary[self.first + t, label]
        self.extend_best(t, label, node.candidates)
        if label == self.best_path[t]:
            best.label, node.runner_up = self.best_path[t - 1], self.runners_up[t]
        else:
            best.label, node.runner_up = self.previous(t, label), -1
        best.score, best.rank = node.candidates[best.label], 0
        self.add(node, best)
        memset(node.ranks, 0, self.n_labels * sizeof(int32_t))
        node.candidates[best.label] = -INFINITY
        return node

    cdef bint make_more(self) noexcept nogil:
        """One more node in the pool, for this chain and those that follow."""
        cdef Node **pool = self.pool
        cdef Node *node
        if self.n_made == self.room:
            pool = <Node**> realloc(pool, (2 * self.room + 64) * sizeof(Node*))
            if pool == NULL:
                return False
            self.pool = pool
            self.room = 2 * self.room + 64
        # The node, and behind it its candidates and ranks.
        node = <Node*> malloc(
            sizeof(Node) + self.n_labels * (sizeof(double) + sizeof(int32_t))
        )
        if node == NULL:
            return False
        node.candidates = <double*> (node + 1)
        node.ranks = <int32_t*> (node.candidates + self.n_labels)
        node.room = 16
        node.found = <Derivation*> malloc(node.room * sizeof(Derivation))
        pool[self.n_made] = node
        self.n_made += 1
        return node.found != NULL

    cdef void write(self, int32_t *paths, double *log_probs, double log_z) noexcept nogil:
        """The paths found, (n_paths, length), and their log probabilities."""
        cdef Py_ssize_t r, first = 1
        if self.length == 0:
            log_probs[0] = 0.0
            return
        for r in range(self.n_paths):
            log_probs[r] = self.nodes[self.length * self.n_labels].found[r].score - log_z
        self.follow(0, min(1, self.n_paths), paths, self.best_path)
        while first < self.n_paths:
            self.follow(first, min(ABREAST, self.n_paths - first), paths, paths)
            first += ABREAST

    cdef void follow(
        self, Py_ssize_t first, Py_ssize_t n, int32_t *paths, const int32_t *best
    ) noexcept nogil:
        """Write n paths from number `first` on, at most ABREAST. From where one of them meets the
        best path (length,), as far as that is known, with a best prefix, they are the same."""
        cdef Derivation steps[ABREAST]
        cdef int32_t *unfinished[ABREAST]
        cdef Derivation *step
        cdef Node *node
        cdef Py_ssize_t i, t = self.length
        for i in range(n):
            steps[i] = self.nodes[t * self.n_labels].found[first + i]
            unfinished[i] = paths + (first + i) * t
        while t > 0 and n > 0:
            t -= 1
            i = 0
            while i < n:
                step = &steps[i]
                if step.rank == 0 and step.label == best[t]:
                    memcpy(unfinished[i], best, (t + 1) * sizeof(int32_t))
                    n -= 1
                    steps[i], unfinished[i] = steps[n], unfinished[n]
                    continue
                unfinished[i][t] = step.label
                node = self.nodes[t * self.n_labels + step.label]
                if node != NULL:
                    step[0] = node.found[step.rank]
                elif step.rank > 0:
                    # Of the best path, where that does not branch.
                    step.label = self.best_path[t - 1]
                elif t > 0:
                    step.label = self.previous(t, step.label)
                i += 1


cdef void replace_largest(double *heap, Py_ssize_t n, double value) noexcept nogil:
    """Replace the top of a heap of n values, the largest, by a smaller one."""
    cdef Py_ssize_t i = 0, child = 1
    while child < n:
        if child + 1 < n and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= value:
            break
        heap[i] = heap[child]
        i, child = child, 2 * child + 1
    heap[i] = value


def largest_finite(scores):
    """The largest absolute value but for infinity, 0 if there is none."""
    sizes = np.abs(scores)
    largest = sizes.max(initial=0.0)
    return largest if np.isfinite(largest) else sizes[np.isfinite(sizes)].max(initial=0.0)
