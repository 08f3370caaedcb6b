/* The command `einc`: what its parts share. Each command is one file command_<name>.c and one row of commands.def. Results go to
 * standard output, all else to standard error. */
#ifndef RUNTIME_COMMAND_H
#define RUNTIME_COMMAND_H

#include "runtime.h"

enum exit_status {
    EXIT_DONE = 0,
    EXIT_INPUT = 1, /* the input is wrong; a diagnostic says where */
    EXIT_USAGE = 2,
    EXIT_CHECK = 3, /* a check failed */
    EXIT_LIMIT = 4, /* a limit was hit */
    EXIT_FAULT = 70 /* our own fault */
};

/* ---- command_options.c ---- */

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_INTEGER, OPTION_LIST };
struct option_list {
    const char **items;
    size_t count, capacity;
};
struct option {
    const char *name; /* "--engine" or "-o" */
    enum option_kind kind;
    void *target; /* bool, const char *, int64_t, struct option_list */
};

enum { THREADS_OF_TARGET = -1 }; /* pass_options.threads until the target is known */

/* What every command takes besides its own options. */
struct invocation {
    struct ir_context *context;
    int count; /* positional arguments */
    const char **words;
    bool derives; /* takes --gradient and --adjoint */
    bool json_diagnostics;
    struct option_list dim_words; /* --dims E=100,N=4 */
    struct frontend_dim_value *dims;
    size_t n_dims;
    struct pass_derivative derivatives[2]; /* --gradient, --adjoint */
    size_t n_derivatives;
    const char *memory_limit, *ram_limit, *flash_limit;
    const char *optimize; /* --optimize=size|speed|flops; NULL: speed */
    const char *scan_chunk;
    const char *target;              /* --target=NAME|FILE; NULL: generic */
    const char *tune;                /* --tune=FILE; NULL: choices are the cost model's */
    int64_t slots;                   /* --slots of schedules on ciphertexts; 0: not given */
    int64_t levels, keys;            /* --levels and --keys; PACKING_ANY: not given */
    const char *cost, *times;        /* --cost, --times */
    struct option_list layout_words; /* --layout x=rowmajor,y=rowmajor */
    struct option_list range_words;  /* --range x=-1:1,gelu=-8:8 */
    const char *within;              /* --within=TOL of functions on ciphertexts */
    const char *threads;             /* --threads=none|openmp|openmp:N; NULL: none */
    bool trace;
    struct compile_options compile;
    struct engine_options engine;
};
/* Sorts `argv` into options and positional words. False after a message on standard error: wrong usage. */
bool options_parse(struct invocation *invocation, int argc, char **argv, const struct option *options, size_t n_options);
bool option_list_add(struct invocation *invocation, struct option_list *list, const char *item);
/* "NAME=VALUE" cut at the first `=`; false when there is none or no name. */
bool option_pair(struct invocation *invocation, const char *word, const char **name, const char **value);
/* Says what was wrong with how the command was called. */
int usage_error(const char *format, ...) BASE_PRINTF(1, 2);
int usage_no_engine(const char *name); /* there is none with this name */

/* ---- command_input.c ---- */

/* The machine that `--target` names, and the choices of `--tune`, for all that is compiled from then on; false after a diagnostic.
 */
bool input_target(struct invocation *invocation);
/* The .ein file as a source of the context, after `input_target`; NULL after a diagnostic. */
const struct source *input_source(struct invocation *invocation, const char *path);
/* The file compiled; NULL after diagnostics. */
struct compiled *input_compile(struct invocation *invocation, const char *path);
/* The source's kernels and the derivatives asked for, not compiled; NULL after diagnostics. */
struct ir_program *input_program(struct invocation *invocation, const char *path);
/* Number of the kernel with this name, or of the only one when `name` is NULL; -1 after a diagnostic. A kernel whose derivative was
 * asked for stands for that. */
int input_kernel(struct invocation *invocation, const struct ir_program *program, const char *name);
/* Prints what was reported, and gives the exit status for it. */
int input_finish(struct invocation *invocation, int status);

/* ---- command_samples.c ---- */
/* One a kernel; NULL after a diagnostic, or without memory. */
const struct backend_sample *samples_make(struct invocation *invocation, const struct compiled *compiled);

/* ---- command_manifest.c ---- */
/* Adds NAME.json; false after a diagnostic, or without memory. */
bool manifest_add(struct invocation *invocation, struct compiled *compiled, const char *basename, struct backend_file **files,
                  size_t *n_files);

/* ---- command_discover_picture.c ---- */
/* A row of matrices as an SVG file; NULL: no memory. */
const char *discover_draw(struct arena *arena, const struct discover_panels *panels);

/* ---- command_explain_picture.c ---- */
/* The slots of inputs and outputs, and the rotations between them, as an SVG file; NULL: no memory. */
const char *explain_draw(struct compiled *compiled, const struct packing_result *packed, int only);

/* ---- command_build.c ---- */

/* The source itself, or a file that is not the `main` one and that einc did not make, is not overwritten: a diagnostic. */
bool command_may_write(struct invocation *invocation, const char *path, bool is_main, const char *source);

/* ---- command_arrays.c ---- */

/* All inputs of a kernel from words NAME=x.npy (scalars also NAME=2.5). Words that name no input, and inputs without a word, are
 * diagnostics. */
struct ir_tensor *arrays_from_words(struct invocation *invocation, const struct ir_kernel *kernel, const char *const *words,
                                    size_t n_words);
/* Seeded random inputs at `dims`: floats in [-1, 1), small integers, bools. */
struct ir_tensor *arrays_random(struct invocation *invocation, const struct ir_kernel *kernel, const int64_t *dims, uint64_t seed);
/* Run-time dims for a random run of the kernel: small sizes that keep each dim's promises and make no extent negative, if such are
 * found. */
int64_t *dims_small(struct invocation *invocation, const struct ir_kernel *kernel);
/* As above but the typical size. */
int64_t *dims_typical(struct invocation *invocation);
/* -1 everywhere: to be bound by arrays. */
int64_t *dims_unbound(struct invocation *invocation);
/* A tensor as text, like NumPy prints it; long ones shortened. */
void array_print(struct text *text, const struct ir_tensor *tensor);

/* ---- command_timing.c ---- */
double timing_now(void); /* seconds from a fixed point */
void timing_sort(double *times, size_t count);
/* A kernel of an engine on arrays of its sizes. */
struct timed {
    const struct engine_info *info;
    struct engine *engine;
    size_t kernel;
    const int64_t *dims;
    const struct ir_tensor *inputs;
    struct ir_tensor *outputs;
};
/* Random inputs and room for outputs at typical sizes, for the kernel as written. */
bool timing_prepare(struct invocation *invocation, const struct ir_kernel *source, struct timed *timed);
/* Seconds a call, over `calls` of them; negative when a call failed. */
double timing_measure(const struct timed *timed, size_t calls);
/* How many calls last so many seconds; 0 when a call failed. */
size_t timing_calls(const struct timed *timed, double seconds);

/* ---- command_caches.c, command_measure.c: the machine einc runs on ---- */
/* Sizes of caches and the number of cores; what the system does not say stays. */
void caches_describe(struct machine *machine);
/* All rates, and ports and latency, at the machine's vector width, which the processor must have. False: no memory. */
bool measure_rates(struct machine *machine);

/* ---- the commands ---- */
#define COMMAND_AS(word, name, derives, synopsis, summary, help)                                                                   \
    int command_##name(struct invocation *invocation, int argc, char **argv);
#include "commands.def"

#endif
