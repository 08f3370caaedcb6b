/* The indices of one statement: their names, extents and where these came from.
 *
 * Free indices belong to the statement, bound ones to the reduction that binds them; two reductions side by side may bind the same
 * name, and each has its own index then. An extent comes from a plain subscript, the left side's declaration or an annotation; all
 * that say one must agree. Nothing is inferred from merged or affine subscripts. */
#include "formula.h"

#include <string.h>

struct index_set index_set_union(const struct index_set *a, const struct index_set *b)
{
    struct index_set result = *a;
    for (size_t k = 0; k < FRONTEND_INDICES / 64; k++)
        result.words[k] |= b->words[k];
    return result;
}

struct index_set index_set_minus(const struct index_set *a, const struct index_set *b)
{
    struct index_set result = *a;
    for (size_t k = 0; k < FRONTEND_INDICES / 64; k++)
        result.words[k] &= ~b->words[k];
    return result;
}

struct index_set index_set_intersection(const struct index_set *a, const struct index_set *b)
{
    struct index_set result = *a;
    for (size_t k = 0; k < FRONTEND_INDICES / 64; k++)
        result.words[k] &= b->words[k];
    return result;
}

bool index_set_is_empty(const struct index_set *set)
{
    for (size_t k = 0; k < FRONTEND_INDICES / 64; k++)
        if (set->words[k])
            return false;
    return true;
}

uint32_t index_set_first(const struct index_set *set)
{
    uint32_t index = 0;
    while (index < FRONTEND_INDICES && !index_set_has(set, index))
        index++;
    return index;
}

static uint32_t add_index(struct statement *statement, const struct ast_name *name, bool bound)
{
    struct body *body = statement->body;
    if (statement->n_indices == FRONTEND_INDICES) {
        diag_error(body->diagnostics, DIAG_E0911, name->span, "a statement has more than %d indices", (int)FRONTEND_INDICES);
        statement->failed = true;
        return UINT32_MAX;
    }
    statement->indices[statement->n_indices] = (struct statement_index){.name = name->text, .span = name->span, .bound = bound};
    return statement->n_indices++;
}

/* An index may not bear a name that means something else here. */
static bool name_is_free(struct statement *statement, const struct ast_name *name)
{
    struct body *body = statement->body;
    const struct symbol *symbol = body_find(body, name->text);
    bool function = is_function_name(name->text);
    if (!symbol && !function && !is_constructor_name(name->text))
        return true;
    statement->failed = true;
    if (!symbol) {
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0102, name->span, "`%s` is a%s of the language and cannot be an index", name->text,
                       function ? " function" : "n operator constructor");
        diag_help(body->diagnostics, diag, "give the index another name");
        return false;
    }
    if (symbol->failed)
        return false;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0110, name->span, "`%s` is %s %s and cannot be an index", name->text,
                                   symbol_kind_article(symbol->kind), symbol_kind_name(symbol->kind));
    diag_note(body->diagnostics, diag, symbol->span, "`%s` is declared here", name->text);
    diag_help(body->diagnostics, diag, "give the index another name");
    return false;
}

uint32_t index_use(struct statement *statement, const struct binding *bindings, const struct ast_name *name)
{
    for (const struct binding *binding = bindings; binding; binding = binding->outer)
        if (strcmp(binding->name, name->text) == 0)
            return binding->index;
    for (uint32_t k = 0; k < statement->n_indices; k++)
        if (!statement->indices[k].bound && strcmp(statement->indices[k].name, name->text) == 0)
            return k;
    if (!name_is_free(statement, name))
        return UINT32_MAX;
    return add_index(statement, name, false);
}

uint32_t index_bind(struct statement *statement, const struct binding *bindings, const struct ast_name *name)
{
    struct body *body = statement->body;
    for (const struct binding *binding = bindings; binding; binding = binding->outer)
        if (strcmp(binding->name, name->text) == 0) {
            struct diag *diag = diag_error(body->diagnostics, DIAG_E0116, name->span, "index `%s` is bound already", name->text);
            diag_note(body->diagnostics, diag, statement->indices[binding->index].span, "the reduction around it binds `%s` here",
                      name->text);
            diag_help(body->diagnostics, diag, "nothing shadows: give one of the two another name");
            statement->failed = true;
            return UINT32_MAX;
        }
    if (!name_is_free(statement, name))
        return UINT32_MAX;
    return add_index(statement, name, true);
}

/* The declaration that would agree: "f32[32, 128]". */
static const char *agreeing_type(struct body *body, const struct extent_source *source, const struct poly *extent)
{
    struct tensor_type type = *source->type;
    const struct poly **shape = arena_copy(body->arena, type.shape, type.rank, sizeof *shape);
    if (!shape)
        return NULL;
    shape[source->axis] = extent;
    type.shape = shape;
    return tensor_type_text(body->resolver, &type);
}

