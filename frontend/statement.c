/* Kernel bodies: statements in order, each giving one tensor (a call may give several) its node.
 *
 * Every output and let is assigned exactly once, an output whole or block by block. A let is visible after its line; one whose
 * statement was wrong stays known, marked failed, so that its uses are not reported. */
#include "formula.h"
#include "declare_internal.h"

#include <string.h>

struct symbol *body_find(const struct body *body, const char *name)
{
    return scope_find(body->scope, name);
}

void report_not_yet(struct body *body, struct span span, const char *what)
{
    diag_error(body->diagnostics, DIAG_E0009, span, "%s: not yet in this version of einc", what);
}

void report_bare_operator(struct body *body, struct span span)
{
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0217, span, "an operator stands here without subscripts");
    diag_help(body->diagnostics, diag, "it has a value only through subscripts, as `K[i,j]`, `kron(A, B)[i,j]` and `(A @ B)[i,j]`");
}

struct diag *report_subscript_count(struct body *body, struct span span, const char *name, uint32_t axes, uint32_t subscripts)
{
    return diag_error(body->diagnostics, DIAG_E0211, span, "`%s` has %u ax%s but %u subscript%s", name, axes,
                      axes == 1 ? "is" : "es", subscripts, subscripts == 1 ? "" : "s");
}

const char *source_text(struct body *body, struct span span)
{
    if (span.source >= body->diagnostics->n_sources || span.end < span.begin)
        return "";
    const struct source *source = body->diagnostics->sources[span.source];
    if (span.end > source->length)
        return "";
    return arena_strndup(body->arena, source->text + span.begin, span.end - span.begin);
}

/* ---- what is assigned ---- */

/* Does the target name a new value? In a scan what is no output does. */
static bool introduces(const struct body *body, const struct ast_statement *ast, const struct ast_target *target)
{
    return ast->kind == AST_LET || (body->scan && !body_find(body, target->name.text));
}

/* The symbol of a target: an output not yet assigned, or a new let. NULL after a diagnostic. */
static struct symbol *target_symbol(struct body *body, const struct ast_statement *ast, const struct ast_target *target)
{
    bool let = introduces(body, ast, target);
    struct symbol *symbol = let ? NULL : body_find(body, target->name.text);
    if (let) {
        symbol = scope_add(body->resolver, body->scope, SYMBOL_TENSOR, &target->name);
        struct tensor *tensor = symbol ? ARENA_NEW(body->arena, struct tensor) : NULL;
        if (!tensor)
            return NULL;
        *tensor = (struct tensor){.role = TENSOR_LET, .assigned = true, .assigned_at = target->span};
        symbol->data = tensor;
        symbol->failed = true; /* until its statement went well */
        return symbol;
    }
    if (!symbol) {
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0111, target->name.span, "no output is named `%s`", target->name.text);
        const char *similar = scope_suggest(body->scope, target->name.text);
        diag_help(body->diagnostics, diag, similar ? "was `%s` meant? A new name needs `let`" : "to name a value write `let %s`",
                  similar ? similar : target->name.text);
        return NULL;
    }
    struct tensor *tensor = symbol->kind == SYMBOL_TENSOR ? symbol->data : NULL;
    if (symbol->failed && !tensor)
        return NULL;
    if (!tensor || tensor->role == TENSOR_INPUT) {
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0118, target->name.span, "`%s` is %s %s and cannot be assigned", symbol->name,
                       tensor ? "an" : symbol_kind_article(symbol->kind), tensor ? "input" : symbol_kind_name(symbol->kind));
        diag_note(body->diagnostics, diag, symbol->span, "`%s` is declared here", symbol->name);
        return NULL;
    }
    if (tensor->assigned && symbol->failed)
        return NULL;
    if (tensor->assigned && tensor->blocks && !symbol->node)
        return symbol; /* another block, as read_left will see */
    if (tensor->assigned) {
        struct diag *diag = diag_error(body->diagnostics, DIAG_E0112, target->span, "`%s` is assigned twice", symbol->name);
        diag_note(body->diagnostics, diag, tensor->assigned_at, "assigned here already");
        diag_help(body->diagnostics, diag, "name the first value with `let` if it is an intermediate one");
        return NULL;
    }
    tensor->assigned = true;
    tensor->assigned_at = target->span;
    return symbol;
}

