/* Passes: what turns a checked program into loops. Each is one file and one row of passes.def; runtime/compile.c names their order.
 *
 * Tensor passes change a kernel's output nodes; `lower_loops` makes a loop function of it; loop passes change that in place.
 * All are deterministic, allocate in the context's arena, report through its diagnostics and leave verifiable IR behind. */
#ifndef PASSES_PASSES_H
#define PASSES_PASSES_H

#include "ir/ir.h"
#include "ir/loop.h"
#include "ir/machine.h"
#include "ir/slot.h"

/* ---- choices that were measured: how a product or copy is cut (docs/tuning.md) ---- */

struct tile_cut {
    int64_t tile, block; /* elements; block 0: all */
};
enum tile_packing { PACK_BY_REUSE, PACK_NEVER, PACK_ALWAYS };
struct tile_choice {
    struct tile_cut *cuts; /* of the axes, in the order of the product */
    uint32_t n_axes;
    uint32_t lane; /* the axis that vectors run along; n_axes: none, a copy in blocks */
    int64_t lanes;
    enum tile_packing pack[2]; /* panels of A and B */
};

/* One that was faster than the cost model's, for the products with this key in this kernel. */
struct pass_tuned {
    const char *kernel, *tensor;
    uint64_t key;
    struct tile_choice choice;
    double seconds, seconds_before; /* of the kernel, with it and with the model's */
    struct span span;
    bool used; /* a product had the key */
};
struct pass_tuning {
    struct pass_tuned *items;
    size_t count, capacity;
};

enum { TUNE_TEXT_BYTES = 1 << 18 };
/* tune_text.c. Reads a file of choices for this machine and number of threads; those for others are left out with a warning. NULL
 * after a diagnostic E0841, or without memory. */
struct pass_tuning *tune_read(struct ir_context *context, const struct source *source, const struct machine *machine,
                              int64_t threads);
/* What it begins with; a line of it. */
void tune_print_head(struct text *text, const struct machine *machine, int64_t threads);
void tune_print(struct text *text, const struct pass_tuned *tuned, const char *const *indices);
/* NULL: there is none. */
struct pass_tuned *tune_find(const struct pass_tuning *tuning, const char *kernel, uint64_t key);
/* Warns of each choice that no product asked for. */
void tune_warn_unused(struct ir_context *context, const struct pass_tuning *tuning);

struct pass_options {
    struct machine machine; /* costs are counted for it */
    int64_t memory_limit;   /* bytes of workspace a kernel may have; 0: no limit */
    int64_t ram_limit;      /* bytes of scratch and local arrays of a kernel; 0: no limit */
    int64_t flash_limit;    /* bytes that the code and tables of all kernels may have, as estimated; 0: no limit */
    bool small;             /* code is to be short rather than fast */
    bool fewest_flops;      /* of several ways the one with the fewest flops, whatever time it takes */
    bool few_tables;    /* of several ways the one with the smallest constant tables; no constants multiplied into larger ones */
    int64_t scan_chunk; /* steps of a chunk of linear scans; 0: chosen; -1: none */
    int64_t threads;    /* for how many loops are made parallel; 0: code for one */
    struct pass_tuning *tuning;                                       /* choices to be taken; NULL: none */
    bool is_trial;                                                    /* what comes of it is estimated, and thrown away */
    bool propose;                                                     /* `tile` notes what else may be worth measuring */
    bool no_order;                                                    /* keep contractions as written (for comparison) */
    bool finest;                                                      /* findings in as many factors as there are */
    bool no_discovery;                                                /* keep constants as written: what is found rounds them */
    void (*trace)(void *user, const char *pass, const char *message); /* fired rules and choices; may be NULL */
    void *trace_user;
};

