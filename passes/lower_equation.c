/* What a stage computes, in the words of the source: `v_part[e,a] = sum[i](B[a,i] * u[e,i])`.
 *
 * Everything the stage inlines is written out; what is stored stands by its name. For readers of emitted code only: a long
 * equation is cut short, and no pass reads it back. */
#include "lower.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_EQUATION = 200 };

struct equation {
    struct lowering *lowering;
    struct text text;
    const char **names; /* of indices */
    size_t n_names, names_capacity;
};

/* How tightly an expression binds. */
enum { BIND_ANY, BIND_OR, BIND_AND, BIND_COMPARE, BIND_SUM, BIND_PRODUCT, BIND_UNARY };

static void put_node(struct equation *equation, const struct ir_node *node, const struct poly *const *at, int binding);

const char *lower_index_name(const struct ir_kernel *kernel, const struct ir_node *node, uint32_t index)
{
    const struct ir_name *name = ir_find_name(kernel, node);
    return name && name->index_names && index < node->n_indices ? name->index_names[index] : NULL;
}

const char *lower_axis_name(const struct ir_kernel *kernel, const struct ir_node *node, uint32_t axis)
{
    return node->op == IR_scatter_node ? NULL : lower_index_name(kernel, node, axis);
}

/* Adds the name of an index of `node`, a free letter where the source gives none; the number of the new index. */
static uint32_t add_name(struct equation *equation, const struct ir_node *node, uint32_t index)
{
    static const char letters[] = "ijklmnopqrstuvwxyzabcdefgh";
    const char *name = lower_index_name(equation->lowering->kernel, node, index);
    for (size_t letter = 0; !name && letter < sizeof letters - 1; letter++) {
        bool used = false;
        for (size_t k = 0; k < equation->n_names; k++)
            used |= equation->names[k][0] == letters[letter] && !equation->names[k][1];
        if (!used)
            name = arena_printf(equation->lowering->arena, "%c", letters[letter]);
    }
    if (!name)
        name = "_";
    if (!ARENA_PUSH(equation->lowering->arena, equation->names, equation->n_names, equation->names_capacity, name))
        return UINT32_MAX;
    return (uint32_t)equation->n_names - 1;
}

static const char *index_text(void *user, uint32_t index)
{
    const struct equation *equation = user;
    return index < equation->n_names ? equation->names[index] : "_";
}

static const char *table_text(void *user, const struct ir_node *table)
{
    const struct equation *equation = user;
    if (table->op == IR_const_node)
        return table->constant->name ? table->constant->name : "table";
    const struct lowering *owner = lower_table_owner(equation->lowering, table);
    return owner ? lower_place_name(owner, table) : "table";
}

static void put_poly(struct equation *equation, const struct poly *poly, int binding)
{
    struct poly_names names = {index_text, table_text, equation, NULL};
    poly_print(&equation->text, equation->lowering->context, poly, POLY_SOURCE, &names, binding);
}

static void put_subscripts(struct equation *equation, uint32_t n, const struct poly *const *subscripts)
{
    for (uint32_t k = 0; subscripts && k < n; k++) {
        text_put(&equation->text, k ? "," : "[");
        put_poly(equation, subscripts[k], 0);
    }
    text_put(&equation->text, n ? "]" : "");
}

/* ---- names of tensors ---- */

static const char *name_of_place(const struct lowering *lowering, const struct lower_place *place)
{
    return place->is_local ? lowering->function->locals[place->number].name : lowering->function->buffers[place->number].name;
}

const char *lower_place_name(const struct lowering *lowering, const struct ir_node *node)
{
    const struct lower_place *place = &lowering->places[node->id];
    if (place->placed)
        return name_of_place(lowering, place);
    const struct ir_name *name = ir_find_name(lowering->kernel, node);
    if (!name && node->op == IR_input_node && node->input.number < lowering->kernel->n_inputs)
        return lowering->kernel->inputs[node->input.number].name; /* a slice that the step reads */
    return name && name->name ? name->name : "value";
}

