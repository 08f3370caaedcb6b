/* Slot IR: a computation on CKKS ciphertexts. A ciphertext is a vector of S real slots; programs add and multiply slot by slot, and
 * rotate. docs/schedule.md defines the text form, every op and every field; this header the objects and how they are built.
 *
 * A program is a DAG of values in the order they were made, shared by content: the same op of the same operands is one value. Each
 * value knows its level (how many rescales are left) and its scale, which is symbolic, so that equal scales are equal whatever
 * primes a library chooses. Inputs and outputs have a layout: where the elements of a tensor lie in slots.
 *
 * Lives in the arena of its context. Builders take NULL and give NULL. A misuse of a builder (unequal scales, no level left) is our
 * own mistake: a diagnostic E0751, NULL from then on. What files may hold, `slot_verify` judges. */
#ifndef IR_SLOT_H
#define IR_SLOT_H

#include "base.h"
#include "ir.h"

enum {
    SLOT_LEVELS_LIMIT = 40,           /* levels of a program */
    SLOT_SLOTS_LIMIT = 1 << 16,       /* S; a power of two from 2 */
    SLOT_SCALE_LIMIT = 60,            /* bits of a prime, of a working scale */
    SLOT_CIPHERTEXTS_LIMIT = 1 << 12, /* of one layout */
    SLOT_VALUES_LIMIT = 1 << 19,      /* of a program that is read */
    SLOT_NUMBERS_LIMIT = 1 << 28,     /* in all its constants */
    SLOT_EVAL_BYTES = 1 << 30,        /* of values alive at once, in clear slots */
    SLOT_PARTS_LIMIT = 64             /* digits, dims, rolls, terms of a roll: of one layout, each */
};

/* ---- slot_layout.c: where the elements of a tensor lie ---- */

/* A position is p = slot + S * ciphertext. Its number in the mixed radix of the layout's digits, least significant first, gives
 * each digit a value v in [0, radix). Digits of the ciphertext number follow those of the slot number. */
enum slot_digit_kind {
    SLOT_INDEX,     /* adds stride * v to the index of `dim` */
    SLOT_REPLICATE, /* the same elements for every v */
    SLOT_ZERO,      /* elements where v = 0, zeros elsewhere */
    SLOT_GARBAGE    /* elements where v = 0, anything elsewhere */
};

struct slot_digit {
    enum slot_digit_kind kind;
    int64_t radix;  /* at least 1 */
    uint32_t dim;   /* of SLOT_INDEX */
    int64_t stride; /* of SLOT_INDEX */
};

struct slot_roll_term {
    uint32_t digit; /* its number, of any kind */
    int64_t factor;
};

/* index[dim] = (index[dim] + constant + sum of factor * value of digit) mod modulus */
struct slot_roll {
    uint32_t dim;
    int64_t modulus, constant;
    uint32_t n_terms;
    const struct slot_roll_term *terms;
};

struct slot_dim {
    const char *name;
    int64_t extent;
};

/* The index of a dim is the sum over its digits, then rolled. Positions whose index reaches the extent in some dim (so padding
 * needs no digit of its own), and slots from the product of the slot digits' radices on (it is at most S), hold zeros, or garbage
 * with `tail_garbage`; the product of the ciphertext digits is the number of ciphertexts. An element may lie at many positions; all
 * hold the same value. */
struct slot_layout {
    int64_t slots; /* S */
    uint32_t n_dims, n_digits, n_slot_digits, n_rolls;
    const struct slot_dim *dims;
    const struct slot_digit *digits; /* the first n_slot_digits of the slot number */
    const struct slot_roll *rolls;   /* applied in this order, at most one a dim */
    bool tail_garbage;
};

enum { SLOT_AT_ZERO = -1, SLOT_AT_GARBAGE = -2, SLOT_AT_NOWHERE = -3 };

