/* Text of a poly, in .ein and .eir syntax or in C.
 *
 * First the poly is rewritten for the reader: a - b * floor(a / b) becomes a mod (poly_fold.c). Then each term becomes an item; in
 * C terms that share a constant or dims are grouped, `(i * 16 + j) * 8 + k`. Items with a plus come first. Source text reads back
 * to the same poly. C text is right in unsigned arithmetic modulo 2^64 wherever the value itself is not negative. */
#include <inttypes.h>

#include "poly_fold.h"
#include "poly_internal.h"

struct printer {
    struct ir_context *context;
    enum poly_style style;
    const struct poly_names *names;
};

/* One summand, without its sign. */
struct item {
    const char *text;
    bool negative, product; /* product: more than a name or number */
    bool quotient;          /* a division that a minus in front would be taken into */
};
struct items {
    struct item *data;
    size_t count, capacity;
};

enum binding { BIND_NOTHING, BIND_SUM, BIND_PRODUCT };

static const char *print(const struct printer *printer, const struct poly *a, int binding);

static bool in_c(const struct printer *printer)
{
    return printer->style == POLY_C;
}

static const char *star(const struct printer *printer)
{
    return in_c(printer) ? " * " : "*";
}

/* ---- factors ---- */

static bool takes_extent(const struct printer *printer, const struct poly_atom *lookup, uint32_t axis)
{
    const struct poly_names *names = printer->names;
    uint32_t index;
    return names->extent && poly_is_index(lookup->arguments[axis], &index) &&
           names->extent(names->user, index) != lookup->table->shape[axis];
}

static const char *table_text(const struct printer *printer, const struct poly_atom *atom)
{
    struct text text = text_create(printer->context->arena);
    const char *name = printer->names->table(printer->names->user, atom->table);
    bool cast = printer->style == POLY_VALUE && atom->table->elem != IR_i64;
    struct printer subscripts = *printer;
    subscripts.style = in_c(printer) ? POLY_C : POLY_SOURCE;
    text_printf(&text, "%s%s%s", cast ? "i64(" : "", name, in_c(printer) || atom->n_arguments ? "[" : "");
    if (in_c(printer)) {
        const struct poly *offset = ir_linear_offset(printer->context, atom->table, atom->arguments);
        text_put(&text, offset ? print(printer, offset, BIND_NOTHING) : "");
    } else {
        for (uint32_t k = 0; k < atom->n_arguments; k++)
            text_printf(&text, "%s%s%s", k == 0 ? "" : ",", print(&subscripts, atom->arguments[k], BIND_NOTHING),
                        takes_extent(printer, atom, k) ? " + 0" : "");
    }
    text_printf(&text, "%s%s", in_c(printer) || atom->n_arguments ? "]" : "", cast ? ")" : "");
    return text_finish(&text);
}

static const char *quotient_text(const struct printer *printer, const struct poly_atom *atom)
{
    const char *sign = atom->kind == POLY_FLOOR ? (in_c(printer) ? "/" : "div") : (in_c(printer) ? "%" : "mod");
    return arena_printf(printer->context->arena, "%s %s %s", print(printer, atom->numerator, BIND_SUM), sign,
                        print(printer, atom->denominator, BIND_PRODUCT));
}

/* `alone`: nothing is multiplied with it. */
static const char *atom_text(const struct printer *printer, const struct poly_atom *atom, bool alone)
{
    if (atom->kind == POLY_DIM)
        return ir_dim_at(printer->context, atom->symbol)->name;
    if (atom->kind == POLY_INDEX)
        return printer->names->index(printer->names->user, atom->symbol);
    if (atom->kind == POLY_TABLE)
        return table_text(printer, atom);
    const char *text = quotient_text(printer, atom);
    return alone ? text : arena_printf(printer->context->arena, "(%s)", text);
}

static void put_factor(struct text *text, const struct printer *printer, const char *factor)
{
    if (text->length > 0)
        text_put(text, star(printer));
    text_put(text, factor);
}