static void put_real(struct text *text, double value)
{
    int digits = 1;
    char buffer[40];
    do
        snprintf(buffer, sizeof buffer, "%.*g", digits, value);
    while (strtod(buffer, NULL) != value && digits++ < 17 && !isnan(value));
    text_put(text, buffer);
}

static void put_number(struct text *text, struct ir_number number)
{
    if (number.elem == IR_bool)
        text_put(text, number.i ? "true" : "false");
    else if (number.elem == IR_u64)
        text_printf(text, "%llu", (unsigned long long)number.i);
    else if (ir_elem_is_integer(number.elem))
        text_printf(text, "%lld", (long long)number.i);
    else if (!ir_elem_is_complex(number.elem) || number.im == 0)
        put_real(text, number.re);
    else {
        text_put(text, "(");
        put_real(text, number.re);
        text_put(text, number.im < 0 ? " - " : " + ");
        put_real(text, fabs(number.im));
        text_put(text, "i)");
    }
}

/* ---- expressions ---- */

static void put_access(struct equation *equation, const struct ir_access *access, const struct poly *const *at, uint32_t n_at,
                       int binding)
{
    const struct ir_node *node = access->node;
    const struct poly **subscripts = ARENA_ARRAY(equation->lowering->arena, node->rank, const struct poly *);
    for (uint32_t axis = 0; subscripts && axis < node->rank; axis++)
        subscripts[axis] = poly_substitute(equation->lowering->context, access->subscripts[axis], n_at, at, NULL);
    if (!subscripts || arena_failed(equation->lowering->arena))
        return;
    bool conjugate = access->conjugate && ir_elem_is_complex(node->elem);
    text_put(&equation->text, conjugate ? "conj(" : "");
    text_put(&equation->text, access->fill ? "pad(" : "");
    put_node(equation, node, subscripts, conjugate || access->fill ? BIND_ANY : binding);
    if (access->fill) {
        text_put(&equation->text, ", ");
        put_number(&equation->text, *access->fill);
        text_put(&equation->text, ")");
    }
    text_put(&equation->text, conjugate ? ")" : "");
}

static const char *infix(enum ir_expr_op op, int *binding)
{
    switch (op) {
    case IR_EXPR_add:
        return *binding = BIND_SUM, " + ";
    case IR_EXPR_sub:
        return *binding = BIND_SUM, " - ";
    case IR_EXPR_mul:
        return *binding = BIND_PRODUCT, " * ";
    case IR_EXPR_div:
        return *binding = BIND_PRODUCT, " / ";
    case IR_EXPR_floor_div:
        return *binding = BIND_PRODUCT, " div ";
    case IR_EXPR_floor_mod:
        return *binding = BIND_PRODUCT, " mod ";
    case IR_EXPR_eq:
        return *binding = BIND_COMPARE, " == ";
    case IR_EXPR_ne:
        return *binding = BIND_COMPARE, " != ";
    case IR_EXPR_lt:
        return *binding = BIND_COMPARE, " < ";
    case IR_EXPR_le:
        return *binding = BIND_COMPARE, " <= ";
    case IR_EXPR_gt:
        return *binding = BIND_COMPARE, " > ";
    case IR_EXPR_ge:
        return *binding = BIND_COMPARE, " >= ";
    case IR_EXPR_and:
        return *binding = BIND_AND, " and ";
    case IR_EXPR_or:
        return *binding = BIND_OR, " or ";
    default:
        return NULL;
    }
}

