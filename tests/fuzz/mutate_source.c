/* Mutations of .ein sources by words and lines, beside libFuzzer's own by bytes: most byte changes only reach the lexer, these
 * give programs that nearly are one.
 *
 * A quarter of all mutations are libFuzzer's. The others replace words by ones of their kind, or take, drop, exchange words and
 * lines of the source itself, so that what is put in was declared somewhere; crossing takes whole lines of another source.
 * Deterministic in the seed. */
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t n_first, const uint8_t *second, size_t n_second, uint8_t *out,
                                 size_t capacity, unsigned seed);

void forget_refused(void);

enum { LONGEST = 1 << 14 };

/* Part of a source: a word (letters and digits, or a single mark) or a line. */
struct piece {
    size_t begin, end;
};

static uint32_t draw(uint32_t *state, size_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return below ? *state % (uint32_t)below : 0;
}

static bool in_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

static struct piece word_at(const uint8_t *data, size_t size, size_t at)
{
    struct piece piece = {at, at + 1};
    if (!in_word(data[at]))
        return piece;
    while (piece.begin > 0 && in_word(data[piece.begin - 1]))
        piece.begin--;
    while (piece.end < size && in_word(data[piece.end]))
        piece.end++;
    return piece;
}

static struct piece line_at(const uint8_t *data, size_t size, size_t at)
{
    struct piece piece = {at, at};
    while (piece.begin > 0 && data[piece.begin - 1] != '\n')
        piece.begin--;
    while (piece.end < size && data[piece.end] != '\n')
        piece.end++;
    piece.end += piece.end < size;
    return piece;
}

/* `data` with `piece` replaced by bytes of another place; the old size when that does not fit. */
static size_t replace(uint8_t *data, size_t size, size_t capacity, struct piece piece, const uint8_t *bytes, size_t length)
{
    size_t removed = piece.end - piece.begin;
    if (size - removed + length > capacity)
        return size;
    memmove(data + piece.begin + length, data + piece.end, size - piece.end);
    memcpy(data + piece.begin, bytes, length);
    return size - removed + length;
}

static size_t exchange(uint8_t *data, size_t size, struct piece a, struct piece b)
{
    uint8_t kept[LONGEST];
    if (a.begin > b.begin) {
        struct piece other = a;
        a = b;
        b = other;
    }
    if (a.end > b.begin)
        return size;
    memcpy(kept, data + a.begin, b.end - a.begin);
    size_t n_a = a.end - a.begin, n_b = b.end - b.begin, between = b.begin - a.end;
    memcpy(data + a.begin, kept + (b.begin - a.begin), n_b);
    memcpy(data + a.begin + n_b, kept + n_a, between);
    memcpy(data + a.begin + n_b + between, kept, n_a);
    return size;
}

/* Words that may stand for each other in most places. */
static const char *const classes[][16] = {
    {"+", "-", "*", "/", "@", "div", "mod", "==", "<", ">=", "and", "or", NULL},
    {"0", "1", "2", "3", "4", "7", "8", "16", "1.5", "2i", "0.0", "100", "9223372036854775807", NULL},
    {"f32", "f64", "c64", "c128", "i8", "i32", "i64", "u8", "u64", "bool", NULL},
    {"exp", "log", "sqrt", "tanh", "sin", "relu", "gelu", "sigmoid", "abs", "conj", "real", "imag", NULL},
    {"sum", "prod", "max", "min", "any", "all", NULL},
    {"minplus", "maxplus", "plustimes", "orand", NULL},
    {"exact", "reassoc", "normwise", NULL},
    {"identity", "reversal", "dft", "idft", "dct1", "dct2", "dct3", "dct4", "dst1", "dst2", "dst3", "dst4", "dht", "hadamard",
     NULL},
    {"diag", "toeplitz", "hankel", "circulant", "householder", NULL},
    {"blockdiag", "monarch", "blast", "phm", NULL},
    {"ks", "butterfly", "btt", NULL},
    {"kron", "lowrank", "cauchy", "banded", "stride_perm", "digit_reversal", "transpose", "adjoint", NULL},
};
enum { CLASSES = sizeof classes / sizeof *classes };