/* Copies what `layout` says; NULL after a diagnostic E0752 at `span` when it breaks a rule above or a limit. */
const struct slot_layout *slot_layout_create(struct ir_context *context, const struct slot_layout *layout, struct span span);
int64_t slot_layout_ciphertexts(const struct slot_layout *layout);
int64_t slot_layout_elements(const struct slot_layout *layout); /* of the tensor */
/* Number of the element (row-major) at this position; SLOT_AT_ZERO, SLOT_AT_GARBAGE. */
int64_t slot_layout_at(const struct slot_layout *layout, int64_t position);
/* The same of every position: slots * ciphertexts numbers. */
int64_t *slot_layout_table(struct arena *arena, const struct slot_layout *layout);
/* The inverse: of every element its first position, SLOT_AT_NOWHERE if it lies nowhere. */
int64_t *slot_layout_positions(struct arena *arena, const struct slot_layout *layout);
/* Composed with the inverse of another: of every position of `to` the first position of `from` that holds its element; SLOT_AT_ZERO
 * and SLOT_AT_GARBAGE as `to` says, SLOT_AT_NOWHERE where `from` does not hold it. Both of one tensor: equal extents in order. */
int64_t *slot_layout_moves(struct arena *arena, const struct slot_layout *from, const struct slot_layout *to);
bool slot_layout_equal(const struct slot_layout *a, const struct slot_layout *b);
/* Row-major from slot 0: the last dim fastest, extents as they are, zeros behind, several ciphertexts when S is too small. */
const struct slot_layout *slot_layout_row_major(struct ir_context *context, int64_t slots, uint32_t n_dims,
                                                const struct slot_dim *dims);
/* The same places seen through another shape of the tensor: dim `dim` = outer * extent of inner + inner; NULL (no diagnostic) when
 * a digit cannot be cut so, or the dim is rolled. */
const struct slot_layout *slot_layout_split(struct ir_context *context, const struct slot_layout *layout, uint32_t dim,
                                            struct slot_dim outer, struct slot_dim inner);
/* Dims `dim` and `dim + 1` as one, named `name`. NULL when one of them is rolled. */
const struct slot_layout *slot_layout_merge(struct ir_context *context, const struct slot_layout *layout, uint32_t dim,
                                            const char *name);
/* Dim k of the result is dim order[k]. */
const struct slot_layout *slot_layout_permute(struct ir_context *context, const struct slot_layout *layout, const uint32_t *order);
/* The words behind `layout` in a schedule: `dims k=64,j=64 slots j%64 k%64`. */
void slot_layout_print(struct text *text, const struct slot_layout *layout);
/* Reads them, up to `end`. NULL after a diagnostic. `source` is the number of `text` in the diagnostics. */
const struct slot_layout *slot_layout_read(struct ir_context *context, int64_t slots, const struct source *text, uint32_t source,
                                           const char *at, const char *end);

/* ---- slot_scale.c: symbolic scales ---- */

/* 2^bits * product over k of q_k^powers[k]; q_k is the prime that a rescale from level k to k - 1 drops. */
struct slot_scale {
    int32_t bits;
    int32_t powers[SLOT_LEVELS_LIMIT + 1]; /* [0] is not used */
};

struct slot_scale slot_scale_bits(int32_t bits);
struct slot_scale slot_scale_prime(uint32_t level); /* q_level */
/* a * b, a / b; on overflow of a power the result is not valid (bits INT32_MIN), and stays so. */
struct slot_scale slot_scale_multiply(struct slot_scale a, struct slot_scale b);
struct slot_scale slot_scale_divide(struct slot_scale a, struct slot_scale b);
bool slot_scale_equal(const struct slot_scale *a, const struct slot_scale *b);
bool slot_scale_valid(const struct slot_scale *scale);
/* log2 when q_k has prime_bits[k] bits. */
double slot_scale_log2(const struct slot_scale *scale, const uint32_t *prime_bits);
void slot_scale_print(struct text *text, const struct slot_scale *scale); /* 40+q2-2*q1 */
/* `text` of `length` bytes; `level` is what `q` alone stands for. */
bool slot_scale_read(const char *text, size_t length, uint32_t level, struct slot_scale *scale);

/* ---- slot_build.c: programs ---- */

enum slot_op {
#define SLOT_OP(name, operands, extra, meaning) SLOT_##name,
#include "slot_ops.def"
    SLOT_OP_COUNT
};
enum slot_extra { SLOT_EXTRA_NONE, SLOT_EXTRA_STEP, SLOT_EXTRA_CONSTANT, SLOT_EXTRA_FACTOR, SLOT_EXTRA_LEVEL };
struct slot_op_info {
    const char *name;
    uint32_t n_operands;
    enum slot_extra extra;
    const char *meaning;
};
const struct slot_op_info *slot_op_info(enum slot_op op);