static void put_expr(struct equation *equation, const struct ir_node *map, const struct ir_expr *expr, const struct poly *const *at,
                     int binding)
{
    struct text *text = &equation->text;
    if (text->length > LONGEST_EQUATION)
        return;
    int own = BIND_UNARY;
    const char *sign = infix(expr->op, &own);
    if (sign) {
        text_put(text, own < binding ? "(" : "");
        put_expr(equation, map, expr->arguments[0], at, own);
        text_put(text, sign);
        put_expr(equation, map, expr->arguments[1], at, own + 1);
        text_put(text, own < binding ? ")" : "");
        return;
    }
    switch (expr->op) {
    case IR_EXPR_literal:
        put_number(text, expr->literal);
        return;
    case IR_EXPR_operand:
        put_access(equation, &map->operands[expr->operand], at, map->rank, binding);
        return;
    case IR_EXPR_index:
        put_poly(equation, poly_substitute(equation->lowering->context, expr->index, map->rank, at, NULL), 2);
        return;
    case IR_EXPR_neg:
        text_put(text, binding > BIND_PRODUCT ? "(-" : "-");
        put_expr(equation, map, expr->arguments[0], at, BIND_UNARY);
        text_put(text, binding > BIND_PRODUCT ? ")" : "");
        return;
    case IR_EXPR_cast:
        text_put(text, ir_elem_info(expr->elem)->name);
        break;
    case IR_EXPR_select:
        text_put(text, "where");
        break;
    default:
        text_put(text, ir_expr_info(expr->op)->name);
        break;
    }
    for (uint32_t k = 0; k < expr->n_arguments; k++) {
        text_put(text, k ? ", " : "(");
        put_expr(equation, map, expr->arguments[k], at, BIND_ANY);
    }
    text_put(text, ")");
}

/* ---- nodes ---- */

/* A domain as the mask it would be: `where(i - j >= 0, `. */
static void put_conditions(struct equation *equation, const struct ir_node *node, const struct poly *const *all)
{
    for (uint32_t k = 0; k < node->contract.n_domain; k++) {
        text_put(&equation->text, k ? " and " : "where(");
        put_poly(equation, poly_substitute(equation->lowering->context, node->contract.domain[k], node->n_indices, all, NULL), 0);
        text_put(&equation->text, " >= 0");
    }
    text_put(&equation->text, node->contract.n_domain ? ", " : "");
}

static void put_contract(struct equation *equation, const struct ir_node *node, const struct poly *const *at, int binding)
{
    static const char *const reductions[IR_RING_COUNT] = {
        [IR_RING_plustimes] = "sum", [IR_RING_minplus] = "min", [IR_RING_maxplus] = "max",
        [IR_RING_orand] = "any",     [IR_RING_prod] = "prod",   [IR_RING_andor] = "all"};
    struct lowering *lowering = equation->lowering;
    struct text *text = &equation->text;
    const struct poly **all = ARENA_ARRAY(lowering->arena, node->n_indices, const struct poly *);
    for (uint32_t k = 0; all && k < node->n_indices; k++)
        all[k] = k < node->rank ? at[k] : poly_index(lowering->context, add_name(equation, node, k));
    if (!all || arena_failed(lowering->arena))
        return;
    bool sums = node->n_indices > node->rank;
    if (sums) {
        text_printf(text, "%s", reductions[node->contract.ring]);
        put_subscripts(equation, node->n_indices - node->rank, all + node->rank);
    }
    int own = BIND_PRODUCT;
    enum ir_expr_op multiply = ir_ring_info(node->contract.ring)->multiply;
    const char *sign = multiply == IR_EXPR_OP_COUNT ? "" : infix(multiply, &own);
    bool parentheses = sums || (node->n_operands > 1 && own < binding);
    text_put(text, parentheses ? "(" : "");
    put_conditions(equation, node, all);
    for (uint32_t k = 0; k < node->n_operands; k++) {
        text_put(text, k ? sign : "");
        put_access(equation, &node->operands[k], all, node->n_indices, node->n_operands > 1 ? own + 1 : BIND_ANY);
    }
    if (node->contract.n_domain) {
        text_put(text, ", ");
        put_number(text, ir_ring_zero(node->contract.ring, node->elem));
        text_put(text, ")");
    }
    text_put(text, parentheses ? ")" : "");
}