static void define(struct symbol *symbol, const struct ir_node *node, enum weakness weakness, const struct fixed_point *fixed)
{
    struct tensor *tensor = symbol->data;
    symbol->node = node;
    symbol->failed = node == NULL;
    if (!node || tensor->role != TENSOR_LET)
        return;
    tensor->weakness = weakness;
    symbol->type.elem = node->elem;
    symbol->type.rank = node->rank;
    symbol->type.shape = node->shape;
    symbol->type.span = symbol->span;
    symbol->type.fixed = fixed;
}

static void name_node(struct statement *statement, const struct ir_node *node, const char *name, const char *const *index_names)
{
    struct body *body = statement->body;
    if (node && node->op != IR_input_node && !ir_find_name(body->kernel, node))
        ir_set_name(body->context, body->kernel, node, name, index_names, statement->span);
}

/* The statement's own node first, under its tensor's name, then what it is made of. */
void name_nodes(struct statement *statement, const struct ir_node *node, const char *name)
{
    const char *const *index_names = NULL;
    for (size_t k = 0; k < statement->n_nodes; k++)
        if (statement->nodes[k].node == node)
            index_names = statement->nodes[k].index_names;
    name_node(statement, node, name, index_names);
    for (size_t k = 0; k < statement->n_nodes; k++)
        name_node(statement, statement->nodes[k].node, NULL, statement->nodes[k].index_names);
}

/* ---- whole tensors ---- */

static bool check_whole(struct body *body, const struct symbol *output, const struct ir_node *node, const struct fixed_point *fixed,
                        struct span span)
{
    bool fits = node->rank == output->type.rank;
    for (uint32_t axis = 0; fits && axis < node->rank; axis++)
        fits = node->shape[axis] == output->type.shape[axis];
    if (fits && node->elem == output->type.elem && fixed_point_same(fixed, output->type.fixed))
        return true;
    struct tensor_type found = {.elem = node->elem, .rank = node->rank, .shape = node->shape, .span = SPAN_NONE, .fixed = fixed};
    struct diag *diag =
        diag_error(body->diagnostics, fits ? DIAG_E0318 : DIAG_E0216, span, "the value is %s, `%s` is %s",
                   tensor_type_text(body->resolver, &found), output->name, tensor_type_text(body->resolver, &output->type));
    diag_note(body->diagnostics, diag, output->type.span, "`%s` is declared here", output->name);
    diag_help(body->diagnostics, diag, "declare `%s` as %s, or convert with subscripts: `%s[...] = ...`", output->name,
              tensor_type_text(body->resolver, &found), output->name);
    return false;
}

static const struct ir_node *lower_whole(struct statement *statement, const struct ast_expr *value, const struct symbol *output,
                                         enum weakness *weakness)
{
    struct whole whole;
    if (!whole_value(statement, value, &whole))
        return NULL;
    *weakness = whole.weakness;
    statement->fixed = whole.fixed;
    if (output && !(whole.node = whole_in_type(statement, &whole, output->type.elem)))
        return NULL;
    return !output || check_whole(statement->body, output, whole.node, whole.fixed, value->span) ? whole.node : NULL;
}

/* `y = ...` of a tensor with axes takes a whole tensor only. */
static bool report_missing_subscripts(struct body *body, const struct symbol *output, const struct ast_target *target)
{
    struct diag *diag =
        diag_error(body->diagnostics, DIAG_E0217, target->span, "`%s` has %u ax%s and stands here without subscripts", output->name,
                   output->type.rank, output->type.rank == 1 ? "is" : "es");
    diag_note(body->diagnostics, diag, output->type.span, "`%s` is %s", output->name,
              tensor_type_text(body->resolver, &output->type));
    diag_help(body->diagnostics, diag, "write `%s[...] = ...` with one index an axis; only a copy `v = u` takes a whole tensor",
              output->name);
    return false;
}

/* A call of what is neither function nor kernel: that is the mistake then, not the missing subscripts. */
static bool calls_unknown(const struct body *body, const struct ast_expr *value)
{
    enum ir_elem elem;
    const char *name = value->kind == AST_CALL ? value->name.text : NULL;
    return name && !is_function_name(name) && !ir_elem_from_name(name, strlen(name), &elem) && !is_whole(body, value);
}

