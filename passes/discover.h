/* Inside passes: structure that is found in numbers.
 *
 * A matrix comes as numbers; families (discover.def) propose operators, trees of the language's constructors; the search measures
 * each against the numbers (its certificate) and keeps what is near enough. Memory is the search's arena; a NULL given or no memory
 * gives NULL. Sizes are those of matrices in memory, whose products do not overflow. */
#ifndef PASSES_DISCOVER_H
#define PASSES_DISCOVER_H

#include "ir/complex_number.h"
#include "passes.h"

typedef double complex number;

/* Row by row; `real`: no number has an imaginary part. */
struct discover_matrix {
    size_t rows, columns;
    number *numbers;
    bool real;
};

static inline double discover_square(number a)
{
    return creal(a) * creal(a) + cimag(a) * cimag(a);
}

/* ---- operators: discover_operator.c ---- */

enum discover_kind {
    DISCOVER_DENSE,     /* numbers[rows, columns] */
    DISCOVER_IDENTITY,  /* */
    DISCOVER_DIAGONAL,  /* numbers[n] */
    DISCOVER_PERM,      /* y[i] = x[table[i]] */
    DISCOVER_SPARSE,    /* numbers[k] at table[2 k], table[2 k + 1] */
    DISCOVER_BANDED,    /* numbers[k, i] at column i + table[k] */
    DISCOVER_KS,        /* numbers[p, i, j, q] */
    DISCOVER_TOEPLITZ,  /* numbers[i - j + columns - 1] */
    DISCOVER_HANKEL,    /* numbers[i + j] */
    DISCOVER_CIRCULANT, /* numbers[(i - j) mod n] */
    DISCOVER_NAMED,     /* a transform */
    DISCOVER_KRON,      /* of its parts */
    DISCOVER_PRODUCT,
    DISCOVER_SUM
};

struct discover_operator {
    enum discover_kind kind;
    size_t rows, columns;
    size_t n_parts;
    const struct discover_operator **parts;
    uint32_t rank; /* of its numbers */
    size_t shape[4];
    number *numbers;
    bool real;
    size_t n_table;
    int64_t *table;
    const struct discover_transform *transform; /* NAMED */
    bool conjugate, transposed;                 /* NAMED */
};

/* The transforms that have names: entry (k, l) is the real part of (re + i im) root((a k + b)(c l + d), f n + g), halved where
 * `ends` says; complex transforms are the root itself; signs are (-1)^popcount(k & l). */
enum discover_transform_kind { DISCOVER_ROOTS, DISCOVER_WAVES, DISCOVER_SIGNS };
enum discover_ends { DISCOVER_NO_END, DISCOVER_FIRST, DISCOVER_LAST, DISCOVER_BOTH };
struct discover_transform {
    const char *name;
    enum discover_transform_kind kind;
    double re, im;
    int64_t a, b, c, d, f, g;
    enum discover_ends ends; /* columns whose entries are halved */
};
const struct discover_transform *discover_transforms(size_t *count);
bool discover_transform_fits(const struct discover_transform *transform, size_t n);
/* Its roots of unity, a table for its entries. */
struct discover_roots {
    const struct discover_transform *transform;
    size_t n, order;
    number *values;
};
bool discover_roots_create(struct arena *arena, const struct discover_transform *transform, size_t n, struct discover_roots *roots);
number discover_transform_entry(const struct discover_roots *roots, size_t row, size_t column);

struct discover_operator *discover_node(struct arena *arena, enum discover_kind kind, size_t rows, size_t columns);
/* With room for its numbers, all zero; unused axes of the shape are 0. */
struct discover_operator *discover_leaf(struct arena *arena, enum discover_kind kind, size_t rows, size_t columns, uint32_t rank,
                                        const size_t shape[4]);
/* Products without identities, products within products and products of one; NULL parts give NULL. */
const struct discover_operator *discover_combine(struct arena *arena, enum discover_kind kind, size_t count,
                                                 const struct discover_operator *const *parts);