/* One step of a chosen order, for `explain`. Labels are letters or index names. */
struct pass_step {
    const char *left, *right, *result; /* "ai,eijk->eajk" in pieces; right NULL: one operand is summed, with commas: several */
    struct ir_work work;
    bool shared; /* an earlier order of the kernel has this step already: it is done once */
    const struct ir_node *node;
};
struct pass_order {
    const struct ir_node *root; /* the contraction this was chosen for, after ordering */
    const char *expression;     /* as one einsum string */
    struct pass_step *steps;
    size_t n_steps;
    const struct poly *flops_naive; /* n * product of extents, n operands */
    const struct poly *flops;       /* of the steps that are not shared */
    const struct poly *repeated;    /* of these, what slices do again along sliced indices a step has not */
    const struct poly *largest;     /* elements of the largest intermediate */
    const char *method;             /* "exact", "chain", "greedy with restarts", "by time", "as written" (one or two operands) */
    const char *sliced;             /* names of sliced indices, NULL: none */
    const char *scan;               /* in the step of a scan: the name of its index; NULL: in no scan */
    const struct poly *times;       /* how often all this is done: the steps of that scan; NULL: once */
};

/* Orders of a kernel's contractions that were ranked by estimated time, for `explain`. Flops and seconds are of the kernel, at
 * typical sizes. */
struct pass_ranking {
    size_t n_orders;                         /* that were estimated */
    double flops, seconds;                   /* of what was taken */
    bool by_time;                            /* it takes clearly less time than the order of fewest flops; else that was taken */
    double least_flops, least_flops_seconds; /* of that */
    const char *next;                        /* steps of the best of the others, where they differ: "ij,jk -> ik; ..." */
    double next_flops, next_seconds;
};

/* How near what a constant was replaced by is to it; relative, bounds are sure (docs/discovery.md). All zero: nothing was replaced.
 */
struct pass_certificate {
    double error;          /* Frobenius */
    double spectral_bound; /* of the spectral norm */
    double growth;         /* product of the factors' norms, a bound, over that of the matrix */
    double forward_bound;  /* |y - y'| <= forward_bound |W| |x| in the 2-norm, roundings of the application included */
};

/* A form that was chosen for something, for `explain`. */
struct pass_choice {
    const char *tensor, *kind, *detail;
    const char *source;  /* "written", "recognised", "scan" */
    const char *finding; /* "W = kron(w0, w1)": a constant and what it was replaced by; NULL: none was */
    struct pass_certificate certificate;
    double flops_before, flops_after; /* of the kernel, at typical sizes, as written and as chosen; 0: not counted */
    const struct pass_way *rejected;  /* what else was tried */
    size_t n_rejected;
};
struct pass_way {
    const char *kind;
    double flops, slower; /* of the kernel with it; how many times as long it takes, by estimate */
};

/* A value that a rule found another way to; for who chooses. */
struct pass_found {
    const struct ir_node *node; /* the other way */
    const char *tensor, *rule, *source;
    const char *detail;                  /* what a constant was found to be; NULL: it is no finding of `discover` */
    struct pass_certificate certificate; /* of a constant that it is put in the place of */
};

/* How a nest was cut into tiles for the registers and blocks for the caches, for `explain`. */
struct pass_tiled_axis {
    const char *index, *role;
    int64_t tile, block; /* elements; block 0: all */
};
/* What one measured choice differs in from another. */
enum tile_move { TILE_SHAPE, TILE_BLOCK_K, TILE_BLOCK_M, TILE_BLOCK_N, TILE_PACKING, TILE_MOVES };
struct tile_proposal {
    enum tile_move move;
    struct tile_choice choice;
};
struct pass_tiling {
    const char *tensor; /* what is stored */
    const char *vector; /* "f64x4" */
    const char *lane;   /* the index that vectors run along */
    struct pass_tiled_axis *axes;
    uint32_t n_axes;
    double share;              /* predicted at typical sizes, of the machine's peak; 0: it adds up nothing */
    double share_of_bandwidth; /* of what is made element by element: of the rate at which its bytes could be moved; 0: unknown */
    bool is_memory_bound;
    uint32_t buffer;                /* of the tile; UINT32_MAX: a copy has none */
    uint64_t key;                   /* of the product */
    struct tile_choice choice;      /* the same as data */
    const struct pass_tuned *tuned; /* where it comes from; NULL: from the cost model */
    struct tile_proposal *proposals;
    size_t n_proposals, proposals_capacity;
};

