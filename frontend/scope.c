/* Scopes: the one name space of a file, and under it that of a kernel. Nothing shadows, and names of the language's own functions
 * and operator constructors are not redefined. */
#include <string.h>
#include "resolve.h"

static const char *const functions[] = {
#define FUNCTION(name, domains, c, real, complex, slope, derivative, meaning) #name,
#include "ir/functions.def"
    "abs", "hypot", "atan2", "min", "max", "conj", "real", "imag", "where"};

static const char *const constructors[] = {
    "identity", "diag",     "perm",          "reversal",    "stride_perm", "digit_reversal", "kron",      "blockdiag",
    "lowrank",  "toeplitz", "hankel",        "circulant",   "cauchy",      "vandermonde",    "dft",       "idft",
    "rdft",     "irdft",    "dct1",          "dct2",        "dct3",        "dct4",           "dst1",      "dst2",
    "dst3",     "dst4",     "dht",           "hadamard",    "ks",          "butterfly",      "monarch",   "btt",
    "blast",    "phm",      "semiseparable", "householder", "banded",      "sparse",         "transpose", "adjoint",
    "inv",      "dsum"};

static bool is_listed(const char *const *list, size_t n, const char *name)
{
    for (size_t k = 0; k < n; k++)
        if (strcmp(list[k], name) == 0)
            return true;
    return false;
}

bool is_function_name(const char *name)
{
    return is_listed(functions, sizeof functions / sizeof *functions, name);
}

bool is_constructor_name(const char *name)
{
    return is_listed(constructors, sizeof constructors / sizeof *constructors, name);
}

const char *symbol_kind_name(enum symbol_kind kind)
{
    static const char *const names[] = {"dim", "constant", "operator", "kernel", "tensor"};
    return names[kind];
}

const char *symbol_kind_article(enum symbol_kind kind)
{
    return kind == SYMBOL_OPERATOR ? "an" : "a";
}

struct scope *scope_create(struct resolver *resolver, const struct scope *parent)
{
    struct scope *scope = ARENA_NEW(ir_arena(resolver->context), struct scope);
    if (scope)
        scope->parent = parent;
    return scope;
}

/* The slot of `name`, or the free one where it belongs; there is always a free one. */
static uint32_t *find_slot(const struct scope *scope, const char *name)
{
    size_t at = hash_slot(hash_bytes(0, name, strlen(name)), scope->n_slots);
    while (scope->slots[at] && strcmp(scope->symbols[scope->slots[at] - 1]->name, name) != 0)
        at = (at + 1) & (scope->n_slots - 1);
    return &scope->slots[at];
}

struct symbol *scope_find(const struct scope *scope, const char *name)
{
    for (; scope && name; scope = scope->parent) {
        if (scope->n_slots == 0)
            continue;
        uint32_t position = *find_slot(scope, name);
        if (position)
            return scope->symbols[position - 1];
    }
    return NULL;
}

/* Doubles the table while more than half of it would be used. */
static bool make_room(struct arena *arena, struct scope *scope)
{
    if (2 * (scope->n_symbols + 1) <= scope->n_slots)
        return true;
    size_t n = scope->n_slots ? 2 * scope->n_slots : 16;
    uint32_t *slots = ARENA_ARRAY(arena, n, uint32_t);
    if (!slots)
        return false;
    scope->slots = slots;
    scope->n_slots = n;
    for (size_t k = 0; k < scope->n_symbols; k++)
        *find_slot(scope, scope->symbols[k]->name) = (uint32_t)k + 1;
    return true;
}

static struct diag *refuse_name(struct resolver *resolver, const struct ast_name *name, const struct symbol *other)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct diag *diag;
    if (other) {
        diag = diag_error(diagnostics, DIAG_E0101, name->span, "`%s` is declared already", name->text);
        diag_note(diagnostics, diag, other->span, "%s `%s` here", symbol_kind_name(other->kind), name->text);
        diag_help(diagnostics, diag, "dims, constants, operators, kernels and tensors share one name space; choose another name");
    } else {
        diag = diag_error(diagnostics, DIAG_E0102, name->span, "`%s` is a%s of the language", name->text,
                          is_function_name(name->text) ? " function" : "n operator constructor");
        diag_help(diagnostics, diag, "choose another name");
    }
    return diag;
}

struct symbol *scope_add(struct resolver *resolver, struct scope *scope, enum symbol_kind kind, const struct ast_name *name)
{
    struct arena *arena = ir_arena(resolver->context);
    if (!scope || !name->text)
        return NULL;
    const struct symbol *other = scope_find(scope, name->text);
    if (other) {
        refuse_name(resolver, name, other);
        return NULL;
    }
    bool refused = is_function_name(name->text) || is_constructor_name(name->text);
    if (refused)
        refuse_name(resolver, name, NULL);
    struct symbol *symbol = ARENA_NEW(arena, struct symbol);
    if (!symbol || !make_room(arena, scope))
        return NULL;
    symbol->kind = kind;
    symbol->name = name->text;
    symbol->span = name->span;
    uint32_t *slot = find_slot(scope, name->text);
    if (!ARENA_PUSH(arena, scope->symbols, scope->n_symbols, scope->symbols_capacity, symbol))
        return NULL;
    *slot = (uint32_t)scope->n_symbols;
    symbol->failed = refused;
    return refused ? NULL : symbol;
}

/* Damerau-Levenshtein distance is more than a typo hint needs: plain edit distance of short names, 3 and above counts as far. */
static size_t edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 32, FAR = 3 };
    size_t n = strlen(a), m = strlen(b), row[LONGEST + 1];
    if (n > LONGEST || m > LONGEST)
        return FAR;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
        }
    }
    return row[m] < FAR ? row[m] : FAR;
}

const char *scope_suggest(const struct scope *scope, const char *name)
{
    const char *best = NULL;
    size_t least = strlen(name) > 3 ? 3 : strlen(name) > 1 ? 2 : 1;
    for (; scope; scope = scope->parent)
        for (size_t k = 0; k < scope->n_symbols; k++) {
            size_t distance = edit_distance(name, scope->symbols[k]->name);
            if (distance < least) {
                least = distance;
                best = scope->symbols[k]->name;
            }
        }
    return best;
}