/* A plaintext vector of period `length`, a power of two that divides S: slot s holds data[s mod length]. Finite numbers. */
struct slot_constant {
    uint32_t id; /* position in the program */
    const double *data;
    size_t length;
    bool is_zero; /* every number is */
};

struct slot_value {
    uint32_t id; /* position in the program; operands come before */
    enum slot_op op;
    const struct slot_value *operands[2];
    const struct slot_constant *constant;
    struct slot_scale factor; /* of mulp: the scale `constant` is encoded at */
    int32_t step;             /* of rot: in (-S/2, S/2], not 0 */
    uint32_t input, part;     /* of input: number of the input, ciphertext of it */
    uint32_t level;
    struct slot_scale scale;
    uint32_t parts; /* 2, or 3 between a multiplication and its relin */
    struct span span;
};

struct slot_port {
    const char *name;
    const struct slot_layout *layout;
    const struct slot_value **values; /* one a ciphertext */
};

/* What a schedule is counted by. */
struct slot_counts {
    int64_t rot, conj;  /* key switches by rotations and conjugations */
    int64_t pmul, cmul; /* multiplications by a constant; of ciphertexts, squares included */
    int64_t relin, rescale;
    int64_t add;   /* additions, subtractions, negations, of constants too */
    int64_t depth; /* multiplications on the longest way from an input to an output */
    int64_t keys;  /* different steps, and 1 for conj */
};

/* The counts by name, in the order of a schedule's last line. */
struct slot_count_info {
    const char *name;
    size_t offset; /* in struct slot_counts */
};
const struct slot_count_info *slot_count_table(size_t *n);
int64_t slot_count_get(const struct slot_counts *counts, const struct slot_count_info *info);
void slot_count_set(struct slot_counts *counts, const struct slot_count_info *info, int64_t number);

/* A ring that will do: N / 2 is a multiple of S, and each vector is repeated in it. bits[0] is the prime that stays, bits[k] is
 * q_k, bits[levels + 1] the special prime of key switches. security 0: N is too small for any standard level. */
struct slot_ring {
    int64_t degree;  /* N; 0: not chosen */
    uint32_t n_bits; /* levels + 2 */
    uint32_t bits[SLOT_LEVELS_LIMIT + 2];
    uint32_t security;
};

struct slot_program {
    struct ir_context *context;
    const char *name;
    int64_t slots;
    uint32_t levels;     /* of inputs */
    uint32_t scale_bits; /* log2 of the working scale: that of inputs */
    struct slot_ring ring;
    struct slot_value **values;
    size_t n_values, values_capacity;
    struct slot_constant **constants;
    size_t n_constants, constants_capacity;
    struct slot_port *inputs, *outputs;
    size_t n_inputs, inputs_capacity, n_outputs, outputs_capacity;
    const char **notes; /* said of it in a schedule, for readers */
    size_t n_notes;
    struct slot_index *index; /* finds equal values and constants */
};

/* `slots` a power of two, `levels` what inputs have (more than needed is trimmed by `slot_finish`). */
struct slot_program *slot_program_create(struct ir_context *context, const char *name, int64_t slots, uint32_t levels,
                                         uint32_t scale_bits);

/* Adds an input; its ciphertexts are slot_input_part(program, number, 0 ...). UINT32_MAX: no memory. */
uint32_t slot_add_input(struct slot_program *program, const char *name, const struct slot_layout *layout);
const struct slot_value *slot_input_part(struct slot_program *program, uint32_t input, uint32_t part);
/* `length` numbers, repeated; a power of two up to S. Kept once, with its shortest period; `data` may die. */
const struct slot_constant *slot_constant(struct slot_program *program, const double *data, size_t length);

/* Numbers that are known whatever the inputs are, as what is left where a factor is zero. Ops on them are worked out here, and a
 * product with zeros and `a - a` are such: no ciphertext is zero by construction. Only outputs of a finished program read one. */