/* A loop that runs on several threads, for `explain`. */
struct pass_parallel_loop {
    const char *tensor; /* what is stored in it first, that others see */
    const char *index, *role;
    double iterations, speedup; /* at typical sizes; over one thread, predicted, on as many as it is made for */
};

/* Stages under one loop, for `explain`. */
struct pass_fusion {
    const char *index; /* that they share */
    uint32_t n_stages;
    int64_t block;  /* values of it at a time, side by side; 1: one after another */
    double speedup; /* as estimated */
};

/* Short sums one after another that registers hold in between, for `explain`. */
struct pass_group {
    const char *tensor; /* what the last one makes */
    uint32_t n_stages;
    int64_t elements; /* held at a time, at most */
};

/* What is known of a kernel while it is compiled. */
struct pass_kernel {
    struct ir_context *context;
    struct ir_kernel *kernel;
    bool in_step; /* it is the step of a scan */
    const struct pass_options *options;
    const struct poly *flops_naive; /* of the kernel as written; set by the first pass, exactly by the first that flattens */
    bool rewritten;                 /* the kernel's algorithm is another by now: flops_naive stays */
    struct pass_order *orders;      /* set by `order` */
    size_t n_orders, orders_capacity;
    const struct pass_ranking *ranking; /* the same; NULL: only the order of fewest flops was looked at */
    struct pass_choice *choices;
    size_t n_choices, choices_capacity;
    struct pass_found *found; /* set by `structure` */
    size_t n_found, found_capacity;
    const struct ir_node **recognised; /* formulas that were made of others, set by `recognise` */
    size_t n_recognised, recognised_capacity;
    struct pass_fusion *fusions; /* set by `fuse_stages` */
    size_t n_fusions, fusions_capacity;
    struct pass_group *groups; /* set by `group_stages`, and by `fuse_stages` in blocks */
    size_t n_groups, groups_capacity;
    struct pass_tiling *tilings; /* set by `tile` */
    size_t n_tilings, tilings_capacity;
    struct pass_parallel_loop *parallels; /* set by `parallel` */
    size_t n_parallels, parallels_capacity;
    struct loop_function *loops; /* set by `lower_loops` */
};

/* ---- discover_search.c: structure in numbers (docs/discovery.md) ---- */

struct discover_operator;
struct discover_network;
struct discover_options {
    enum ir_elem elem; /* of the matrix: f32, f64, c64, c128 */
    double within;     /* permitted relative error; 0: rounding alone, of each row and column too */
    bool spectral;     /* the error is measured in the spectral norm */
    bool no_names;     /* transforms that have names are not tried */
    bool networks;     /* of tensors what is a product of tensors, no operators */
    bool finest;       /* factors fall apart even where that saves no work: who counts rotations groups them again */
    double batch;      /* columns that it is applied to at a time; 0: one */
};
/* What a family came to, of the matrix by its factors as they are rounded to its type. */
struct discover_finding {
    const char *family;
    const struct discover_operator *op; /* of a tensor: what the matrix with its first axis as rows is */
    /* Of a tensor: a product. Both NULL: `certificate.error` is the best that was come to. */
    const struct discover_network *network;
    bool accepted;
    struct pass_certificate certificate;
    double flops;   /* for a column; of transforms an estimate */
    size_t numbers; /* that its factors keep */
    double cost;    /* flops, and numbers shared by the batch, which findings are sorted by */
};
struct discover_result {
    struct discover_finding *findings; /* accepted ones first, cheapest first */
    size_t count, capacity;
};
/* The first number that is not finite, or subnormal, which is not kept in full; SIZE_MAX: there is none. */
size_t discover_first_unfit(enum ir_elem elem, const void *data, size_t count);
/* Looks at rows x columns numbers of that type, in C order. What it finds lives in `arena`. False: no memory. Where there is no
 * number or one is unfit there are no findings. The same numbers give the same findings. */