/* The dims of a term with a fraction for coefficient, over its denominator: their product is a multiple of it. */
static void put_fraction(struct text *text, const struct printer *printer, const struct poly_term *term, bool alone)
{
    struct text inner = text_create(printer->context->arena);
    for (uint32_t f = 0; f < term->n_factors; f++)
        if (term->factors[f]->kind == POLY_DIM)
            put_factor(&inner, printer, atom_text(printer, term->factors[f], false));
    const char *dims = text_finish(&inner);
    put_factor(text, printer,
               arena_printf(printer->context->arena, "%s%s %s %" PRId64 "%s", alone ? "" : "(", dims ? dims : "",
                            in_c(printer) ? "/" : "div", term->denominator, alone ? "" : ")"));
}

/* In C a factor of 4 and more reads as a stride and stands behind, `i * 8`; less as in `2 * h`. */
enum { LEAST_STRIDE = 4 };

static struct item term_item(const struct printer *printer, const struct poly_term *term)
{
    int64_t magnitude = term->numerator < 0 ? -term->numerator : term->numerator;
    struct item item = {.negative = term->numerator < 0};
    struct text text = text_create(printer->context->arena);
    bool behind = in_c(printer) && magnitude >= LEAST_STRIDE && term->n_factors > 0;
    bool alone = magnitude == 1 && term->n_factors == 1 && term->denominator == 1;
    bool fraction_alone = magnitude == 1 && term->denominator != 1;
    if (!behind && (magnitude != 1 || term->n_factors == 0))
        text_printf(&text, "%" PRId64, magnitude);
    for (uint32_t f = 0; f < term->n_factors; f++) {
        bool in_fraction = term->denominator != 1 && term->factors[f]->kind == POLY_DIM;
        fraction_alone = fraction_alone && in_fraction;
        if (!in_fraction)
            put_factor(&text, printer, atom_text(printer, term->factors[f], alone));
    }
    if (term->denominator != 1)
        put_fraction(&text, printer, term, fraction_alone);
    if (behind)
        text_printf(&text, "%s%" PRId64, star(printer), magnitude);
    item.text = text_finish(&text);
    item.product = term->n_factors > 1 || (term->n_factors == 1 && magnitude != 1) || term->denominator != 1 ||
                   (term->n_factors == 1 && (term->factors[0]->kind == POLY_FLOOR || term->factors[0]->kind == (int)POLY_MOD));
    item.quotient = fraction_alone || (alone && item.product);
    return item;
}

/* ---- grouping by strides, in C ---- */

static bool is_stride_atom(const struct poly_atom *atom)
{
    return atom->kind == POLY_DIM || (atom->kind == POLY_FLOOR && poly_index_limit(atom->numerator) == 0);
}

/* What a term could share with others: its coefficient's magnitude and the atoms without indices. */
static bool stride_of(const struct printer *printer, const struct poly_term *term, struct poly_term *stride)
{
    const struct poly_atom **factors = ARENA_ARRAY(printer->context->arena, term->n_factors, const struct poly_atom *);
    uint32_t kept = 0;
    if (!factors || term->denominator != 1)
        return false;
    for (uint32_t f = 0; f < term->n_factors; f++)
        if (is_stride_atom(term->factors[f]))
            factors[kept++] = term->factors[f];
    int64_t magnitude = term->numerator < 0 ? -term->numerator : term->numerator;
    *stride = (struct poly_term){.numerator = magnitude, .denominator = 1, .n_factors = kept, .factors = factors};
    return kept < term->n_factors && (magnitude != 1 || kept > 0);
}

/* term / stride with whole numbers on both sides. */
static bool divide_plainly(const struct printer *printer, const struct poly_term *term, const struct poly_term *stride,
                           struct poly_term *quotient)
{
    return term->denominator == 1 && term->numerator % stride->numerator == 0 && term->n_factors > stride->n_factors &&
           poly_divide_term(printer->context, term, stride, quotient) && quotient->denominator == 1;
}

static uint32_t count_multiples(const struct printer *printer, const struct poly *a, const struct poly_term *stride)
{
    struct poly_term quotient;
    uint32_t count = 0;
    for (uint32_t k = 0; k < a->n_terms; k++)
        count += divide_plainly(printer, &a->terms[k], stride, &quotient);
    return count;
}

/* The stride that most terms share; of those the largest. False when no two terms share one. */
static bool best_stride(const struct printer *printer, const struct poly *a, struct poly_term *best)
{
    uint32_t most = 1;
    for (uint32_t k = 0; k < a->n_terms; k++) {
        struct poly_term stride;
        if (!stride_of(printer, &a->terms[k], &stride))
            continue;
        uint32_t count = count_multiples(printer, a, &stride);
        bool larger =
            most > 1 && count == most &&
            (stride.n_factors > best->n_factors || (stride.n_factors == best->n_factors && stride.numerator > best->numerator));
        if (count > most || larger) {
            *best = stride;
            most = count;
        }
    }
    return most > 1;
}