const struct discover_operator *discover_permutation(struct arena *arena, size_t n, const size_t *columns);
const struct discover_operator *discover_diagonal(struct arena *arena, size_t n, const number *numbers); /* ones: identity */
const struct discover_operator *discover_dense(struct arena *arena, size_t rows, size_t columns, const number *numbers);
const struct discover_operator *discover_transposed(struct arena *arena, const struct discover_operator *op);
size_t discover_count(const struct discover_operator *op); /* of its own numbers */

/* ---- discover_operator.c, discover_entries.c: what they are and cost ---- */

/* The same with numbers rounded to the type, and `real` set where they are. */
const struct discover_operator *discover_rounded(struct arena *arena, const struct discover_operator *op, enum ir_elem elem);
/* Its entries, in the arena. */
bool discover_entries(struct arena *arena, const struct discover_operator *op, struct discover_matrix *entries);
double discover_flops(const struct discover_operator *op, bool real); /* for a column; of transforms an estimate */
size_t discover_numbers(const struct discover_operator *op);          /* that it keeps */
size_t discover_factors(const struct discover_operator *op); /* roundings behind one another, of a sum the most of a part */
/* Bounds: of its norm, a product of its factors' norms; of the roundings of its application, times eps. Without memory the arena
 * has failed. */
double discover_norm_bound(struct arena *arena, const struct discover_operator *op, double *roundings);

/* ---- discover_text.c ---- */

/* A tensor of a finding, as its text calls it. */
enum { DISCOVER_CONSTANT_AXES = 32 };
struct discover_constant {
    const char *name;
    bool whole;                         /* a table of indices, i32, else numbers of the matrix's type or the real one */
    const struct discover_operator *of; /* whose numbers or table it is; NULL: `numbers` */
    const number *numbers;
    uint32_t rank;
    int64_t shape[DISCOVER_CONSTANT_AXES];
};
struct discover_constants {
    struct discover_constant *items;
    size_t count, capacity;
};
/* An expression of the language. `prefix` begins the names of constants. */
void discover_print(struct text *text, const struct discover_operator *op, const char *prefix,
                    struct discover_constants *constants);
/* A product of accesses, and one of them; the tensor's axes are called i, j, k, l, m, n, o, p. */
struct discover_network;
struct discover_part;
void discover_print_part(struct text *text, const struct discover_network *network, const struct discover_part *part,
                         const char *prefix, struct discover_constants *constants);
void discover_print_network(struct text *text, const struct discover_network *network, const char *prefix,
                            struct discover_constants *constants);

/* ---- discover_build.c ---- */

/* The operator applied to the last axis of x, whose type is `elem`; constants are of type `stored` or its real one. */
const struct ir_node *discover_apply(struct ir_context *context, const struct discover_operator *op, const struct ir_node *x,
                                     enum ir_elem stored);

/* ---- discover_linear.c ---- */

/* numbers = sum over r of left[r, :] right[r, :]^T to the absolute error `bound` in the Frobenius norm, rank at most `most`, by
 * columns of the residual (Gram-Schmidt with column pivoting, Golub and Van Loan 5.4). False: the rank is larger (or no memory);
 * `error` is what is left then. */
struct discover_low_rank {
    size_t rank;
    number *left, *right; /* orthonormal columns, one after the other; rows */
    double error;
};
bool discover_factor(struct arena *arena, size_t rows, size_t columns, const number *numbers, size_t most, double bound,
                     struct discover_low_rank *factors);
/* Is there surely none of that rank so near? By elimination, in a sixth of the steps; false says nothing. */
bool discover_exceeds(struct arena *arena, size_t rows, size_t columns, const number *numbers, size_t most, double bound);
double discover_norm(size_t count, const number *numbers); /* Frobenius, compensated */
/* product[m, n] = left[m, k] right[k, n]; false: no memory, or a NULL given. */
bool discover_multiply(struct arena *arena, size_t m, size_t k, size_t n, const number *left, const number *right, number *product);
/* The largest distance from their mean, which is taken from the first on, so that it is as near as numbers that are nearly one. */
double discover_spread(const number *numbers, size_t count, number *mean);
/* Numbers that are all equal, but for that part of them, become ones, and what they were a factor of the others. False: they are
 * not. */