/* ---- statements ---- */

bool statement_create(struct statement *statement, struct body *body, const struct ast_statement *ast)
{
    *statement = (struct statement){.body = body, .span = ast->span, .name = ast->targets->name.text, .depth = ast->value->depth};
    statement->indices = ARENA_ARRAY(body->arena, FRONTEND_INDICES, struct statement_index);
    statement->extents = ARENA_ARRAY(body->arena, FRONTEND_INDICES, const struct poly *);
    statement->order = ARENA_ARRAY(body->arena, FRONTEND_INDICES, uint32_t);
    return statement->indices && statement->extents && statement->order && scan_add_index(statement);
}

/* Puts one more result into the circle of its let. */
static struct tensor *join_results(struct tensor *first, struct tensor *result)
{
    result->next_result = first ? first->next_result : result;
    if (first)
        first->next_result = result;
    return first ? first : result;
}

/* The value in memory of its own: a concatenation of it alone, which every pass leaves as it is, and which is always stored. */
static const struct ir_node *store(struct statement *statement, const struct ir_node *node)
{
    struct body *body = statement->body;
    if (!node)
        return NULL;
    name_nodes(statement, node, NULL);
    struct ir_access whole = ir_access_whole(body->context, node);
    const struct ir_name *name = ir_find_name(body->kernel, node);
    const struct ir_node *stored = ir_concat(body->context, node->rank, node->shape, 1, &whole);
    struct statement_node entry = {stored, name && node->op != IR_scatter_node ? name->index_names : NULL};
    return stored && ARENA_PUSH(body->arena, statement->nodes, statement->n_nodes, statement->nodes_capacity, entry) ? stored
                                                                                                                     : NULL;
}

/* `let (gx, gy) = g(D, u)`. */
static bool lower_results(struct body *body, const struct ast_statement *ast)
{
    struct statement statement;
    const struct signature *signature;
    const struct ir_node **results;
    if (!statement_create(&statement, body, ast))
        return false;
    bool called = inline_call(&statement, ast->value, &signature, &results);
    uint32_t count = 0;
    for (const struct ast_target *target = ast->targets; target; target = target->next)
        count++;
    if (called && count != signature->n_outputs) {
        struct diag *diag = diag_error(body->diagnostics, DIAG_E0604, ast->value->span, "`%s` has %u results, %u are named here",
                                       signature->ast->name.text, signature->n_outputs, count);
        diag_note(body->diagnostics, diag, signature->ast->name.span, "`%s` is declared here", signature->ast->name.text);
        called = false;
    }
    uint32_t k = 0;
    bool done = called;
    struct tensor *first = NULL;
    for (const struct ast_target *target = ast->targets; target; target = target->next, k++) {
        struct symbol *symbol = target_symbol(body, ast, target);
        const struct ir_node *node = symbol && called ? results[k] : NULL;
        const struct fixed_point *fixed = called ? signature->outputs[k].type.fixed : NULL;
        if (node && ast->kind != AST_LET && !check_whole(body, symbol, node, fixed, ast->value->span))
            node = NULL;
        if (ast->stored)
            node = store(&statement, node);
        if (symbol) {
            define(symbol, node, TYPED, fixed);
            first = join_results(first, symbol->data);
        }
        name_node(&statement, node, target->name.text, NULL);
        done = done && node;
    }
    return done;
}

static bool report_several(struct body *body, const struct ast_statement *ast)
{
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0124, ast->word_span, "`+=` adds to one output at a time");
    diag_help(body->diagnostics, diag, "name the values with `let` first, then add each");
    return false;
}

/* Builders give NULL, and say nothing, where a size or a coefficient overflows 64 bits. */
static void report_overflow(struct body *body, const struct ast_statement *ast)
{
    const struct diagnostics *diagnostics = body->diagnostics;
    if (diagnostics->n_errors > 0 || diagnostics->n_dropped > 0 || arena_failed(body->arena))
        return;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0223, ast->span, "a size in this statement is 2^63 or more");
    diag_help(body->diagnostics, diag, "extents, their products and offsets into tensors are 64-bit numbers");
}