bool discover_search(struct arena *arena, const struct discover_options *options, size_t rows, size_t columns, const void *data,
                     struct discover_result *result);
/* The same in a tensor of 3 to DISCOVER_AXES axes; flops are those of its product with a vector along each axis but the
 * first. */
bool discover_tensor_search(struct arena *arena, const struct discover_options *options, uint32_t rank, const size_t *extents,
                            const void *data, struct discover_result *result);
enum { DISCOVER_AXES = 8 };
/* "relative error 1e-16 (Frobenius), at most 2e-16 (spectral); ..." */
void pass_print_certificate(struct text *text, const struct pass_certificate *certificate);
/* The finding as an expression of the language and the source of its constants: file("BASE_w0.npy") for those of more than
 * `most_inline` numbers, which are in `tensors`. */
struct discover_file {
    const char *name;
    struct ir_tensor tensor;
};
struct discover_source {
    const char *expression; /* of a tensor a product of accesses, or an operator */
    const char *constants;
    struct discover_file *files;
    size_t n_files, capacity;
};
bool discover_write(struct arena *arena, const struct discover_finding *finding, enum ir_elem elem, const char *base,
                    size_t most_inline, struct discover_source *source);

/* An axis of a tensor as a subscript, "j", "(j0,j1)"; all of them, "[(i0,i1),j,k]", of an operator "[i,(j,k)]". */
void discover_print_axis(struct text *text, const struct discover_finding *finding, uint32_t axis);
void discover_print_subscripts(struct text *text, const struct discover_finding *finding, uint32_t rank);

/* ---- discover_picture.c ---- */

/* A matrix of a finding; cells hold -1 to 1: the magnitude over the largest, and the sign of the real part. */
struct discover_panel {
    const char *before, *label; /* the sign that stands before it, in UTF-8; the operator */
    size_t rows, columns;
    double *cells; /* [high, wide], each the number of largest magnitude that it covers */
    size_t high, wide;
};
struct discover_panels {
    struct discover_panel *items;
    size_t count, capacity;
};
/* Adds a matrix (of a tensor that with the first axis as rows), or all factors of a finding in the order of its expression, called
 * as that calls them. False: no memory. */
bool discover_panel_of(struct arena *arena, enum ir_elem elem, size_t rows, size_t columns, const void *data, const char *label,
                       struct discover_panels *panels);
bool discover_panels(struct arena *arena, const struct discover_finding *finding, struct discover_panels *panels);

/* ---- gradient_program.c: derivatives of kernels, as kernels beside them ---- */

/* GRADIENT: the vector-Jacobian product. ADJOINT: the same of a kernel that is linear in the inputs named, which is checked. */
enum pass_derivative_kind { PASS_GRADIENT, PASS_ADJOINT };
struct pass_derivative {
    enum pass_derivative_kind kind;
    const char *kernel; /* NULL: every kernel that has all the inputs */
    const char **inputs;
    size_t n_inputs;
};
/* Adds after the program's kernels NAME_gradient or NAME_adjoint for each one meant. Their inputs are those of the kernel and the
 * cotangents d_OUT of its outputs, as far as they are read; their outputs d_IN in the order of `inputs`. Runs before all passes.
 * False after a diagnostic (or no memory). */
bool pass_derive(struct ir_program *program, const struct pass_derivative *derivative);

typedef enum einc_status pass_function(struct pass_kernel *kernel);

/* ---- footprint.c: what a compiled kernel takes ---- */

/* A constant table of emitted code. */
struct pass_table {
    const char *name; /* may be NULL */
    uint64_t hash;
    size_t bytes;
};
struct pass_tables {
    struct pass_table *items;
    size_t count, capacity;
};
struct pass_footprint {
    int64_t code;      /* bytes, estimated */
    int64_t arrays;    /* bytes of local arrays */
    double operations; /* additions and multiplications, at typical sizes */
};
/* Of a kernel with loops; its tables join those that are there already. False: no memory. */
bool pass_footprint(const struct pass_kernel *kernel, struct pass_tables *tables, struct pass_footprint *footprint);
int64_t pass_tables_bytes(const struct pass_tables *tables);