const struct slot_value *slot_known(struct slot_program *program, const struct slot_constant *c);
/* Rotation to the left by any step; by 0 mod S it is `a` itself. Nested rotations are not merged: that is the maker's choice. */
const struct slot_value *slot_rot(struct slot_program *program, const struct slot_value *a, int64_t step);
const struct slot_value *slot_conj(struct slot_program *program, const struct slot_value *a);
const struct slot_value *slot_neg(struct slot_program *program, const struct slot_value *a);
/* Of two operands the higher one is dropped to the other's level first. add and sub need equal scales. */
const struct slot_value *slot_add(struct slot_program *program, const struct slot_value *a, const struct slot_value *b);
const struct slot_value *slot_sub(struct slot_program *program, const struct slot_value *a, const struct slot_value *b);
const struct slot_value *slot_mul(struct slot_program *program, const struct slot_value *a, const struct slot_value *b);
const struct slot_value *slot_addp(struct slot_program *program, const struct slot_value *a, const struct slot_constant *c);
const struct slot_value *slot_subp(struct slot_program *program, const struct slot_value *a, const struct slot_constant *c);
/* c encoded at the prime the next rescale drops: rescale then gives back the scale of `a`. */
const struct slot_value *slot_mulp(struct slot_program *program, const struct slot_value *a, const struct slot_constant *c);
/* c encoded at `factor`: for another scale than that, such as the one a sum needs. */
const struct slot_value *slot_mulp_at(struct slot_program *program, const struct slot_value *a, const struct slot_constant *c,
                                      struct slot_scale factor);
/* c encoded so that a rescale of the product has scale `wanted`. */
const struct slot_value *slot_mulp_to(struct slot_program *program, const struct slot_value *a, const struct slot_constant *c,
                                      struct slot_scale wanted);
const struct slot_value *slot_square(struct slot_program *program, const struct slot_value *a);
const struct slot_value *slot_relin(struct slot_program *program,
                                    const struct slot_value *a); /* `a` itself when it has two parts */
const struct slot_value *slot_rescale(struct slot_program *program, const struct slot_value *a); /* needs a level */
const struct slot_value *slot_drop(struct slot_program *program, const struct slot_value *a,
                                   uint32_t level); /* to a level, at most a's */

/* One value a ciphertext of the layout. */
bool slot_add_output(struct slot_program *program, const char *name, const struct slot_layout *layout,
                     const struct slot_value *const *values);
/* Last: drops what no output needs, numbers values and constants anew, takes spare levels away from all (an output at level 0 then
 * has none left), chooses a ring. False after a diagnostic: misuse, no memory, or no ring has room for so many levels (E0922). */
bool slot_finish(struct slot_program *program);

void slot_count(const struct slot_program *program, struct slot_counts *counts);
/* The different steps of rotations, ascending; `*needs_conj`: a conjugation besides. */
int32_t *slot_keys(struct arena *arena, const struct slot_program *program, size_t *count, bool *needs_conj);
/* Bits that all primes may have together at 128-bit security; 0: none of this degree. */
uint32_t slot_ring_secure_bits(int64_t degree);
/* Gives the program the ring below; false after a diagnostic E0922. */
bool slot_choose_ring(struct slot_program *program);
/* The smallest ring of 128-bit security for S, levels and scale; degree 0 when there is none. */
struct slot_ring slot_ring_choose(int64_t slots, uint32_t levels, uint32_t scale_bits);

/* ---- slot_widen.c: the same in more slots ---- */

/* Repeats each vector of a finished program to so many slots, a multiple of those it has; its layouts have to divide these. False
 * after a diagnostic (misuse, or E0922), or without memory. */
bool slot_widen(struct slot_program *program, int64_t slots);

/* ---- slot_times.c: what ops take ---- */

struct slot_time_row;
struct slot_times {
    const struct slot_time_row *rows; /* at least one */
    size_t n_rows;
};
/* Of the machine the project is developed on. */
const struct slot_times *slot_times_builtin(void);
/* The text that runtime/seal/times.js writes (docs/packing.md); NULL after a diagnostic E0756, or without memory. */
const struct slot_times *slot_times_read(struct ir_context *context, const struct source *text);
/* Milliseconds of an op on operands of this level, in a ring of this degree; estimated where it was not measured. */
double slot_time(const struct slot_times *times, int64_t degree, uint32_t level, enum slot_op op);
/* Of all its ops, one after another, in the ring that it has. */
double slot_program_time(const struct slot_program *program, const struct slot_times *times);