/* A word of the same class; NULL: it has none. */
static const char *sibling(const uint8_t *word, size_t length, uint32_t *state)
{
    for (size_t k = 0; k < CLASSES; k++) {
        size_t count = 0;
        bool found = k == 1 && word[0] >= '0' && word[0] <= '9';
        for (; classes[k][count]; count++)
            found = found || (strlen(classes[k][count]) == length && !memcmp(classes[k][count], word, length));
        if (found)
            return classes[k][draw(state, count)];
    }
    return NULL;
}

/* The first word from a random place on that has siblings gives way to one. */
static size_t replace_by_sibling(uint8_t *data, size_t size, size_t capacity, uint32_t *state)
{
    size_t start = draw(state, size);
    for (size_t k = 0; k < size; k++) {
        struct piece piece = word_at(data, size, (start + k) % size);
        const char *word = sibling(data + piece.begin, piece.end - piece.begin, state);
        if (word)
            return replace(data, size, capacity, piece, (const uint8_t *)word, strlen(word));
    }
    return size;
}

static size_t mutate(uint8_t *data, size_t size, size_t capacity, uint32_t *state)
{
    uint8_t copy[LONGEST];
    if (draw(state, 2))
        return replace_by_sibling(data, size, capacity, state);
    bool lines = draw(state, 3) == 0;
    struct piece (*piece_at)(const uint8_t *, size_t, size_t) = lines ? line_at : word_at;
    struct piece here = piece_at(data, size, draw(state, size)), there = piece_at(data, size, draw(state, size));
    size_t length = there.end - there.begin;
    memcpy(copy, data + there.begin, length);
    switch (draw(state, 4)) {
    case 0: /* another piece in its place */
        return replace(data, size, capacity, here, copy, length);
    case 1: /* another piece before it */
        here.end = here.begin;
        return replace(data, size, capacity, here, copy, length);
    case 2:
        return replace(data, size, capacity, here, copy, 0);
    default:
        return exchange(data, size, here, there);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    uint32_t state = (seed * 2654435761u) | 1;
    if (size == 0 || size > LONGEST || draw(&state, 4) == 0)
        return LLVMFuzzerMutate(data, size, capacity);
    for (size_t rounds = 1 + draw(&state, 2); rounds > 0 && size > 0 && size <= LONGEST; rounds--)
        size = mutate(data, size, capacity, &state);
    return size ? size : LLVMFuzzerMutate(data, size, capacity);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t n_first, const uint8_t *second, size_t n_second, uint8_t *out,
                                 size_t capacity, unsigned seed)
{
    uint32_t state = (seed * 2654435761u) | 1;
    if (n_first == 0 || n_second == 0 || n_first > capacity)
        return 0;
    memcpy(out, first, n_first);
    struct piece from = line_at(second, n_second, draw(&state, n_second));
    struct piece last = line_at(second, n_second, from.begin + draw(&state, n_second - from.begin));
    struct piece to = line_at(out, n_first, draw(&state, n_first));
    if (draw(&state, 2))
        to.end = to.begin;
    return replace(out, n_first, capacity, to, second + from.begin, last.end - from.begin);
}

extern uint8_t counters_begin[] __asm__("__start___sancov_cntrs") __attribute__((visibility("hidden")));
extern uint8_t counters_end[] __asm__("__stop___sancov_cntrs") __attribute__((visibility("hidden")));

/* With EINC_FUZZ_ACCEPTED in the environment only accepted sources enter the corpus: refused ones leave no trace in the counters of
 * coverage. Else the many ways to be wrong crowd out the few to be right. */
void forget_refused(void)
{
    static int accepted_only = -1;
    if (accepted_only < 0)
        accepted_only = getenv("EINC_FUZZ_ACCEPTED") != NULL;
    if (accepted_only)
        memset(counters_begin, 0, (size_t)(counters_end - counters_begin));
}
