/* Inside the pass `order`: the network a contraction is seen as, trees of pairwise steps over it, and who finds them.
 *
 * A network is plain numbers: labels with sizes, operands as sets of labels, the labels the result keeps. It knows nothing of the
 * IR, so the searches can be tested alone. order_network.c makes one of a `contract` node, order_build.c makes nodes of a tree.
 * Cost is compared by flops, equal flops by estimated time (docs/ordering.md says why). */
#ifndef PASSES_ORDER_H
#define PASSES_ORDER_H

#include "passes.h"

#include <math.h>

enum {
    ORDER_LABELS = 512, /* labels of one network: what order_set holds */
    ORDER_WORDS = ORDER_LABELS / 64,
    ORDER_OPERANDS = 1024, /* operands of one network; flatten stops before */
    ORDER_EXACT = 16,      /* operands up to which the search over subsets is exact: 3^16 / 2 splits take about a second */
    ORDER_RANKED = 8,      /* operands up to which several trees are kept: 3^8 / 2 splits of several ways each take some ms */
    ORDER_SEVERAL = 8      /* how many */
};

/* ---- sets of labels ---- */

struct order_set {
    uint64_t bits[ORDER_WORDS];
};

static inline struct order_set order_union(struct order_set a, struct order_set b)
{
    for (int word = 0; word < ORDER_WORDS; word++)
        a.bits[word] |= b.bits[word];
    return a;
}

static inline struct order_set order_intersection(struct order_set a, struct order_set b)
{
    for (int word = 0; word < ORDER_WORDS; word++)
        a.bits[word] &= b.bits[word];
    return a;
}

static inline struct order_set order_difference(struct order_set a, struct order_set b)
{
    for (int word = 0; word < ORDER_WORDS; word++)
        a.bits[word] &= ~b.bits[word];
    return a;
}

static inline bool order_equal(struct order_set a, struct order_set b)
{
    uint64_t different = 0;
    for (int word = 0; word < ORDER_WORDS; word++)
        different |= a.bits[word] ^ b.bits[word];
    return different == 0;
}

static inline bool order_empty(struct order_set a)
{
    return order_equal(a, (struct order_set){{0}});
}
static inline bool order_has(const struct order_set *a, uint32_t label)
{
    return a->bits[label / 64] >> (label % 64) & 1;
}
static inline void order_add(struct order_set *a, uint32_t label)
{
    a->bits[label / 64] |= UINT64_C(1) << (label % 64);
}

/* ---- networks and trees ---- */

struct order_cost {
    double flops;
    double time; /* seconds: each step max(flops / rate, bytes / bandwidth) */
};

static inline bool order_less(struct order_cost a, struct order_cost b)
{
    return a.flops < b.flops || (a.flops == b.flops && a.time < b.time * (1 - 1e-12));
}

static inline struct order_cost order_sum(struct order_cost a, struct order_cost b)
{
    return (struct order_cost){a.flops + b.flops, a.time + b.time};
}

struct order_codelets; /* order_codelet.c */
struct order_shared;   /* steps that other contractions of the kernel compute anyway (order_joint.c) */

struct order_network {
    uint32_t n_labels, n_operands;
    const double *sizes;              /* of labels */
    const struct order_set *operands; /* their labels */
    struct order_set output;          /* labels that must reach the root */
    const bool *constant;             /* operands known at compile time; NULL: none */
    const bool *real;                 /* operands that are real numbers in a network of complex ones; NULL: none */
    double constant_limit;            /* elements a constant made of constants may have */
    double multiply, add;             /* flops of one product and of one sum */
    double element_bytes;
    double flop_time, byte_time; /* seconds each */
    struct order_set sliced;     /* labels that run outside the tree: not counted in sizes of intermediates */
    double size_limit;           /* elements an intermediate may have; INFINITY: any */
    /* Set by order_joint for networks of at most ORDER_EXACT operands, one an operand subset; NULL: nothing shared. */
    const uint64_t *keys;
    const float *share; /* what part of a step's cost counts; NULL: all */
    const struct order_shared *shared;
    struct order_codelets *codelets; /* of the operands; NULL: none */
    bool is_small;                   /* code is to be short: no codelets */
};

/* What a step reads: labels, and which operand of the network it is. */
enum { ORDER_MADE = ORDER_OPERANDS };
struct order_tensor {
    struct order_set labels;
    uint32_t operand; /* ORDER_MADE: none, an earlier step's */
};

/* Flops of one product of the two: by a real number both parts. */
static inline double order_multiply(const struct order_network *network, uint32_t left, uint32_t right)
{
    int real = network->real ? (left != ORDER_MADE && network->real[left]) + (right != ORDER_MADE && network->real[right]) : 0;
    return real == 0 ? network->multiply : real == 1 ? 2 : 1;
}

