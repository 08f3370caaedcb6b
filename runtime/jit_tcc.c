/* C text to code in memory, by libtcc. The only file that includes libtcc.h.
 *
 * Nothing is read from a file or written to one, nothing is printed: libtcc gets one text that stands alone, and what the text
 * calls stands in a table below. Memory is written first and executed then, never both: code and its constants are placed in a
 * mapping of our own, which then loses the right to be written. Emitted C has no static data that is written.
 *
 * Symbols of libtcc.a that begin with jit_tcc_ are the system's under another name (cmake/EincTcc.cmake): tcc_relocate makes pages
 * writable and executable by mprotect, asks dlsym for what no table has, and libtcc has references to the standard streams that no
 * shared library can hold. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, which POSIX has since 2024 */
#include "runtime.h"

#include <libtcc.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define INSIDE __attribute__((visibility("hidden")))

/* libtcc's compiler is global: the state of its parser, its stack of values and the function it writes are variables of the file
 * scope, whichever TCCState is compiled. So one text is compiled at a time in a process. Code that is done needs no lock. */
static pthread_mutex_t compiler_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- the system, for libtcc ---- */

INSIDE int jit_tcc_mprotect(void *address, size_t length, int protection);
INSIDE void *jit_tcc_dlsym(void *handle, const char *name);
extern INSIDE FILE *const jit_tcc_stdout, *const jit_tcc_stderr;
extern INSIDE char **const jit_tcc_environ;

/* The mapping gets its rights when all of it is written. */
int jit_tcc_mprotect(void *address, size_t length, int protection)
{
    (void)address;
    (void)length;
    (void)protection;
    return 0;
}

void *jit_tcc_dlsym(void *handle, const char *name)
{
    (void)handle;
    (void)name;
    return NULL;
}

/* Messages go to a function, and no program is run. */
FILE *const jit_tcc_stdout = NULL, *const jit_tcc_stderr = NULL;
char **const jit_tcc_environ = NULL;

/* ---- what kernels call ---- */

/* Conversions that x86-64 has no instruction for and that compilers keep in their library: libtcc's is a file we do not ask for. */
static uint64_t u64_from_f64(double x)
{
    return (uint64_t)x;
}

static uint64_t u64_from_f32(float x)
{
    return (uint64_t)x;
}

static double f64_from_u64(uint64_t x)
{
    return (double)x;
}

static float f32_from_u64(uint64_t x)
{
    return (float)x;
}

typedef void function(void);
#define SYMBOL(name)                                                                                                               \
    {                                                                                                                              \
#name, (function *)name                                                                                                    \
    }
#define BOTH(name) SYMBOL(name), SYMBOL(name##f)
static const struct symbol {
    const char *name;
    function *address;
} symbols[] = {
    BOTH(exp),
    BOTH(log),
    BOTH(sqrt),
    BOTH(tanh),
    BOTH(erf),
    BOTH(sin),
    BOTH(cos),
    BOTH(fabs),
    BOTH(floor),
    BOTH(hypot),
    BOTH(atan2),
    BOTH(fma),
    SYMBOL(memcpy),
    SYMBOL(memmove), /* how structs are assigned */
    SYMBOL(memset),  /* how initializers fill */
    {"__fixunsdfdi", (function *)u64_from_f64},
    {"__fixunssfdi", (function *)u64_from_f32},
    {"__floatundidf", (function *)f64_from_u64},
    {"__floatundisf", (function *)f32_from_u64},
};

/* ---- compiling ---- */

static void keep_first_message(void *user, const char *message)
{
    struct text *said = user;
    if (said->length == 0)
        text_put(said, message);
}

static bool add_symbols(TCCState *tcc)
{
    bool good = true;
    for (size_t k = 0; k < sizeof symbols / sizeof *symbols; k++) {
        void *address;
        memcpy(&address, &symbols[k].address, sizeof address); /* C has no cast from a function to an object */
        good = good && tcc_add_symbol(tcc, symbols[k].name, address) == 0;
    }
    return good;
}

/* Into a mapping of our own, which is executable afterwards. */
static bool place(TCCState *tcc, struct jit_tcc *code)
{
    int bytes = tcc_relocate(tcc, NULL);
    if (bytes <= 0)
        return false;
    void *memory = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    code->memory = memory;
    code->bytes = (size_t)bytes;
    if (tcc_relocate(tcc, memory) != 0 || mprotect(memory, code->bytes, PROT_READ | PROT_EXEC) != 0)
        return false;
    __builtin___clear_cache(memory, (char *)memory + bytes);
    return true;
}

static bool compile(TCCState *tcc, const char *text, struct text *said, struct jit_tcc *code)
{
    tcc_set_error_func(tcc, said, keep_first_message);
    tcc_set_options(tcc, "-nostdlib -nostdinc -w");
    return tcc_set_output_type(tcc, TCC_OUTPUT_MEMORY) == 0 && add_symbols(tcc) && tcc_compile_string(tcc, text) == 0 &&
           place(tcc, code);
}

struct listing {
    struct arena *arena;
    struct jit_tcc *code;
};

static void keep_symbol(void *user, const char *name, const void *address)
{
    const struct listing *listing = user;
    struct jit_tcc *code = listing->code;
    struct jit_tcc_symbol symbol = {arena_strndup(listing->arena, name, strlen(name)), (void *)(uintptr_t)address};
    ARENA_PUSH(listing->arena, code->symbols, code->n_symbols, code->capacity, symbol);
}

bool jit_tcc_compile(struct ir_context *context, const char *text, struct jit_tcc *code)
{
    struct text said = text_create(ir_arena(context));
    struct listing listing = {ir_arena(context), code};
    *code = (struct jit_tcc){0};
    pthread_mutex_lock(&compiler_lock);
    TCCState *tcc = tcc_new();
    bool good = tcc && compile(tcc, text, &said, code);
    if (good)
        tcc_list_symbols(tcc, &listing, keep_symbol);
    if (tcc)
        tcc_delete(tcc);
    pthread_mutex_unlock(&compiler_lock);
    if (good && !arena_failed(listing.arena))
        return true;
    jit_tcc_release(code);
    const char *message = text_finish(&said);
    if (!good)
        diag_error(ir_diagnostics(context), DIAG_E0802, SPAN_NONE, "the compiler libtcc failed: %s",
                   message && *message ? message : "it gives no reason, or there is no memory for code");
    return false;
}

bool jit_tcc_find(void *code, struct ir_context *context, const char *name, void **address)
{
    const struct jit_tcc *in = code;
    for (size_t k = 0; k < in->n_symbols; k++)
        if (strcmp(in->symbols[k].name, name) == 0) {
            *address = in->symbols[k].address;
            return true;
        }
    diag_error(ir_diagnostics(context), DIAG_E0802, SPAN_NONE, "the compiled code lacks `%s`", name);
    return false;
}

void jit_tcc_release(struct jit_tcc *code)
{
    if (code->memory)
        munmap(code->memory, code->bytes);
    *code = (struct jit_tcc){0};
}