bool discover_move_factor(number *from, size_t n, double near, number *to, size_t count);
/* What lines are told apart by, and as near to it as errors leave others that are equal; in order of values, then of indices. */
struct discover_key {
    double value, near;
    size_t index;
};
void discover_sort(struct discover_key *keys, size_t count);
/* A way to cut rows and columns in two digits each, and what it costs. */
struct discover_split {
    size_t rows[2], columns[2], rank;
    double flops;
};
/* Takes the split in among the best, which are `count`, of `most` there is room for, cheapest first; how many they are then. */
size_t discover_keep_best(struct discover_split *best, size_t count, size_t most, const struct discover_split *split);
/* A deterministic sequence of numbers below 2^32. */
uint32_t discover_random(uint64_t *state);
/* `count` different numbers below n, all in order where n is not larger (then the rest are counted on). */
void discover_sample(uint64_t *state, size_t n, size_t count, size_t *places);

/* ---- the search: discover_search.c ---- */

struct discover_tensor;
struct discovery {
    struct arena *arena;   /* findings */
    struct arena *scratch; /* of one family */
    const struct discover_options *options;
    const struct discover_matrix *matrix; /* one of the two */
    const struct discover_tensor *tensor;
    double norm, tolerance; /* of the numbers; relative, what families may leave */
    const char *family;
    uint32_t depth;
    struct discover_result *result;
};
/* The numbers in memory, as the matrix's; its extents are set. */
bool discover_load(struct arena *arena, enum ir_elem elem, const void *data, struct discover_matrix *matrix);
/* Measures a proposal, whose parts are looked at before, and adds it to the findings; as it stands: true, it is accepted. */
bool discover_add(struct discovery *discovery, const struct discover_operator *op);
bool discover_offer(struct discovery *discovery, const struct discover_operator *op);
double discover_least_flops(const struct discovery *discovery); /* of what is accepted so far; infinite: nothing */
/* The best that a family came to where it proposes nothing. */
void discover_missed(struct discovery *discovery, double error);
/* Asks the families, of matrices or of tensors, and sorts what they found. False: no memory. */
bool discover_look(struct discovery *discovery);
/* What saves less than a tenth of the dense cost, an estimate, is not worth its rounding. */
#define DISCOVER_WORTH_IT 0.9
/* Flops a column and, shared by the columns, numbers that are read. */
double discover_cost(const struct discover_options *options, double flops, double numbers);
/* What another finding is no worse than, in error (as far as rounding lets it be told), flops and numbers, is not kept. */
void discover_keep_pareto(struct discover_result *result, double rounding);

/* discover_formula.c: a matrix as a transform T that has a name, its rows and columns in some order: number (k, l), T's
 * (rows[k], columns[l]), as near as that. */
struct discover_formula {
    const struct discover_transform *transform;
    size_t *rows, *columns;
};
bool discover_formula(struct arena *arena, size_t n, const number *numbers, double near, struct discover_formula *formula);
bool discover_is_root(number value, size_t order, double near, size_t *exponent); /* root(order, exponent) */
/* discover_tied.c: a product of Kronecker-sparse factors, dense ones, diagonals and permutations, in which those factors whose
 * blocks are one matrix between diagonals, its columns in any order in each, are that matrix, as kron(identity, C, identity),
 * between diagonals. `formulas`: so are all factors, each C a formula. NULL: none is. */
const struct discover_operator *discover_tied(struct discovery *discovery, const struct discover_operator *product, bool *formulas);
/* discover_low_rank.c: U V, columns and rows of the same norms. */
const struct discover_operator *discover_outer_product(struct discovery *discovery, const struct discover_low_rank *factors);
/* discover_kronecker_sparse.c: the matrix, of the norm of the one that is looked at, is looked for as a product of Kronecker-sparse
 * factors; such products, between what makes the one that is looked at of it (NULL: nothing), are proposed, or transposed. */
bool discover_offer_kronecker_sparse(struct discovery *discovery, const struct discover_matrix *matrix, bool transposed,
                                     const struct discover_operator *before, const struct discover_operator *behind);

typedef void discover_family(struct discovery *discovery);
#define FAMILY(name, meaning)        discover_family discover_##name;
#define TENSOR_FAMILY(name, meaning) discover_family discover_##name;
#define NAMED(name, kind, re, im, a, b, c, d, f, g, ends)
#include "discover.def"