static bool declare_operator(struct body *body, struct ast_operator *ast)
{
    struct symbol *symbol = scope_add(body->resolver, body->scope, SYMBOL_OPERATOR, &ast->name);
    if (symbol)
        symbol->data = ast;
    return symbol != NULL;
}

/* `let t[i]: q7 scale(0.5) = ...`: an element type; the shape is that of the value. */
static bool read_let_type(struct statement *statement, const struct ast_statement *ast, struct tensor_type *type)
{
    struct body *body = statement->body;
    if (!resolve_type(body->resolver, ast->type, type) || !refuse_layout(body->resolver, ast->type, "a let"))
        return false;
    statement->declared = type;
    if (type->rank == 0 && (ast->targets->has_brackets || !is_whole(body, ast->value)))
        return true;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0002, ast->type->span, "a let has the type of elements here");
    diag_help(body->diagnostics, diag, "write `let %s[...]: %s = ...`: its extents are those of its indices",
              ast->targets->name.text, ast->type->element.text);
    return false;
}

bool lower_statement(struct body *body, const struct ast_statement *ast)
{
    const struct ast_target *target = ast->targets;
    struct statement statement;
    enum weakness weakness = TYPED;
    const struct ir_node *node = NULL;
    if (ast->kind == AST_SCAN)
        return lower_scan(body, ast);
    if (ast->kind == AST_OPERATOR)
        return declare_operator(body, ast->operator_);
    bool let = introduces(body, ast, target);
    if (ast->stored && body->scan)
        report_not_yet(body, ast->word_span, "`let stored` in a scan");
    if (ast->accumulate && target->next)
        return report_several(body, ast);
    if (target->next && ast->type) {
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0002, ast->type->span, "several results have the types of their kernel");
        diag_help(body->diagnostics, diag, "give each a type in a let of its own: `let v[...]: %s = %s[...]`",
                  ast->type->element.text, target->name.text);
        return false;
    }
    if (target->next)
        return lower_results(body, ast);
    if (!statement_create(&statement, body, ast))
        return false;
    struct tensor_type declared_type = {.span = SPAN_NONE};
    if (ast->type && !read_let_type(&statement, ast, &declared_type))
        return false;
    bool whole = !target->has_brackets && !ast->type && is_whole(body, ast->value);
    const struct symbol *declared = let ? NULL : body_find(body, target->name.text);
    bool declared_output = declared && declared->kind == SYMBOL_TENSOR && !declared->failed;
    if (declared_output && declared->type.rank == 0 && ast->value->kind == AST_NAME)
        whole = false; /* a scalar converts as in any expression */
    struct symbol *symbol = NULL;
    if (!let && !(symbol = target_symbol(body, ast, target)))
        return false;
    if (symbol && symbol->failed)
        return false;
    if (ast->accumulate && (target->has_brackets || symbol->type.rank == 0))
        node = lower_accumulation(&statement, target, ast->value, symbol);
    else if (ast->accumulate)
        report_missing_subscripts(body, symbol, target);
    else if (whole)
        node = lower_whole(&statement, ast->value, symbol, &weakness);
    else if (target->has_brackets || !symbol || symbol->type.rank == 0)
        node = lower_indexed(&statement, target, ast->value, symbol, &weakness);
    else if (calls_unknown(body, ast->value))
        (void)formula_call(&statement, ast->value, NULL);
    else
        report_missing_subscripts(body, symbol, target);
    if (let && !(symbol = target_symbol(body, ast, target)))
        return false;
    if (statement.is_block) {
        symbol->failed |= statement.failed;
        return !statement.failed;
    }
    if (ast->stored && body->scan)
        node = NULL;
    else if (ast->stored || (statement.declared && statement.fixed && statement.n_indices > statement.n_order))
        node = store(&statement, node);
    if (!node)
        report_overflow(body, ast);
    define(symbol, node, weakness, statement.fixed);
    if (node)
        name_nodes(&statement, node, target->name.text);
    return node != NULL;
}

/* ---- bodies ---- */

