/* Reads rows of expansions.def. They are our own, and a test reads them all: what cannot be read is asserted, not reported. */
#include "expansion.h"
#include "words.h"

#include <assert.h>
#include <math.h>

struct row {
    enum ir_expr_op function;
    enum ir_elem elem;
    const char *meaning, *lines;
};

static const struct row rows[] = {
#define EXPANSION(function, type, meaning, lines) {IR_EXPR_##function, IR_##type, meaning, lines},
#include "expansions.def"
};

static const struct {
    const char *name;
    uint32_t operands;
} primitives[] = {
#define PRIMITIVE(name, operands, meaning) {#name, operands},
#include "expansions.def"
};

enum { N_ROWS = sizeof rows / sizeof *rows, N_PRIMITIVES = sizeof primitives / sizeof *primitives };

static const struct row *find_row(enum ir_expr_op function, enum ir_elem elem)
{
    for (size_t k = 0; k < N_ROWS; k++)
        if (rows[k].function == function && rows[k].elem == elem)
            return &rows[k];
    return NULL;
}

bool expansion_exists(enum ir_expr_op function, enum ir_elem elem)
{
    return find_row(function, elem) != NULL;
}

/* ---- reading ---- */

struct reading {
    struct arena *arena;
    struct expansion *expansion;
    enum ir_elem elem;
    const char *at;
};

static void skip(struct reading *reading, const char *characters)
{
    reading->at += strspn(reading->at, characters);
}

static struct word read_word(struct reading *reading)
{
    struct word word = {reading->at, strspn(reading->at, "abcdefghijklmnopqrstuvwxyz_0123456789")};
    reading->at += word.length;
    return word;
}

static struct expansion_operand add_step(struct reading *reading, const struct expansion_step *step)
{
    struct expansion *expansion = reading->expansion;
    if (!ARENA_PUSH(reading->arena, expansion->steps, expansion->n_steps, expansion->capacity, *step))
        return (struct expansion_operand){EXPANSION_NUMBER, 0};
    return (struct expansion_operand){(int)expansion->n_steps - 1, 0};
}

/* The operation of that name, for a call the function too. */
static void find_operation(struct reading *reading, struct word word, struct expansion_step *step)
{
    step->op = EXPANSION_OP_COUNT;
    for (size_t k = 0; k < N_PRIMITIVES; k++)
        if (word_equals(word, primitives[k].name))
            step->op = (enum expansion_op)k;
    for (size_t k = 0; k < N_ROWS; k++)
        if (rows[k].elem == reading->elem && word_equals(word, ir_expr_info(rows[k].function)->name)) {
            step->op = EXPANSION_call;
            step->function = rows[k].function;
        }
}

static struct expansion_operand read_term(struct reading *reading);

/* Behind the opening parenthesis: c0, c1, ... of a polynomial of r, the highest first into one name. */
static struct expansion_operand read_polynomial(struct reading *reading, const char *name)
{
    struct expansion_operand coefficients[32], r = read_term(reading);
    size_t n = 0;
    while (skip(reading, " ,"), *reading->at != ')' && n < 32)
        coefficients[n++] = read_term(reading);
    assert(*reading->at == ')' && n > 1);
    reading->at++;
    struct expansion_operand sum = coefficients[--n];
    while (n > 0) {
        struct expansion_step step = {.op = EXPANSION_fma, .name = name, .n_operands = 3};
        step.operands[0] = sum;
        step.operands[1] = r;
        step.operands[2] = coefficients[--n];
        sum = add_step(reading, &step);
    }
    return sum;
}

static struct expansion_operand read_operation(struct reading *reading, struct word word, const char *name)
{
    struct expansion_step step = {.name = name};
    if (word_equals(word, "poly"))
        return read_polynomial(reading, name);
    find_operation(reading, word, &step);
    while (skip(reading, " ,"), *reading->at != ')' && step.n_operands < EXPANSION_OPERANDS)
        step.operands[step.n_operands++] = read_term(reading);
    assert(*reading->at == ')' && step.op != EXPANSION_OP_COUNT);
    assert(step.n_operands == (step.op == EXPANSION_call ? 1 : primitives[step.op].operands));
    reading->at++;
    return add_step(reading, &step);
}

/* The last step of that name. */
static struct expansion_operand find_name(const struct reading *reading, struct word word)
{
    size_t k = reading->expansion->n_steps;
    while (k > 0 && (!reading->expansion->steps[k - 1].name || !word_equals(word, reading->expansion->steps[k - 1].name)))
        k--;
    assert(k > 0 || arena_failed(reading->arena));
    return (struct expansion_operand){k > 0 ? (int)k - 1 : EXPANSION_NUMBER, 0};
}

static struct expansion_operand read_term(struct reading *reading)
{
    skip(reading, " ");
    if (strchr("-0123456789", *reading->at)) {
        char *end;
        struct expansion_operand number = {EXPANSION_NUMBER, strtod(reading->at, &end)};
        assert(end > reading->at);
        reading->at = end;
        return number;
    }
    struct word word = read_word(reading);
    if (word_equals(word, "inf") || word_equals(word, "nan"))
        return (struct expansion_operand){EXPANSION_NUMBER, word_equals(word, "inf") ? (double)INFINITY : (double)NAN};
    if (*reading->at != '(')
        return find_name(reading, word);
    reading->at++;
    return read_operation(reading, word, NULL);
}

/* name = operation(...), or the operation alone */
static void read_line(struct reading *reading)
{
    skip(reading, " ;");
    struct word word = read_word(reading);
    const char *name = NULL;
    skip(reading, " ");
    if (*reading->at == '=') {
        name = arena_strndup(reading->arena, word.text, word.length);
        reading->at++;
        skip(reading, " ");
        word = read_word(reading);
    }
    assert(*reading->at == '(');
    reading->at++;
    (void)read_operation(reading, word, name);
    skip(reading, " ;");
}

const struct expansion *expansion_of(struct arena *arena, enum ir_expr_op function, enum ir_elem elem)
{
    const struct row *row = find_row(function, elem);
    struct expansion *expansion = row ? ARENA_NEW(arena, struct expansion) : NULL;
    if (!expansion)
        return NULL;
    struct reading reading = {arena, expansion, elem, row->lines};
    const struct expansion_step argument = {.name = "x"};
    expansion->meaning = row->meaning;
    (void)add_step(&reading, &argument);
    while (*reading.at && !arena_failed(arena))
        read_line(&reading);
    return arena_failed(arena) ? NULL : expansion;
}
