/* What every folder stands on: status codes, the arena, growing arrays and text, checked sizes, source places, diagnostics.
 *
 * Ownership: all memory of one compilation lives in one arena and dies with it; nothing is freed singly. An arena that ran out
 * of memory stays failed: every later allocation gives NULL, every function given NULL gives NULL, and the caller of the
 * outermost function asks `arena_failed` once. Nothing here prints, exits or keeps global state. One compilation belongs to one
 * thread at a time. */
#ifndef IR_BASE_H
#define IR_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define BASE_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#else
#define BASE_PRINTF(format_at, first_at)
#endif

/* ---- status ---- */

enum einc_status {
    EINC_OK = 0,
    EINC_INVALID, /* the input is wrong; a diagnostic says where */
    EINC_NO_MEMORY,
    EINC_LIMIT,        /* a documented limit was reached */
    EINC_IO,           /* a file could not be read or written; a diagnostic says which */
    EINC_CHECK_FAILED, /* two engines disagree beyond the kernel's numeric class */
    EINC_INTERNAL      /* our own mistake */
};

/* ---- arena.c: memory ---- */

struct einc_allocator {
    void *(*allocate)(void *user, size_t size); /* NULL when there is none; aligned for any type */
    void (*release)(void *user, void *memory);
    void *user;
    size_t block_size; /* bytes asked for at a time; what is larger than a quarter of it is asked for alone. 0: 16 KiB, growing */
};

struct arena;

/* `allocator` NULL means malloc and free. NULL when even the arena itself does not fit. */
struct arena *arena_create(const struct einc_allocator *allocator);
void arena_destroy(struct arena *arena);
bool arena_failed(const struct arena *arena);
/* Memory beside it, that its owner needed, was not there. */
void arena_fail(struct arena *arena);
const struct einc_allocator *arena_allocator(const struct arena *arena); /* where its memory comes from, for another arena */

/* `count * size` zeroed bytes; NULL (and failed from then on) when they overflow or do not fit. `count` 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
/* The same bytes again, in the arena. */
void *arena_copy(struct arena *arena, const void *bytes, size_t count, size_t size);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) BASE_PRINTF(2, 3);
/* Makes room for one more item: grows `*items` (holding `count`) when it is full. False when memory ran out. */
bool arena_grow(struct arena *arena, void **items, size_t count, size_t *capacity, size_t item_size);

#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), 1, sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_alloc((arena), (count), sizeof(type)))
/* Appends `value` to `items[0..count)`, both being lvalues; evaluates to false when memory ran out. */
#define ARENA_PUSH(arena, items, count, capacity, value)                                                                           \
    (arena_grow((arena), (void **)&(items), (count), &(capacity), sizeof *(items)) ? ((items)[(count)++] = (value), true) : false)

/* ---- arena.c: text under construction ---- */

struct text {
    struct arena *arena;
    char *data; /* always terminated once anything was put; NULL before, or when memory ran out */
    size_t length, capacity;
};

struct text text_create(struct arena *arena);
void text_put(struct text *text, const char *string);
void text_put_bytes(struct text *text, const char *bytes, size_t length);
void text_printf(struct text *text, const char *format, ...) BASE_PRINTF(2, 3);
void text_vprintf(struct text *text, const char *format, va_list arguments);
/* The finished string, "" when nothing was put, NULL when memory ran out. */
const char *text_finish(struct text *text);

/* ---- checked sizes: false and `*result` untouched on overflow ---- */

static inline bool checked_add(int64_t a, int64_t b, int64_t *result)
{
    int64_t value;
    if (__builtin_add_overflow(a, b, &value))
        return false;
    *result = value;
    return true;
}

static inline bool checked_multiply(int64_t a, int64_t b, int64_t *result)
{
    int64_t value;
    if (__builtin_mul_overflow(a, b, &value))
        return false;
    *result = value;
    return true;
}

/* Rounds down, also for negative numerators; `denominator` > 0. */
static inline int64_t floor_divide(int64_t numerator, int64_t denominator)
{
    int64_t quotient = numerator / denominator;
    return quotient - (numerator % denominator < 0);
}

/* What is left then, in [0, denominator), without the product of both, which may overflow. */
static inline int64_t floor_remainder(int64_t numerator, int64_t denominator)
{
    int64_t remainder = numerator % denominator;
    return remainder < 0 ? remainder + denominator : remainder;
}

/* ---- sort.c ---- */

/* Below, at or above 0 as the first item stands before, with or behind the second. */
typedef int sort_compare(const void *first, const void *second);
/* Sorts in place, without memory of its own. */
void sort_items(void *items, size_t count, size_t size, sort_compare *compare);