static struct symbol *declare(struct body *body, const struct parameter *parameter, enum tensor_role role)
{
    struct symbol *symbol = scope_add(body->resolver, body->scope, SYMBOL_TENSOR, &parameter->ast->name);
    struct tensor *tensor = symbol ? ARENA_NEW(body->arena, struct tensor) : NULL;
    if (!tensor)
        return NULL;
    *tensor = (struct tensor){.role = role, .assigned = role == TENSOR_INPUT, .assigned_at = parameter->span};
    symbol->type = parameter->type;
    symbol->data = tensor;
    return symbol;
}

static bool collect_outputs(struct body *body, struct symbol *const *outputs, const struct ir_node **results)
{
    bool complete = true;
    for (uint32_t k = 0; k < body->signature->n_outputs; k++) {
        const struct tensor *tensor = outputs[k]->data;
        results[k] = outputs[k]->node;
        complete = complete && results[k];
        if (tensor->assigned)
            continue;
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0113, outputs[k]->span, "output `%s` is never assigned", outputs[k]->name);
        diag_help(body->diagnostics, diag, "each output is assigned exactly once: `%s[...] = ...`", outputs[k]->name);
    }
    return complete;
}

/* A call gives all its results; who reads one of them need not read the others. */
static bool is_read(const struct tensor *tensor)
{
    bool read = tensor->read;
    for (const struct tensor *other = tensor->next_result; other && other != tensor && !read; other = other->next_result)
        read = other->read;
    return read;
}

static void warn_unread(struct body *body)
{
    for (size_t k = 0; k < body->scope->n_symbols; k++) {
        const struct symbol *symbol = body->scope->symbols[k];
        const struct tensor *tensor = symbol->kind == SYMBOL_TENSOR ? symbol->data : NULL;
        if (!tensor || symbol->failed || tensor->role != TENSOR_LET || is_read(tensor))
            continue;
        struct diag *diag = diag_warning(body->diagnostics, DIAG_W0101, symbol->span, "`%s` is never read", symbol->name);
        diag_help(body->diagnostics, diag, "remove the let, or use it in an output");
    }
}

/* Of a symmetric input only what lies on and below the diagonal is read, also where a call is given any tensor for it. */
static const struct ir_node *promised_value(struct body *body, const struct parameter *parameter, const struct ir_node *node)
{
    struct ir_context *context = body->context;
    bool half = false;
    for (int promise = 0; promise < IR_PROMISE_COUNT; promise++)
        half |= (parameter->type.promises >> promise & 1) && ir_promise_info((enum ir_promise)promise)->half;
    if (!half || !node)
        return node;
    struct ir_access accesses[2] = {ir_access_whole(context, node), ir_access_whole(context, node)};
    const struct poly **mirrored = arena_copy(body->arena, accesses[0].subscripts, node->rank, sizeof *mirrored);
    if (!mirrored)
        return NULL;
    mirrored[node->rank - 2] = poly_index(context, node->rank - 1);
    mirrored[node->rank - 1] = poly_index(context, node->rank - 2);
    accesses[1].subscripts = mirrored;
    const struct ir_expr *below[2] = {
        ir_expr_index(context, poly_subtract(context, mirrored[node->rank - 1], mirrored[node->rank - 2])),
        ir_expr_literal(context, ir_number_integer(IR_i64, 0))};
    const struct ir_expr *choice[3] = {ir_expr_apply(context, IR_EXPR_ge, 2, below), ir_expr_operand(context, 0, node->elem),
                                       ir_expr_operand(context, 1, node->elem)};
    return ir_map(context, node->rank, node->shape, 2, accesses, ir_expr_apply(context, IR_EXPR_select, 3, choice));
}

bool lower_body(struct body *body, const struct ir_node *const *inputs, const struct ir_node **results)
{
    const struct signature *signature = body->signature;
    struct symbol **outputs = ARENA_ARRAY(body->arena, signature->n_outputs, struct symbol *);
    if (!outputs)
        return false;
    for (uint32_t k = 0; k < signature->n_inputs; k++) {
        struct symbol *symbol = declare(body, &signature->inputs[k], TENSOR_INPUT);
        if (!symbol)
            return false;
        symbol->node = promised_value(body, &signature->inputs[k], inputs[k]);
    }
    for (uint32_t k = 0; k < signature->n_outputs; k++)
        if (!(outputs[k] = declare(body, &signature->outputs[k], TENSOR_OUTPUT)))
            return false;
    bool lowered = true;
    for (const struct ast_statement *statement = signature->ast->body; statement; statement = statement->next)
        lowered = lower_statement(body, statement) && lowered;
    bool complete = collect_outputs(body, outputs, results);
    if (!body->caller && lowered)
        warn_unread(body);
    return lowered && complete;
}