/* What the kernel would have if each contraction's constants were one matrix. False after a diagnostic, or without memory. */
struct pass_dense {
    double tables, operations;
};
bool pass_dense(struct ir_context *context, const struct ir_kernel *source, const struct pass_options *options,
                struct pass_dense *dense);

enum pass_level { PASS_TENSOR, PASS_LOWER, PASS_LOOP };
struct pass_info {
    const char *name;
    enum pass_level level;
    const char *purpose;
    pass_function *run;
};
/* All passes, in the order of passes.def. */
const struct pass_info *pass_table(size_t *count);
const struct pass_info *pass_find(const char *name, size_t length);
/* Runs one pass and verifies what it left. */
enum einc_status pass_run(const struct pass_info *pass, struct pass_kernel *kernel);
/* The same of passes by name, one after the other up to NULL. */
enum einc_status pass_run_all(const char *const *names, struct pass_kernel *kernel);

/* ---- packing.c: kernels on ciphertexts ---- */

enum { PACKING_SLOTS = 4096 }; /* where nobody says how many */
/* What is promised of an input's elements, or of the arguments of a function ("gelu"; "1/x" for divisions). */
struct packing_range {
    const char *name;
    double low, high;
};
enum { PACKING_ANY = 1 << 30 }; /* more than any schedule takes */
struct packing_options {
    int64_t slots;                /* a power of two, up to SLOT_SLOTS_LIMIT; 0: nothing is packed */
    int64_t levels;               /* a computation may take; PACKING_ANY */
    int64_t keys;                 /* of rotations a schedule may need; PACKING_ANY */
    const char *const *row_major; /* names of inputs and outputs that lie in C order from slot 0 on, once, zeros behind inputs */
    size_t n_row_major;
    const struct packing_range *ranges;
    size_t n_ranges;
    double within;  /* how far a function may be from its polynomial; 0: functions are refused */
    double assumed; /* what inputs without a range lie within, for `errors` alone; 0: nothing */
    bool count_all; /* counts of every point, not of the chosen one alone */
    enum packing_goal { PACKING_ROTATIONS, PACKING_LATENCY } cost; /* what there is to be least of */
    const struct slot_times *times;                                /* of operations */
};

/* One of the schedules between which there was a choice: none of the others costs neither more nor needs more levels. */
struct packing_point {
    struct slot_counts counts; /* of the chosen one; with `count_all` of all */
    double milliseconds;       /* the same, of its ops one after another */
};
/* A function that the schedule evaluates as a polynomial. */
struct packing_function {
    const char *name, *statement;
    double low, high;
    uint32_t degree, depth; /* beside the map of [low, high] to [-1, 1] */
    double error;           /* the largest on the range that was measured */
};
struct packing_result {
    struct packing_point *points; /* in order of depth */
    size_t n_points, chosen;
    const struct pass_found **found; /* what the chosen one has constants replaced by */
    size_t n_found;
    struct packing_function *functions;
    size_t n_functions;
    const double *errors;         /* of each output, that the functions' make of it at most; infinity where inputs have no range */
    struct slot_program *program; /* of the chosen one */
};
/* What the kernel computes of encrypted inputs. Alternatives may be open in it: schedules of each are compared, after the passes
 * `rest` (ended by NULL), up to `flatten`. Constants are known to who computes. False after a diagnostic E0931 (what ciphertexts
 * cannot compute) or E0932 (slots, levels or keys do not suffice), or without memory. */
bool packing_run(struct pass_kernel *kernel, const char *const *rest, const struct packing_options *options,
                 struct packing_result *result);
/* May a range bear this name, which is no input's? */
bool packing_is_function(const char *name);

#endif