static void report_two_sizes(struct statement *statement, const struct statement_index *index, const struct poly *extent,
                             const struct extent_source *source)
{
    struct body *body = statement->body;
    struct diagnostics *diagnostics = body->diagnostics;
    const char *here = extent_text(body->resolver, extent), *before = extent_text(body->resolver, index->extent);
    struct diag *diag = diag_error(diagnostics, DIAG_E0203, source->span, "index `%s` has two sizes", index->name);
    if (source->type)
        diag_label(diagnostics, diag, "%s is %s, so %s = %s here", source->tensor_name,
                   tensor_type_text(body->resolver, source->type), index->name, here);
    else
        diag_label(diagnostics, diag, "%s = %s here", index->name, here);
    diag_note(diagnostics, diag, index->extent_span, "%s = %s here", index->name, before);
    const struct poly *rest = poly_subtract(body->context, extent, index->extent);
    int64_t surplus;
    bool longer = rest && poly_is_constant(rest, &surplus) && surplus > 0;
    if (source->type && source->type->extent_spans)
        diag_help(diagnostics, diag, "declare %s as %s, %s%s%sor write another index if a separate one was meant",
                  source->tensor_name, agreeing_type(body, source, index->extent), longer ? "read a slice by `" : "",
                  longer ? index->name : "", longer ? " + 0`, " : "");
    else
        diag_help(diagnostics, diag, "write another index if a separate one was meant");
}

void index_set_extent(struct statement *statement, uint32_t index, const struct poly *extent, const struct extent_source *source)
{
    struct statement_index *entry = &statement->indices[index];
    bool declared = source->declared.source != UINT32_MAX;
    int64_t value;
    if (extent && declared && poly_is_constant(extent, &value) && value < 0) {
        diag_error(statement->body->diagnostics, DIAG_E0220, source->declared, "this extent is %lld", (long long)value);
        extent = NULL;
    }
    if (!extent) {
        statement->failed = true;
        return;
    }
    if (!entry->extent) {
        entry->extent = extent;
        entry->extent_span = declared ? source->declared : source->span;
        return;
    }
    if (entry->extent == extent)
        return;
    statement->failed = true;
    if (!entry->conflicting)
        report_two_sizes(statement, entry, extent, source);
    entry->conflicting = true;
}

/* Every free index whose name a reduction binds is a use outside that reduction. */
static void check_bound_names(struct statement *statement)
{
    struct body *body = statement->body;
    for (uint32_t k = 0; k < statement->n_indices; k++) {
        if (statement->indices[k].bound)
            continue;
        for (uint32_t b = 0; b < statement->n_indices; b++) {
            const struct statement_index *bound = &statement->indices[b];
            if (!bound->bound || strcmp(bound->name, statement->indices[k].name) != 0)
                continue;
            struct diag *diag = diag_error(body->diagnostics, DIAG_E0115, statement->indices[k].span,
                                           "index `%s` is used outside the reduction that binds it", bound->name);
            diag_note(body->diagnostics, diag, bound->span, "bound by the reduction here");
            diag_help(body->diagnostics, diag, "give the index of the reduction another name");
            statement->indices[k].conflicting = true;
            statement->failed = true;
            break;
        }
    }
}

static void report_no_extent(struct statement *statement, const struct statement_index *index)
{
    struct body *body = statement->body;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0210, index->span, "index `%s` has no extent", index->name);
    diag_label(body->diagnostics, diag, "neither a plain subscript nor an annotation says how far it runs");
    const char *similar = scope_suggest(body->scope, index->name);
    if (similar)
        diag_help(body->diagnostics, diag, "was `%s` meant? A name that is not declared is an index", similar);
    else
        diag_help(body->diagnostics, diag,
                  "say it where the index is introduced: `sum[%s: 3](...)`, or `%s: 3` on the left side of a let", index->name,
                  index->name);
}

bool indices_complete(struct statement *statement)
{
    check_bound_names(statement);
    if (statement->failed)
        return false;
    for (uint32_t k = 0; k < statement->n_indices; k++)
        if (!statement->indices[k].extent) {
            report_no_extent(statement, &statement->indices[k]);
            statement->failed = true;
        } else
            statement->extents[k] = statement->indices[k].extent;
    return !statement->failed;
}

struct poly_ranges statement_ranges(const struct statement *statement)
{
    return (struct poly_ranges){statement->n_indices, statement->extents};
}

const char *index_name(const struct statement *statement, uint32_t index)
{
    return index < statement->n_indices ? statement->indices[index].name : "?";
}

static const char *name_of_index(void *user, uint32_t index)
{
    return index_name(user, index);
}

static const char *name_of_table(void *user, const struct ir_node *table)
{
    const struct statement *statement = user;
    (void)statement;
    return table->constant && table->constant->name ? table->constant->name : "table";
}

struct poly_names statement_names(struct statement *statement)
{
    return (struct poly_names){name_of_index, name_of_table, statement, NULL};
}