/* ---- arena.c: hashing ---- */

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t length);
static inline uint64_t hash_mix(uint64_t hash, uint64_t value)
{
    hash ^= value + UINT64_C(0x9e3779b97f4a7c15) + (hash << 6) + (hash >> 2);
    return hash * UINT64_C(0xbf58476d1ce4e5b9) ^ (hash >> 29);
}

/* Where to begin in a table of a power of two of slots: the low bits of a hash of numbered names, `a1`, `a2`, differ too little. */
static inline size_t hash_slot(uint64_t hash, size_t n_slots)
{
    return (size_t)hash_mix(hash >> 32, hash) & (n_slots - 1);
}

/* ---- diag.c: places and diagnostics ---- */

/* A text the user wrote. Spans name it by its number in `diagnostics.sources`. */
struct source {
    const char *path; /* as shown to the user */
    const char *text; /* `length` bytes and a terminating zero */
    size_t length;
};

/* Bytes [begin, end) of source `source`; begin == end marks a point. SPAN_NONE: no place (a missing file, a command option). */
struct span {
    uint32_t source, begin, end;
};
#define SPAN_NONE ((struct span){UINT32_MAX, 0, 0})

static inline struct span span_join(struct span first, struct span last)
{
    return (struct span){first.source, first.begin, last.end};
}

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

enum diag_code {
#define DIAG(code, title) DIAG_##code,
#include "diag.def"
#undef DIAG
    DIAG_CODE_COUNT
};

struct diag_label {
    struct span span;
    const char *text;
};

/* One mistake of the user: where it is (`primary`), what else to look at (`notes`), and the way out (`help`, may be NULL). */
struct diag {
    enum diag_severity severity;
    enum diag_code code;
    const char *message;       /* names things in backquotes, ends without a full stop */
    struct diag_label primary; /* text NULL: a bare caret line */
    struct diag_label *notes;
    size_t n_notes, notes_capacity;
    const char *help;
};

enum { DIAG_LIMIT = 20 }; /* errors kept; later ones are only counted */

struct diagnostics {
    struct arena *arena;
    const struct source **sources;
    size_t n_sources, sources_capacity;
    struct diag **items;
    size_t n_items, items_capacity;
    size_t n_errors, n_warnings, n_dropped;
};

/* Number of the added source, for spans. The text must live as long as the arena. */
uint32_t diag_add_source(struct diagnostics *diagnostics, const struct source *source);

/* Adds one diagnostic and returns it for labels; NULL (accepted below) when it was dropped or memory ran out.
 * Exact repeats at one place are dropped, so that a caller need not know what was said already. */
struct diag *diag_error(struct diagnostics *diagnostics, enum diag_code code, struct span span, const char *format, ...)
    BASE_PRINTF(4, 5);
struct diag *diag_warning(struct diagnostics *diagnostics, enum diag_code code, struct span span, const char *format, ...)
    BASE_PRINTF(4, 5);
/* The words under the caret of the primary place. */
void diag_label(struct diagnostics *diagnostics, struct diag *diag, const char *format, ...) BASE_PRINTF(3, 4);
/* Another place and what is there. */
void diag_note(struct diagnostics *diagnostics, struct diag *diag, struct span span, const char *format, ...) BASE_PRINTF(4, 5);
/* The fix: "declare x as f32[32, 128], or ...". */
void diag_help(struct diagnostics *diagnostics, struct diag *diag, const char *format, ...) BASE_PRINTF(3, 4);

/* Forgets what was said since the copy was made: of something that was only tried. */
void diag_take_back(struct diagnostics *diagnostics, const struct diagnostics *copy);

const char *diag_code_name(enum diag_code code);  /* "E0203"; warnings "W0101" */
const char *diag_code_title(enum diag_code code); /* its row in diag.def */
/* Are there errors, and says each of them that a limit was hit (docs/limits.md)? The input may be right then. */
bool diag_only_limits(const struct diagnostics *diagnostics);

/* All diagnostics in the form of docs/diagnostics.md, then one summary line ("2 errors") when there was an error. */
void diag_print(struct text *text, const struct diagnostics *diagnostics, bool color);
/* Bytes of the character at `at` if it can be shown as it is; 0 for control characters, those that change the direction of text,
 * and what is no UTF-8. At least one byte is left. */
size_t diag_shown_length(const char *at, size_t left);
/* Line and column from 1 (column in code points), for printers of other forms. False for SPAN_NONE. */
bool diag_locate(const struct diagnostics *diagnostics, struct span span, const char **path, uint32_t *line, uint32_t *column);

#endif
