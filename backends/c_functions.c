/* Elementary functions of vectors that an emitted file brings along.
 *
 * Over GNU vectors each is the straight line of ir/expansions.def, `f32x16_exp(a)`; over arrays a loop over the function of the C
 * library, as the scalar code of a kernel calls it. A vector goes in and out through a pointer: what functions take and give by
 * value depends on the flags of the compiler where it has no such registers, and compilers say so. */
#include "backends_internal.h"
#include "ir/expansion.h"

#include <string.h>

static const enum c_vector_op operation_of[EXPANSION_OP_COUNT] = {
#define PRIMITIVE(name, operands, meaning) [EXPANSION_##name] = VECTOR_##name,
#include "ir/expansions.def"
};

static void use_inner(struct c_vector *vector, enum c_vector_op op)
{
    vector->inner[op] = true;
    if (op == VECTOR_scale) /* is made of these */
        vector->inner[VECTOR_round] = vector->inner[VECTOR_two_to] = true;
}

const char *c_use_function(struct c_file *file, enum ir_elem elem, int64_t lanes, enum ir_expr_op function)
{
    struct c_vector *vector = c_use_vector(file, elem, lanes);
    const char *name = vector ? arena_printf(file->arena, "%s_%s", vector->name, ir_expr_info(function)->name) : NULL;
    if (!name || vector->functions[function])
        return name;
    const struct expansion *expansion = expansion_of(file->arena, function, elem);
    vector->functions[function] = file->uses_math = true;
    for (size_t k = 1; expansion && k < expansion->n_steps; k++) {
        const struct expansion_step *step = &expansion->steps[k];
        if (step->op == EXPANSION_call)
            (void)c_use_function(file, elem, lanes, step->function);
        else
            use_inner(vector, operation_of[step->op]);
        for (uint32_t o = 0; o < step->n_operands; o++)
            vector->inner[VECTOR_all] |= step->operands[o].step == EXPANSION_NUMBER;
    }
    return name;
}

/* ---- over GNU vectors ---- */

struct body {
    struct c_file *file;
    struct text *text;
    const struct c_vector *vector;
    const struct expansion *expansion;
};

static void put_step(const struct body *body, size_t k);

static void put_operand(const struct body *body, const struct expansion_operand *operand)
{
    if (operand->step == EXPANSION_NUMBER) {
        text_printf(body->text, "%s_all(", body->vector->name);
        c_put_literal(body->file, body->text, ir_number_real(body->vector->elem, operand->number), C_ANY);
        text_put(body->text, ")");
    } else if (body->expansion->steps[operand->step].name) {
        text_put(body->text, body->expansion->steps[operand->step].name);
    } else {
        put_step(body, (size_t)operand->step);
    }
}

static void put_step(const struct body *body, size_t k)
{
    const struct expansion_step *step = &body->expansion->steps[k];
    const char *operation =
        step->op == EXPANSION_call ? ir_expr_info(step->function)->name : c_vector_operation(operation_of[step->op]);
    text_printf(body->text, "%s_%s(", body->vector->name, operation);
    for (uint32_t o = 0; o < step->n_operands; o++) {
        text_put(body->text, o ? ", " : "");
        put_operand(body, &step->operands[o]);
    }
    text_put(body->text, ")");
}

static bool has_name(const struct body *body, size_t begin, size_t end, const char *name)
{
    for (size_t k = begin; k < end; k++)
        if (body->expansion->steps[k].name && !strcmp(body->expansion->steps[k].name, name))
            return true;
    return false;
}

static void put_line(const struct body *body, size_t k)
{
    const char *name = body->expansion->steps[k].name;
    bool is_last = k + 1 == body->expansion->n_steps;
    if (!name && !is_last)
        return;
    text_put(body->text, "    ");
    if (is_last)
        text_put(body->text, "*at = ");
    else if (has_name(body, 0, k, name))
        text_printf(body->text, "%s = ", name);
    else
        text_printf(body->text, "%s%s %s = ", has_name(body, k + 1, body->expansion->n_steps, name) ? "" : "const ",
                    body->vector->name, name);
    put_step(body, k);
    text_put(body->text, ";\n");
}

static void put_function(struct c_file *file, struct text *text, const struct c_vector *vector, enum ir_expr_op function)
{
    struct body body = {file, text, vector, expansion_of(file->arena, function, vector->elem)};
    const char *type = vector->name, *name = ir_expr_info(function)->name;
    if (!body.expansion)
        return;
    text_printf(text, "/* %s: %s */\nstatic inline %s *%s_%s_of(%s *at)\n{\n    const %s x = *at;\n", name, body.expansion->meaning,
                type, type, name, type, type);
    for (size_t k = 1; k < body.expansion->n_steps; k++)
        put_line(&body, k);
    text_printf(text, "    return at;\n}\n#define %s_%s(a) (*%s_%s_of((%s[]){(a)}))\n", type, name, type, name, type);
}

/* In the order of the rows: what a function calls stands before it. */
void c_put_functions(struct c_file *file, struct text *text, const struct c_vector *vector)
{
#define EXPANSION(function, type, meaning, lines)                                                                                  \
    if (IR_##type == vector->elem && vector->functions[IR_EXPR_##function])                                                        \
        put_function(file, text, vector, IR_EXPR_##function);
#include "ir/expansions.def"
}

/* ---- over arrays ---- */

void c_put_plain_functions(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    (void)file;
    for (int function = 0; function < IR_EXPR_OP_COUNT; function++) {
        if (!vector->functions[function])
            continue;
        const char *type = vector->name;
        text_printf(text, "static %s %s_%s(%s a)\n{\n    %s r;\n    for (int i = 0; i < %d; i++) {\n", type, type,
                    ir_expr_info((enum ir_expr_op)function)->name, type, type, (int)vector->lanes);
        text_printf(text, "        const %s x = a.lane[i];\n", c_type(vector->elem));
        c_put_function_of_number(text, (enum ir_expr_op)function, vector->elem, "r.lane[i]");
        text_put(text, "    }\n    return r;\n}\n");
    }
}