/* ---- slot_chebyshev.c: functions on a range ---- */

enum { SLOT_DEGREE_OF_SERIES = 255 }; /* at most */

/* sum over k <= degree of coefficients[k] T_k(t), t = (2 x - low - high) / (high - low). */
struct slot_series {
    double low, high;
    uint32_t degree; /* at least 1 */
    const double *coefficients;
    double error; /* the largest that was measured on 20,011 points of the range */
};
typedef double slot_function(void *user, double x);
/* The least degree whose error is at most `within`, on the range that `series` says. False: no memory, or no such degree; then the
 * error of the largest one is in `series`. */
bool slot_series_fit(struct arena *arena, slot_function *function, void *user, double within, struct slot_series *series);
/* The levels it takes: at most ceil(log2(degree + 1)) + 1. */
uint32_t slot_series_depth(struct arena *arena, const struct slot_series *series);
/* `t` in [-1, 1], as above: who makes `t` folds the factor into what comes before. The result has the scale of `t`. */
const struct slot_value *slot_series_evaluate(struct slot_program *program, const struct slot_value *t,
                                              const struct slot_series *series);

/* ---- slot_print.c, slot_print_json.c: schedules as text, and as JSON (docs/schedule.md) ---- */

enum slot_form { SLOT_TEXT, SLOT_JSON };

/* What a schedule is in files. Constants of more than a few runs stand in the sidecar, little-endian doubles one after the other.
 */
struct slot_files {
    const char *text;
    size_t length;
    const char *sidecar; /* NULL: no constant needs it */
    size_t sidecar_length;
};
/* `sidecar` is the bare name of that file. The same bytes for the same program. False: no memory. */
bool slot_print(const struct slot_program *program, enum slot_form form, const char *sidecar, struct slot_files *files);

/* ---- slot_read.c ---- */

struct slot_hoist {
    const struct slot_value *value;
    int32_t *steps; /* of the rotations of `value` that follow */
    size_t n_steps;
    struct span span;
};

/* What a file claims of its program; `slot_verify` compares. Level and scale of values are claims, too. */
struct slot_claims {
    int32_t *keys;
    size_t n_keys, keys_capacity;
    bool conj, relin;
    struct slot_counts counts;
    struct slot_hoist *hoists;
    size_t n_hoists, hoists_capacity;
    struct span keys_span, relin_span, end_span, ring_span;
};

/* Bytes of the sidecar with this bare name beside the schedule, in the arena; false after a diagnostic at `span`. */
typedef bool slot_load_function(void *user, const char *name, struct span span, const char **bytes, size_t *length);

/* The text form; NULL after a diagnostic E0753. Nothing here trusts the text; what was read may still break the rules of
 * `slot_verify`, which every reader must ask before it uses the program. `source` is added to the diagnostics. */
struct slot_program *slot_read(struct ir_context *context, const struct source *source, slot_load_function *load, void *user,
                               struct slot_claims *claims);

/* ---- slot_verify.c ---- */

/* The rules of a schedule: levels and scales as the ops say, operands of equal level and scale, relin before rotations, scales that
 * fit, no result that is zero by construction (a library refuses it as transparent), no op that no output needs, outputs that hold
 * every element; and with `claims` (NULL: built here) the keys, hoists and counts. Each broken one is a diagnostic E0754 or E0755.
 */
bool slot_verify(const struct slot_program *program, const struct slot_claims *claims);

/* ---- slot_eval.c: what a schedule computes, in clear slots ---- */

/* `inputs[k]` and `outputs[k]` are the tensors, row-major. Garbage slots of inputs hold numbers that a right schedule keeps out of
 * the result. `*spread` (may be NULL) is how far positions of one element, and zeros, are from what the output's layout says,
 * relative to the largest |output|. EINC_LIMIT after a diagnostic E0921 when it needs more than SLOT_EVAL_BYTES. */
enum einc_status slot_eval(const struct slot_program *program, const double *const *inputs, double *const *outputs, double *spread);

#endif