/* a = stride * group + rest; the constant goes with the group as far as it can. */
static bool take_group(const struct printer *printer, const struct poly *a, const struct poly_term *stride,
                       const struct poly **group, const struct poly **rest)
{
    struct ir_context *context = printer->context;
    struct poly_term *multiples = ARENA_ARRAY(context->arena, a->n_terms, struct poly_term);
    size_t n = 0;
    bool positive = false;
    if (!multiples)
        return false;
    for (uint32_t k = 0; k < a->n_terms; k++) {
        const struct poly_term *term = &a->terms[k];
        if (divide_plainly(printer, term, stride, &multiples[n])) {
            positive = positive || multiples[n].numerator > 0;
            n++;
        } else if (term->n_factors == 0 && stride->n_factors == 0 && term->numerator / stride->numerator != 0) {
            multiples[n] = *term;
            multiples[n++].numerator = term->numerator / stride->numerator;
        } else if (stride->n_factors > 0 && term->n_factors == stride->n_factors &&
                   poly_divide_term(context, term, stride, &multiples[n]) && multiples[n].denominator == 1) {
            n++; /* a multiple of the stride itself: a constant of the group */
        }
    }
    *group = poly_from_terms(context, n, multiples);
    *rest = poly_subtract(context, a, poly_multiply(context, *group, poly_of_term(context, stride)));
    return positive && *group && *rest;
}

/* ---- sums ---- */

static void add_items(const struct printer *printer, struct items *items, const struct poly *a)
{
    struct arena *arena = printer->context->arena;
    struct poly_term stride;
    const struct poly *group, *rest;
    if (in_c(printer) && best_stride(printer, a, &stride) && take_group(printer, a, &stride, &group, &rest)) {
        struct item inner = term_item(printer, &stride);
        struct item item = {.product = true};
        item.text = arena_printf(arena, inner.quotient ? "%s * (%s)" : "%s * %s", print(printer, group, BIND_SUM),
                                 inner.text ? inner.text : "");
        if (ARENA_PUSH(arena, items->data, items->count, items->capacity, item))
            add_items(printer, items, rest);
        return;
    }
    for (uint32_t k = 0; k < a->n_terms; k++) {
        struct item item = term_item(printer, &a->terms[k]);
        if (!ARENA_PUSH(arena, items->data, items->count, items->capacity, item))
            return;
    }
}

static const char *join(const struct printer *printer, const struct items *items, int binding)
{
    struct text text = text_create(printer->context->arena);
    size_t first = 0;
    while (first < items->count && items->data[first].negative)
        first++;
    if (first == items->count)
        first = 0;
    bool closed =
        items->count > 1 || items->data[0].negative ? binding > BIND_NOTHING : binding > BIND_SUM && items->data[0].product;
    const struct item *head = &items->data[first];
    bool apart = head->negative && head->quotient;
    text_printf(&text, "%s%s%s%s%s", closed ? "(" : "", head->negative ? "-" : "", apart ? "(" : "", head->text, apart ? ")" : "");
    for (size_t k = 0; k < items->count; k++)
        if (k != first)
            text_printf(&text, " %c %s", items->data[k].negative ? '-' : '+', items->data[k].text);
    if (closed)
        text_put(&text, ")");
    return text_finish(&text);
}

static const char *print(const struct printer *printer, const struct poly *a, int binding)
{
    struct items items = {0};
    const struct poly *folded = a ? poly_fold(printer->context, a, printer->style) : NULL;
    if (!folded)
        return "";
    if (folded->n_terms == 0)
        return "0";
    add_items(printer, &items, folded);
    if (arena_failed(printer->context->arena))
        return "";
    return join(printer, &items, binding);
}

void poly_print(struct text *text, const struct ir_context *context, const struct poly *a, enum poly_style style,
                const struct poly_names *names, int binding)
{
    /* Folding makes polys, which fills the tables of the context but changes nothing that can be seen of it. */
    struct printer printer = {(struct ir_context *)(uintptr_t)context, style, names};
    text_put(text, print(&printer, a, binding));
}
