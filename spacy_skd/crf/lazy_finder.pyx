# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Any number of best paths, from nodes that find their next prefix when it is asked for (Huang and
Chiang 2005, algorithm 3), and compare the very sums of `reference.py`, so that ties are the same ones.
"""

cimport cython
from libc.math cimport INFINITY
from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from .path_finder cimport PathFinder

cdef extern from "vectors.h":
    ctypedef struct VectorOps:
        Py_ssize_t (*first_of_largest)(
            const double*, const double*, Py_ssize_t, double*
        ) noexcept nogil
    VectorOps vectors_init()

cdef VectorOps ops = vectors_init()

cdef enum:
    # So many paths are followed back side by side: each step of one waits for memory.
    ABREAST = 16


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
cdef class LazyFinder(PathFinder):
    """The k best paths, from nodes that find their next prefix when it is asked for; fails if there
    is no memory for them.

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
    cdef bint out_of_memory

    def __init__(self, p, Py_ssize_t k):
        super().__init__(p, k)
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

    cdef bint find(self) noexcept nogil:
        cdef Node *end
        self.n_used = 0
        memset(self.nodes, 0, (self.length * self.n_labels + 1) * sizeof(Node*))
        end = self.node(self.length, 0)
        while not self.out_of_memory and end.n_found < self.k and not end.exhausted:
            self.extend(end)
        if self.out_of_memory:
            return False
        self.n_paths = end.n_found
        return True

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
        only one; or, with out_of_memory set, if it cannot be made."""
        return self.node(node.token - 1, label) if node.token > 1 else NULL

    cdef void find_next(self, Node *node, const Node *before) noexcept nogil:
        """Find the next prefix of a node: the successor of what its last one extended, a prefix of
        the node `before`, or another label's. Where `before` is NULL, there is no successor, and
        elsewhere there may be none."""
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
        node.token = t
        node.n_found = 0
        node.exhausted = False
        node.transitions = self.to_label(t, label)
        node.unary = 0.0 if t == self.length else self.unary[self.first + t, label]
        self.extend_best(t, label, node.candidates)
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

    cdef void write_found(self, int32_t *paths, double *scores) noexcept nogil:
        cdef Py_ssize_t rank, first = 1
        for rank in range(self.n_paths):
            scores[rank] = self.nodes[self.length * self.n_labels].found[rank].score
        self.decode(paths)
        while first < self.n_paths:
            self.follow(first, min(ABREAST, self.n_paths - first), paths)
            first += ABREAST

    cdef void follow(self, Py_ssize_t first, Py_ssize_t n, int32_t *paths) noexcept nogil:
        """Write n paths from number `first` on, at most ABREAST. From where one of them meets the
        best path, the first one, with a best prefix, they are the same."""
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
                if step.rank == 0 and step.label == paths[t]:
                    memcpy(unfinished[i], paths, (t + 1) * sizeof(int32_t))
                    n -= 1
                    steps[i], unfinished[i] = steps[n], unfinished[n]
                    continue
                unfinished[i][t] = step.label
                node = self.nodes[t * self.n_labels + step.label]
                if node != NULL:
                    step[0] = node.found[step.rank]
                elif t > 0:
                    step.label = self.previous(t, step.label)
                i += 1