/* `elements` NULL: they cannot be counted. */
static bool size_fits(struct body *body, const struct poly *elements, enum ir_elem elem, struct span span)
{
    if (poly_scale(body->context, elements, ir_elem_info(elem)->bytes) || arena_failed(body->arena))
        return true;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0223, span, "this tensor has 2^63 bytes or more");
    diag_help(body->diagnostics, diag, "extents, their products and offsets into tensors are 64-bit numbers");
    return false;
}

/* Every tensor, of intermediate values and between the strides of inputs too, has less than 2^63 bytes, as the verifier asks. */
static bool sizes_fit(struct body *body)
{
    size_t count = 0;
    const struct ir_kernel *kernel = body->kernel;
    const struct ir_node **nodes = ir_topological(body->context, kernel, &count);
    bool fit = nodes != NULL;
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        const struct ir_input_info *input = &kernel->inputs[k];
        fit = size_fits(body, ir_input_reach(body->context, input), input->node->elem, input->span) && fit;
    }
    for (size_t k = 0; nodes && k < count; k++) {
        const struct ir_name *name = ir_find_name(kernel, nodes[k]);
        const struct poly *elements = ir_element_count(body->context, nodes[k]);
        fit = size_fits(body, elements, nodes[k]->elem, name ? name->span : kernel->span) && fit;
    }
    return fit;
}

/* Lets of floats are outputs as well, for who asks what their values are. */
static bool show_lets(struct body *body)
{
    struct ir_kernel *kernel = body->kernel;
    struct ir_output *outputs = ARENA_ARRAY(body->arena, kernel->n_outputs + body->scope->n_symbols, struct ir_output);
    if (!outputs)
        return false;
    memcpy(outputs, kernel->outputs, kernel->n_outputs * sizeof *outputs);
    for (size_t k = 0; k < body->scope->n_symbols; k++) {
        const struct symbol *symbol = body->scope->symbols[k];
        const struct tensor *tensor = symbol->kind == SYMBOL_TENSOR ? symbol->data : NULL;
        bool real = tensor && (tensor->weakness == TYPED || tensor->weakness == WEAK_A_REAL);
        if (real && tensor->role == TENSOR_LET && symbol->node && ir_elem_is_float(symbol->node->elem))
            outputs[kernel->n_outputs++] = (struct ir_output){symbol->name, symbol->node, symbol->span, 0};
    }
    kernel->outputs = outputs;
    return true;
}

bool lower_kernel(struct resolver *resolver, const struct ast_kernel *ast, struct ir_kernel *kernel)
{
    struct arena *arena = ir_arena(resolver->context);
    const struct symbol *symbol = scope_find(resolver->scope, ast->name.text);
    if (!symbol || symbol->failed || !symbol->kernel)
        return false;
    const struct signature *signature = symbol->kernel;
    uint32_t n_inlined = 0;
    struct body body = {.resolver = resolver,
                        .context = resolver->context,
                        .arena = arena,
                        .diagnostics = ir_diagnostics(resolver->context),
                        .scope = scope_create(resolver, resolver->scope),
                        .signature = signature,
                        .kernel = kernel,
                        .exact = signature->numeric_class == IR_CLASS_EXACT,
                        .n_inlined = &n_inlined};
    const struct ir_node **inputs = ARENA_ARRAY(arena, signature->n_inputs, const struct ir_node *);
    const struct ir_node **results = ARENA_ARRAY(arena, signature->n_outputs, const struct ir_node *);
    if (!body.scope || !inputs || !results)
        return false;
    for (uint32_t k = 0; k < signature->n_inputs; k++)
        inputs[k] = kernel->inputs[k].node;
    if (!lower_body(&body, inputs, results))
        return false;
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        kernel->outputs[k].node = results[k];
    if (resolver->options->inquiry && resolver->options->inquiry->lets && !show_lets(&body))
        return false;
    return sizes_fit(&body);
}
