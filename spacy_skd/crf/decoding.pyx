# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The max-product kernels: Viterbi, and on top of it lazy k-best (Huang and Chiang 2005, algorithm 3).

Scores are added up in the same order as in `reference.py`, token by token from the left, so that ties are
the same ones.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

import numpy as np

cdef extern from "vectors.h":
    ctypedef struct VectorOps:
        double (*largest)(const double*, Py_ssize_t) noexcept nogil
        void (*best_sum)(
            double*, const double*, const double*, Py_ssize_t, Py_ssize_t
        ) noexcept nogil
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

    best[t][j] is the score of the best prefix that ends in label j at token t. Which label came before
    is found again where a path is followed back, by the very sums that were compared.
    """

    cdef const double[:, ::1] unary, transitions
    cdef const double[::1] start, end
    cdef const int64_t[::1] lengths
    cdef Py_ssize_t n_labels, width, first, length
    # (L, width) transitions [from][to], -inf at the end of rows; (L, L) transitions [to][from];
    # (longest chain, width); (L,) something to use.
    cdef double *padded
    cdef double *transposed
    cdef double *best
    cdef double *spare
    cdef object memory

    def __init__(self, p):
        self.unary, self.transitions, self.start, self.end = p.unary, p.transitions, p.start, p.end
        self.lengths = p.lengths
        self.n_labels = self.unary.shape[1]
        self.width = (self.n_labels + 3) // 4 * 4
        cdef Py_ssize_t longest = p.lengths.max(initial=0)
        cdef Py_ssize_t n = self.n_labels, width = self.width, i, j
        cdef double[::1] memory = np.empty(n * width + n * n + longest * width + n)
        self.memory = memory
        self.padded = &memory[0]
        self.transposed = self.padded + n * width
        self.best = self.transposed + n * n
        self.spare = self.best + longest * width
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
        """Write the best path (length,). Returns its score; the path is of no use if that is -inf."""
        cdef Py_ssize_t t
        cdef double score
        if self.length == 0:
            return 0.0
        path[self.length - 1] = self.previous(self.length, 0)
        score = self.spare[path[self.length - 1]]
        for t in range(self.length - 1, 0, -1):
            path[t - 1] = self.previous(t, path[t])
        return score

    cdef void extend_best(self, Py_ssize_t t, Py_ssize_t label, double *scores) noexcept nogil:
        """The scores (L,) of the best prefixes up to t - 1, by their last labels, when they are extended
        to `label` at t, its own score not included; or to the end, if t is the length of the chain."""
        cdef const double *best = self.best + (t - 1) * self.width
        cdef const double *added = self.transposed + label * self.n_labels
        cdef Py_ssize_t i
        if t == self.length:
            added = &self.end[0]
        for i in range(self.n_labels):
            scores[i] = best[i] + added[i]

    cdef int32_t previous(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil:
        """The label at t - 1 of the best prefix that is extended to `label` at t, or to the end."""
        self.extend_best(t, label, self.spare)
        return self.first_of_best(self.spare)

    cdef int32_t first_of_best(self, const double *scores) noexcept nogil:
        """The label of the best of scores (L,), the lowest of equals."""
        cdef double best = ops.largest(scores, self.n_labels)
        cdef int32_t label = 0
        while label < self.n_labels - 1 and scores[label] != best:
            label += 1
        return label


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
    # The score of a prefix, and what it extends: the prefix of this rank among those that end in `label`.
    double score
    int32_t label
    int32_t rank


cdef struct Node:
    # The best prefixes that end in one label at one token, as far as they are found, best first; and of each
    # label before it (L,) the best one that has not been extended to here: its score, with the transition,
    # and its rank.
    Derivation *found
    Py_ssize_t n_found, capacity
    double *candidates
    int32_t *ranks
    bint exhausted


cdef class LazyDecoder(Decoder):
    """The k best paths, from nodes that find their next prefix when it is asked for.

    A node is a label at a token t; one more, (length, 0), stands for the end of the chain. The best prefix
    of all nodes is known from `best`. A node is made when a second one is wanted of it. Tokens 0 have only
    one prefix a label, and no node.
    """

    cdef Node *nodes
    cdef Py_ssize_t n_nodes, n_made, room
    # (longest chain * L + 1,) where the node of a label at a token is, -1: there is none.
    cdef int32_t[::1] node_of
    cdef int32_t[::1] descent
    cdef Py_ssize_t n_paths
    cdef bint out_of_memory

    def __init__(self, p):
        super().__init__(p)
        longest = p.lengths.max(initial=0)
        self.node_of = np.empty(longest * self.n_labels + 1, dtype=np.int32)
        self.descent = np.empty(longest + 1, dtype=np.int32)

    def __dealloc__(self):
        for i in range(self.n_made):
            free(self.nodes[i].found)
            free(self.nodes[i].candidates)
            free(self.nodes[i].ranks)
        free(self.nodes)

    cdef void search(self, Py_ssize_t k) noexcept nogil:
        """Find the k best paths of the selected chain, n_paths in the end: fewer if fewer are legal."""
        cdef Node *end
        self.n_paths = 1
        if self.length == 0:
            return
        if self.spare[self.previous(self.length, 0)] == -INFINITY:
            self.n_paths = 0
            return
        self.n_nodes = 0
        memset(&self.node_of[0], -1, (self.length * self.n_labels + 1) * sizeof(int32_t))
        end = self.node(self.length, 0)
        while end != NULL and not end.exhausted and end.n_found < k:
            self.extend(self.length, 0)
            end = self.node(self.length, 0)  # they move as more are made
            if self.out_of_memory:
                return
        if end != NULL:
            self.n_paths = end.n_found

    cdef void extend(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil:
        """Find the next prefix of a node. Before it can tell, the successor of its last one is wanted,
        which may first have to be found in the same way: down to where it is known, and up again."""
        cdef Py_ssize_t top = t
        cdef Derivation last
        cdef Node *node
        while True:
            node = self.node(t, label)
            if node == NULL:
                return
            self.descent[t] = <int32_t> label
            last = node.found[node.n_found - 1]
            if t == 1 or self.is_known(t - 1, last.label, last.rank + 1):
                break
            t, label = t - 1, last.label
        while t <= top:
            label = self.descent[t]
            node = self.node(t, label)
            last = node.found[node.n_found - 1]
            node.candidates[last.label] = self.successor(t, label, last)
            node.ranks[last.label] = last.rank + 1
            self.find_next(t, label, node)
            t += 1

    cdef bint is_known(self, Py_ssize_t t, Py_ssize_t label, Py_ssize_t rank) noexcept nogil:
        """Whether the prefix of this rank is found, or is known not to exist."""
        cdef Py_ssize_t i = self.node_of[t * self.n_labels + label]
        return i >= 0 and (rank < self.nodes[i].n_found or self.nodes[i].exhausted)

    cdef double successor(self, Py_ssize_t t, Py_ssize_t label, Derivation last) noexcept nogil:
        """The score of the prefix after that which `last` extended, when it is extended in the same way;
        -inf if there is none."""
        cdef Node *before
        if t == 1:
            return -INFINITY
        before = &self.nodes[self.node_of[(t - 1) * self.n_labels + last.label]]
        if last.rank + 1 >= before.n_found:
            return -INFINITY
        if t == self.length:
            return before.found[last.rank + 1].score + self.end[last.label]
        return before.found[last.rank + 1].score + self.transitions[last.label, label]

    cdef void find_next(self, Py_ssize_t t, Py_ssize_t label, Node *node) noexcept nogil:
        """Move the best candidate of a node, the lowest label of equals, to those that are found."""
        cdef int32_t best = self.first_of_best(node.candidates)
        cdef Derivation *found
        if node.candidates[best] == -INFINITY:
            node.exhausted = True
            return
        if node.n_found == node.capacity:
            found = <Derivation*> realloc(node.found, 2 * node.capacity * sizeof(Derivation))
            if found == NULL:
                self.out_of_memory = True
                return
            node.found = found
            node.capacity *= 2
        found = &node.found[node.n_found]
        found.score = node.candidates[best]
        if t < self.length:
            found.score += self.unary[self.first + t, label]
        found.label, found.rank = best, node.ranks[best]
        node.n_found += 1

    cdef Node* node(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil:
        """The node of a label at a token; made, with its best prefix, if there is none. NULL, with
        out_of_memory set, if it cannot be made."""
        cdef int32_t *index = &self.node_of[t * self.n_labels + label]
        cdef Node *node
        if index[0] >= 0:
            return &self.nodes[index[0]]
        if self.n_nodes == self.n_made and not self.make_more():
            return NULL
        index[0] = <int32_t> self.n_nodes
        node = &self.nodes[self.n_nodes]
        self.n_nodes += 1
        node.n_found = 0
        node.exhausted = False
        self.extend_best(t, label, node.candidates)
        memset(node.ranks, 0, self.n_labels * sizeof(int32_t))
        self.find_next(t, label, node)
        return node

    cdef bint make_more(self) noexcept nogil:
        """One more node, for this chain and those that follow."""
        cdef Node *nodes = self.nodes
        cdef Node *node
        if self.n_made == self.room:
            nodes = <Node*> realloc(self.nodes, (2 * self.room + 64) * sizeof(Node))
            if nodes == NULL:
                self.out_of_memory = True
                return False
            self.nodes = nodes
            self.room = 2 * self.room + 64
        node = &nodes[self.n_made]
        node.capacity = 8
        node.found = <Derivation*> malloc(node.capacity * sizeof(Derivation))
        node.candidates = <double*> malloc(self.n_labels * sizeof(double))
        node.ranks = <int32_t*> malloc(self.n_labels * sizeof(int32_t))
        self.n_made += 1
        if node.found == NULL or node.candidates == NULL or node.ranks == NULL:
            self.out_of_memory = True
            return False
        return True

    cdef void write(self, int32_t *path, double *log_probs, double log_z) noexcept nogil:
        """Follow the paths found back, (n_paths, length), and give their log probabilities."""
        cdef Py_ssize_t r, t
        cdef Derivation step
        if self.length == 0:
            log_probs[0] = 0.0
            return
        for r in range(self.n_paths):
            step = self.step(self.length, 0, <int32_t> r)
            log_probs[r] = step.score - log_z
            for t in range(self.length - 1, -1, -1):
                path[t] = step.label
                if t > 0:
                    step = self.step(t, step.label, step.rank)
            path += self.length

    cdef Derivation step(self, Py_ssize_t t, int32_t label, int32_t rank) noexcept nogil:
        """How the prefix of this rank came to a label at a token."""
        cdef Derivation best
        cdef Py_ssize_t i = self.node_of[t * self.n_labels + label]
        if i >= 0:
            return self.nodes[i].found[rank]
        best.score = self.best[t * self.width + label]
        best.label, best.rank = self.previous(t, label), 0
        return best
