/* Names of printed source: those of the source where they are free.
 *
 * Nothing shadows in the language, so a name is taken from where it is made to the end of its kernel; those of indices and of a
 * scan's index for their statement alone. */
#include "ein.h"

#include <ctype.h>
#include <string.h>

static bool is_reserved(const char *name)
{
    static const char *const words[] = {
        "dim",
        "const",
        "operator",
        "kernel",
        "let",
        "stored",
        "scan",
        "from",
        "file",
        "within",
        "exact",
        "reassoc",
        "normwise",
        "spectral",
        "ring",
        "where",
        "pad",
        "sum",
        "prod",
        "min",
        "max",
        "any",
        "all",
        "and",
        "or",
        "not",
        "div",
        "mod",
        "pi",
        "einsum",
        "true",
        "false",
        "inf",
        "nan",
        "strides",
        "symmetric",
        "spd",
        "centrosymmetric",
        "skew_centrosymmetric",
#define FUNCTION(name, domains, c, real, complex, slope, derivative, meaning) #name,
#include "ir/functions.def"
        "abs",
        "conj",
        "real",
        "imag",
        "q7",
        "q15",
    };
    enum ir_elem elem;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (!strcmp(words[k], name))
            return true;
    return ir_elem_from_name(name, strlen(name), &elem);
}

static bool is_taken(const struct ein_writer *w, const char *name)
{
    return is_reserved(name) || c_name_taken(&w->names, name);
}

const char *ein_new_name(struct ein_writer *w, const char *wanted)
{
    char *base = arena_strndup(w->arena, wanted, strlen(wanted));
    for (char *at = base; at && *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '_')
            *at = '_';
    const char *name = base && !isdigit((unsigned char)base[0]) ? base : arena_printf(w->arena, "v%s", base ? base : "");
    const char *first = name;
    for (unsigned number = 2; name && is_taken(w, name); number++)
        name = arena_printf(w->arena, "%s_%u", first, number);
    return name && ARENA_PUSH(w->arena, w->names.items, w->names.count, w->names.capacity, name) ? name : NULL;
}

static struct ein_named *find(const struct ein_writer *w, const struct ir_node *node, size_t n_named)
{
    while (n_named-- > 0)
        if (w->named[n_named].node == node)
            return &w->named[n_named];
    return NULL;
}

static const char *find_name(const struct ein_writer *w, const struct ir_node *node, size_t n_named)
{
    const struct ein_named *named = find(w, node, n_named);
    return named ? named->name : NULL;
}

bool ein_begins(struct ein_writer *w, const struct ir_node *node)
{
    struct ein_named *named = find(w, node, w->n_named);
    bool begins = !named || !named->begun;
    if (named)
        named->begun = true;
    return begins;
}

bool ein_is_named(const struct ein_writer *w, const struct ir_node *node)
{
    return find_name(w, node, w->n_named) != NULL;
}

const char *ein_node_name(const struct ein_writer *w, const struct ir_node *node)
{
    const char *name = find_name(w, node, w->n_named);
    return name ? name : "unknown_value";
}

const char *ein_outside_name(const struct ein_writer *w, const struct ir_node *node)
{
    const char *name = find_name(w, node, w->step ? w->step->n_outside : w->n_named);
    return name ? name : "unknown_value";
}

void ein_name_node(struct ein_writer *w, const struct ir_node *node, const char *wanted)
{
    struct ein_named named = {node, ein_new_name(w, wanted), false};
    if (named.name)
        ARENA_PUSH(w->arena, w->named, w->n_named, w->named_capacity, named);
}

/* Letters of the source where nothing else bears them. */
void ein_name_indices(struct ein_writer *w, const struct ir_node *node)
{
    static const char *const letters[] = {"i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"};
    const struct ir_name *known = ir_find_name(w->kernel, node);
    size_t names = w->names.count, letter = 0;
    w->indices = ARENA_ARRAY(w->arena, node->n_indices + 1, const char *);
    for (uint32_t k = 0; w->indices && k < node->n_indices; k++) {
        const char *wanted = known && known->index_names ? known->index_names[k] : NULL;
        while (!wanted && letter < sizeof letters / sizeof *letters) {
            const char *candidate = letters[letter++];
            wanted = is_taken(w, candidate) ? NULL : candidate;
        }
        w->indices[k] = ein_new_name(w, wanted ? wanted : "index");
    }
    if (w->indices)
        w->indices[node->n_indices] = w->step ? w->step->index : NULL;
    w->names.count = names; /* indices live for one statement */
}