static void put_node(struct equation *equation, const struct ir_node *node, const struct poly *const *at, int binding)
{
    const struct lowering *lowering = equation->lowering;
    if (equation->text.length > LONGEST_EQUATION)
        return;
    if (node->op == IR_const_node && poly_equals(ir_element_count(lowering->context, node), 1)) {
        put_number(&equation->text, lower_number(node->elem, node->constant->data, 0));
    } else if (lowering->plan->stored[node->id]) {
        text_put(&equation->text, lower_place_name(lowering, node));
        put_subscripts(equation, node->rank, lower_shifted(equation->lowering, &lowering->places[node->id], at));
    } else if (node->op == IR_map_node) {
        put_expr(equation, node, node->body, at, binding);
    } else if (node->op == IR_view_node) {
        put_access(equation, &node->operands[0], at, node->rank, binding);
    } else if (node->op == IR_contract_node) {
        put_contract(equation, node, at, binding);
    }
}

/* `y[t[e,k]] += v[e,k]`, with min: `y[t[e,k]] = min(y[t[e,k]], v[e,k])`. */
static void put_scatter(struct equation *equation, const struct ir_node *node, const struct lower_place *place)
{
    struct text *text = &equation->text;
    const char *target = name_of_place(equation->lowering, place);
    const struct poly *const *there = lower_shifted(equation->lowering, place, node->operands[0].subscripts);
    const struct poly **at = ARENA_ARRAY(equation->lowering->arena, node->n_indices, const struct poly *);
    for (uint32_t k = 0; at && k < node->n_indices; k++)
        at[k] = poly_index(equation->lowering->context, add_name(equation, node, k));
    if (!at || arena_failed(equation->lowering->arena))
        return;
    int binding;
    enum ir_expr_op add = ir_ring_info(node->scatter.ring)->add;
    text_put(text, target);
    put_subscripts(equation, node->rank, there);
    if (add == IR_EXPR_add) {
        text_put(text, " += ");
        put_access(equation, &node->operands[1], at, node->n_indices, BIND_ANY);
        return;
    }
    const char *sign = infix(add, &binding);
    text_put(text, " = ");
    if (!sign)
        text_printf(text, "%s(", ir_expr_info(add)->name);
    text_put(text, target);
    put_subscripts(equation, node->rank, there);
    text_put(text, sign ? sign : ", ");
    put_access(equation, &node->operands[1], at, node->n_indices, sign ? binding + 1 : BIND_ANY);
    text_put(text, sign ? "" : ")");
}

static void put_stage(struct equation *equation, const struct ir_node *node, const struct lower_place *place, bool copy)
{
    const struct poly **at = ARENA_ARRAY(equation->lowering->arena, node->rank, const struct poly *);
    for (uint32_t k = 0; at && k < node->rank; k++)
        at[k] = poly_index(equation->lowering->context, add_name(equation, node, k));
    if (!at || arena_failed(equation->lowering->arena))
        return;
    text_put(&equation->text, name_of_place(equation->lowering, place));
    put_subscripts(equation, node->rank, lower_shifted(equation->lowering, place, at));
    text_put(&equation->text, " = ");
    switch (copy ? IR_OP_COUNT : node->op) {
    case IR_map_node:
        put_expr(equation, node, node->body, at, BIND_ANY);
        break;
    case IR_view_node:
        put_access(equation, &node->operands[0], at, node->rank, BIND_ANY);
        break;
    case IR_contract_node:
        put_contract(equation, node, at, BIND_ANY);
        break;
    default:
        put_node(equation, node, at, BIND_ANY);
        break;
    }
}

const char *lower_equation(struct lowering *lowering, const struct ir_node *node, const struct lower_place *place, bool copy)
{
    struct equation equation = {.lowering = lowering, .text = text_create(lowering->arena)};
    if (node->op == IR_scatter_node && !copy)
        put_scatter(&equation, node, place);
    else
        put_stage(&equation, node, place, copy);
    const char *finished = text_finish(&equation.text);
    if (finished && equation.text.length > LONGEST_EQUATION)
        finished = arena_printf(lowering->arena, "%.*s ...", LONGEST_EQUATION, finished);
    return finished;
}
