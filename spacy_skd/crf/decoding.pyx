# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The max-product kernels: Viterbi, and on top of it lazy k-best (Huang and Chiang 2005, alg. 3).

Scores are added up in the same order as in `reference.py`, token by token from the left, so that
ties are the same ones.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

import numpy as np

cdef extern from "vectors.h":
    ctypedef struct VectorOps:
        Py_ssize_t unit
        Py_ssize_t (*first_of_largest)(
            const double*, const double*, Py_ssize_t, double*
        ) noexcept nogil
        void (*best_sum)(
            double*, const double*, const double*, Py_ssize_t, Py_ssize_t
        ) noexcept nogil
    const Py_ssize_t ALIGNMENT
    double* aligned(double*) noexcept
    VectorOps vectors_init()

cdef VectorOps ops = vectors_init()


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
    cdef LazyDecoder decoder = LazyDecoder(p)
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
            decoder.search(k)
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


cdef class LazyDecoder(Decoder):
    """The k best paths, from nodes that find their next prefix when it is asked for.

    A node is a label at a token t; one more, (length, 0), stands for the end of the chain. The best
    prefix of all nodes is known from `best`. A node is made when a second one is wanted of it.
    Tokens 0 have only one prefix a label, and no node.
    """

    # All nodes made so far; the first ones serve the chain that is selected.
    cdef Node **pool
    cdef Py_ssize_t n_used, n_made, room
    # (longest chain * L + 1,) the node of a label at a token, NULL if there is none; (longest chain
    # + 1,) those on the way down from the end.
    cdef Node **nodes
    cdef Node **descent
    cdef Py_ssize_t n_paths
    cdef bint out_of_memory

    def __init__(self, p):
        super().__init__(p)
        cdef Py_ssize_t longest = p.lengths.max(initial=0), n_nodes = longest * self.n_labels + 1
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

    cdef void search(self, Py_ssize_t k) noexcept nogil:
        """Find the k best paths of the selected chain, n_paths: fewer if fewer are legal."""
        cdef Node *end
        self.n_paths = 1
        if self.length == 0:
            return
        self.previous(self.length, 0)
        if self.score == -INFINITY:
            self.n_paths = 0
            return
        self.n_used = 0
        memset(self.nodes, 0, (self.length * self.n_labels + 1) * sizeof(Node*))
        end = self.node(self.length, 0)
        if end == NULL:
            return
        while end.n_found < k and not end.exhausted and not self.out_of_memory:
            self.extend(end)
        self.n_paths = end.n_found

    cdef void extend(self, Node *end) noexcept nogil:
        """Find the next path. Before a node can tell its next prefix, the successor of what its
        last one extended is wanted, and has to be found in the same way: down to where it is known,
        and up."""
        cdef Py_ssize_t t = self.length
        cdef Derivation *last
        cdef Node *before = NULL
        cdef Node *node = end
        while True:
            self.descent[t] = node
            if t == 1:
                before = NULL
                break
            last = &node.found[node.n_found - 1]
            before = self.node(t - 1, last.label)
            if before == NULL:
                return
            if last.rank + 1 < before.n_found or before.exhausted:
                break
            t, node = t - 1, before
        while t <= self.length:
            self.find_next(self.descent[t], before)
            before = self.descent[t]
            t += 1

    cdef void find_next(self, Node *node, const Node *before) noexcept nogil:
        """Find the next prefix of a node: the successor of what its last one extended, a prefix of
        the node `before`, or another label's. At the second token, where `before` is NULL, there is
        no successor, and elsewhere there may be none."""
        cdef Derivation next = node.found[node.n_found - 1]
        cdef double score
        next.rank += 1
        next.score = -INFINITY
        if before != NULL and next.rank < before.n_found:
            next.score = before.found[next.rank].score + node.transitions[next.label]
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
        node.n_found = 0
        node.exhausted = False
        node.transitions = self.to_label(t, label)
        node.unary = 0.0 if t == self.length else self.unary[self.first + t, label]
        best.label, best.rank = self.previous(t, label), 0
        best.score = self.score
        self.add(node, best)
        self.extend_best(t, label, node.candidates)
        memset(node.ranks, 0, self.n_labels * sizeof(int32_t))
        node.candidates[best.label] = -INFINITY
        node.runner_up = -1
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

    cdef void write(self, int32_t *path, double *log_probs, double log_z) noexcept nogil:
        """Follow the paths found back, (n_paths, length), and give their log probabilities."""
        cdef Py_ssize_t r, t
        cdef Derivation step
        cdef Node *node
        if self.length == 0:
            log_probs[0] = 0.0
            return
        for r in range(self.n_paths):
            step = self.nodes[self.length * self.n_labels].found[r]
            log_probs[r] = step.score - log_z
            for t in range(self.length - 1, -1, -1):
                path[t] = step.label
                node = self.nodes[t * self.n_labels + step.label]
                if node != NULL:
                    step = node.found[step.rank]
                elif t > 0:
                    step.label, step.rank = self.previous(t, step.label), 0
            path += self.length