/* Tensor `number` of a tree whose tensors have these labels. */
static inline struct order_tensor order_tensor(const struct order_network *network, const struct order_set *sets, uint32_t number)
{
    return (struct order_tensor){sets[number], number < network->n_operands ? number : ORDER_MADE};
}

/* Pairwise steps in order of evaluation: step k makes tensor n_operands + k of two earlier tensors. */
struct order_step {
    uint32_t left, right;
};
struct order_tree {
    uint32_t n_operands;
    struct order_step *steps; /* n_operands - 1 */
    struct order_cost cost;
    const char *method;
};

/* Memory the searches use again and again, so that a search leaves nothing behind in the arena. */
struct order_scratch {
    struct arena *arena;
    struct order_set *sets; /* 2 * ORDER_OPERANDS of each, for order_tree.c */
    bool *constant;
    uint32_t exact_operands; /* the tables of order_exact.c hold this many */
    struct order_exact_tables *exact;
    uint32_t heuristic_operands; /* the same for order_heuristic.c */
    struct order_heuristic_tables *heuristic;
};
struct order_scratch *order_scratch_create(struct arena *arena);

/* Products of sizes by one table a byte of the set: products[k][b] for labels 8k..8k+7 chosen by the bits of b. */
typedef double order_products[256];
void order_products_fill(order_products *products, uint32_t n_labels, const double *sizes);

static inline double order_product(order_products *products, uint32_t words, const struct order_set *a, const struct order_set *b)
{
    double volume = 1;
    for (uint32_t word = 0; word < words; word++) {
        uint64_t bits = a->bits[word] | b->bits[word];
        for (uint32_t byte = word * 8; bits; bits >>= 8, byte++)
            volume *= products[byte][bits & 255];
    }
    return volume;
}

/* ---- order_tree.c: what a tree costs ---- */
struct order_tree order_tree_create(struct arena *arena, uint32_t n_operands); /* steps NULL: no memory */
void order_tree_copy(struct order_tree *to, const struct order_tree *from);
/* Product of the sizes of a set's labels. */
double order_volume(const struct order_network *network, struct order_set set);
/* Operand k after the labels that only it has (and the result does not) are summed. */
struct order_set order_reduced(const struct order_network *network, uint32_t operand);
/* How often a step over these labels runs: one with any sliced label runs in all slices, also along those it does not have. */
double order_repeats(const struct order_network *network, struct order_set all);
struct order_cost order_reduction_cost(const struct order_network *network, uint32_t operand, struct order_set reduced);
struct order_cost order_step_cost(const struct order_network *network, struct order_tensor left, struct order_tensor right,
                                  struct order_set result, bool constant);
/* Labels of every tensor of the tree, operands reduced; `sets` holds 2 * n_operands - 1. */
void order_tree_sets(const struct order_network *network, const struct order_tree *tree, struct order_set *sets);
/* Sets tree->cost: all steps and reductions. Infinite flops when an intermediate breaks size_limit. */
void order_tree_cost(struct order_scratch *scratch, const struct order_network *network, struct order_tree *tree);
/* Most elements alive at once in intermediates (sliced labels not counted), and the elements of the largest step's result. */
void order_tree_memory(struct order_scratch *scratch, const struct order_network *network, const struct order_tree *tree,
                       double *peak, double *largest);

/* ---- the searches: each sets `tree` and its cost; false when there is none below the bound, or no memory ---- */
/* order_exact.c: the best tree of all, outer products included. At most ORDER_EXACT operands. */
bool order_exact(struct order_scratch *scratch, const struct order_network *network, double flops_bound, struct order_tree *tree);
/* order_chain.c: the best tree of intervals of the operands taken in the given sequence. */
bool order_intervals(struct order_scratch *scratch, const struct order_network *network, const uint32_t *sequence,
                     struct order_tree *tree);
/* The operands as a path: each shares summed labels with the next only. `*exact`: a true matrix chain, where intervals are optimal.
 */
bool order_chain_sequence(struct order_scratch *scratch, const struct order_network *network, uint32_t *sequence, bool *exact);
/* order_heuristic.c */
bool order_greedy(struct order_scratch *scratch, const struct order_network *network, struct order_tree *tree);
bool order_heuristic(struct order_scratch *scratch, const struct order_network *network, struct order_tree *tree);
/* order_solve.c: chooses among them and says which in tree->method. */
bool order_solve(struct order_scratch *scratch, const struct order_network *network, struct order_tree *tree);

/* ---- contractions of a kernel ---- */

struct order_recall; /* names of the source for intermediates (order_recall.c) */