/* ---- constants of three axes and more: discover_network.c ---- */

/* A tensor as a sum of products of parts. Its axes are cut into digits, the most significant first; of the indices those of the
 * digits come first, axis by axis, each along one part; the others are summed, along two parts or more. */
enum { DISCOVER_INDICES = 32, DISCOVER_PARTS = 24 };
struct discover_part {
    uint32_t rank, index[DISCOVER_INDICES];
    number *numbers;
};
struct discover_network {
    uint32_t rank, n_digits[DISCOVER_AXES], n_indices;
    size_t extents[DISCOVER_INDICES];
    uint32_t n_parts;
    struct discover_part parts[DISCOVER_PARTS];
    bool real;
};

/* In C order; `fixed`: axes that may not be cut, a bit each. */
struct discover_tensor {
    uint32_t rank, fixed;
    size_t extents[DISCOVER_AXES];
    number *numbers;
    bool real;
};

/* Of one digit an axis, without parts; room for the numbers of a part along these indices, which are set. */
struct discover_network discover_uncut(const struct discover_tensor *tensor);
number *discover_add_part(struct arena *arena, struct discover_network *network, uint32_t rank, const uint32_t *index);
uint32_t discover_add_index(struct discover_network *network, size_t extent); /* its number, to be summed */
uint32_t discover_free(const struct discover_network *network);               /* how many are not summed */
size_t discover_part_size(const struct discover_network *network, const struct discover_part *part);
/* The tensor's numbers, in its order, or (magnitudes) those of the parts' magnitudes. NULL: no memory. */
number *discover_network_numbers(struct arena *arena, const struct discover_network *network, bool magnitudes);
/* Multiplied by a vector along each axis but the first, pair by pair; `roundings`: of the sums behind one another. */
double discover_network_flops(const struct discover_network *network, bool real, double *roundings);
/* Of the numbers `extents` along the axes, those multiplied by a matrix [to, from] along one. */
number *discover_along(struct arena *arena, uint32_t rank, const size_t *extents, uint32_t axis, size_t to, const number *matrix,
                       const number *numbers);
/* A matrix with one axis as rows. */
number *discover_axis_rows(struct arena *arena, uint32_t rank, const size_t *extents, uint32_t axis, const number *numbers);

/* ---- discover_tensor.c ---- */

/* Measures a proposal, its parts looked at again, and adds it to the findings. */
void discover_offer_network(struct discovery *discovery, const struct discover_network *network);
size_t discover_tensor_size(const struct discover_tensor *tensor);

/* ---- discover_axes.c ---- */

/* A core, and an orthonormal basis [extent, rank] for each axis whose rank is at most `most`; NULL: the axis is the core's own. */
struct discover_core {
    size_t extents[DISCOVER_AXES];
    number *bases[DISCOVER_AXES], *numbers;
    uint32_t reduced;
    double missed; /* of axes that were not reduced the least that is left */
};
bool discover_compress(struct discovery *discovery, const size_t most[DISCOVER_AXES], struct discover_core *core);

/* ---- discover_network_build.c ---- */

/* The contraction with the network in the place of its operand, this constant. NULL: no memory. */
const struct ir_node *discover_replace(struct ir_context *context, const struct ir_node *node, uint32_t operand,
                                       const struct ir_node *constant, const struct discover_network *network);

/* ---- discover_zeros.c ---- */

/* The contraction over the nonzeros, `*count`, of its operand, this constant of three or more axes. NULL: it is read otherwise than
 * along indices of its own, too few of its numbers are zero, or no memory. */
const struct ir_node *discover_nonzeros(struct ir_context *context, const struct ir_node *node, uint32_t operand,
                                        const struct ir_node *constant, size_t *count);

/* ---- discover_eigen.c ---- */

/* right[n, m] = inverse(matrix[n, n]) right, in place; the matrix is changed. False: it is singular. */
bool discover_solve(size_t n, number *matrix, size_t m, number *right);
/* Eigenvectors as columns, in no order, the largest entry of each 1, of a matrix that is changed; `real`: real parts of them.
 * False: they were not come to (or no memory). */
bool discover_eigenvectors(struct arena *arena, size_t n, number *matrix, bool real, number *vectors);

#endif