struct order_problem {
    const struct ir_node *whole; /* a flattened `contract` */
    const struct ir_node *node;  /* the same without literals that are multiplied in later (order_scale.c) */
    const struct ir_expr *const *literals;
    uint32_t n_literals;
    struct order_recall *recall; /* set before nodes are built */
    struct order_network network;
    struct order_tree tree;
    bool *stored;      /* steps whose tensor other trees use as well: never merged into the step that reads them */
    uint32_t n_sliced; /* indices of `node` that run outside the tree, outermost first */
    uint32_t *sliced;
};

/* order_network.c: indices of the node become labels of the same number; indices in domain conditions are kept to the root.
 * False: no memory. */
bool order_network_create(struct ir_context *context, const struct pass_options *options, const struct ir_node *node,
                          struct order_network *network);
/* Labels in an access's subscripts. */
struct order_set order_access_labels(const struct ir_access *access);

/* order_codelet.c: NULL: no operand can be one of a codelet (or no memory). */
struct order_codelets *order_codelets_create(struct ir_context *context, const struct ir_node *node);
/* The node's indices that the operand has, 0: none or it is no small constant. */
uint32_t order_codelet_labels(const struct order_codelets *codelets, uint32_t operand, const uint32_t **labels);
/* What part is left of the flops of a step with this operand; bit k of the masks: does the other tensor, the result have its k-th
 * label? */
double order_codelet_share(struct order_codelets *codelets, uint32_t operand, uint32_t other, uint32_t result);

/* Of all contractions of a kernel together. */
struct order_plan {
    struct ir_kernel *kernel;
    const struct ir_node **nodes; /* of the kernel, operands first */
    size_t n_nodes;
    struct order_problem *problems;
    size_t n_problems;
    struct order_cost total;
};

/* order.c. The pass's kernel becomes that of the plan, with its trees. False: no memory. */
bool order_apply(struct pass_kernel *pass, struct order_plan *plan);

/* order_several.c: at most ORDER_SEVERAL trees, those of fewest flops first, each of at most so many. `trees` has room for them. At
 * most ORDER_RANKED operands, no slices. False: no memory. */
bool order_several(struct order_scratch *scratch, const struct order_network *network, double flops_bound, struct order_tree *trees,
                   uint32_t *n_trees);

/* order_rank.c: puts trees that are estimated to take clearly less time in the place of those of fewest flops. False: no memory. */
bool order_rank(struct order_scratch *scratch, struct pass_kernel *pass, struct order_plan *plan);

/* order_joint.c: trees for all problems, steps in common counted once in `*total`. */
bool order_joint(struct order_scratch *scratch, struct ir_context *context, struct order_problem *problems, size_t n_problems,
                 struct order_cost *total);
/* The same with the tree of one of the problems as it is, from trees that are there. */
bool order_joint_around(struct order_scratch *scratch, struct order_problem *problems, size_t n_problems, size_t fixed,
                        struct order_cost *total);

/* order_slice.c: makes the tree fit into `bytes` of intermediates, by another order or by slicing. False when nothing fits; then
 * `*least` is the least number of bytes found. */
bool order_slice(struct order_scratch *scratch, struct order_problem *problem, double bytes, double *least);

/* order_scale.c. Sets whole, node and literals of the problem. False: no memory. */
bool order_set_literals_aside(struct ir_context *context, const struct ir_node *node, struct order_problem *problem);
/* The step whose result is multiplied by the literals: n_operands - 2 is the root's. `sets`: of the tree; `blocked` has room for n.
 */
uint32_t order_scaled_step(const struct order_problem *problem, const struct order_set *sets, bool *blocked);
/* The node times the literals. */
const struct ir_node *order_scale(struct ir_context *context, const struct order_problem *problem, const struct ir_node *node,
                                  enum ir_elem elem);

/* order_recall.c. Lets of the kernel that are not among its nodes any more. NULL: no memory. */
struct order_recall *order_recall_create(struct ir_context *context, const struct ir_kernel *kernel,
                                         const struct ir_node *const *nodes, size_t n_nodes);
/* The let that the product of a subset of root's operands is, and in `names` (by index of `root`) what it calls its indices; NULL:
 * none. */
const char *order_recall_name(struct order_recall *recall, struct ir_context *context, const struct ir_node *root, uint32_t subset,
                              struct order_set kept, const char **names);

/* order_build.c: nodes for the tree; `operands` are those of `node`, with what they read already rebuilt. Adds a pass_order. */
const struct ir_node *order_build(struct pass_kernel *kernel, const struct order_problem *problem,
                                  const struct ir_access *operands);
/* order_fold.c: a contraction of constants as the constant it is, when that has at most `limit` elements; else the node. */
const struct ir_node *order_fold(struct ir_context *context, const struct ir_node *node, double limit);
/* order_name.c: what to call a product of these accesses, unique in the kernel. */
const char *order_product_name(struct pass_kernel *kernel, size_t n, const struct ir_access *factors);
const char *order_scaled_name(struct pass_kernel *kernel, const struct ir_node *node);

#endif
