/* Fixed-point types: `q7[64] scale(0.5)`, integers of 8 or 16 bits that stand for themselves times scale / 2^7 or 2^15.
 *
 * Below the frontend they are i8 and i16; what the integers stand for stays with the names of tensors, and fixed_point.c writes
 * each rounding out. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "declare_internal.h"

static const struct {
    const char *name;
    enum ir_elem elem;
    int bits;
} types[] = {{"q7", IR_i8, 7}, {"q15", IR_i16, 15}};

/* Ratios of scales have room in a double. */
static const double LEAST_SCALE = 0x1p-200, LARGEST_SCALE = 0x1p200;

bool refuse_scale(struct resolver *resolver, const struct ast_type *ast)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct diag *diag = diag_error(diagnostics, DIAG_E0509, ast->scale->span, "%s has no scale", ast->element.text);
    diag_help(diagnostics, diag, "fixed-point types have: q7 q15");
    return false;
}

static bool read_scale(struct resolver *resolver, const struct ast_type *ast, double *scale)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct weak_number number;
    *scale = 1;
    if (!ast->scale)
        return true;
    if (!resolve_number(resolver, ast->scale, &number))
        return false;
    *scale = number.re;
    if ((number.kind == WEAK_INTEGER || number.kind == WEAK_REAL) && number.re >= LEAST_SCALE && number.re <= LARGEST_SCALE)
        return true;
    struct diag *diag = diag_error(diagnostics, DIAG_E0509, ast->scale->span, "a scale is a number from 2^-200 to 2^200");
    diag_help(diagnostics, diag, "`%s scale(s)` has numbers from -s to s", ast->element.text);
    return false;
}

bool resolve_fixed_point(struct resolver *resolver, const struct ast_type *ast, struct tensor_type *type)
{
    size_t row = 0, count = sizeof types / sizeof *types;
    while (row < count && strcmp(types[row].name, ast->element.text) != 0)
        row++;
    if (row == count)
        return false;
    struct fixed_point *fixed = ARENA_NEW(ir_arena(resolver->context), struct fixed_point);
    double scale;
    type->elem = types[row].elem;
    type->fixed = NULL;
    if (!read_scale(resolver, ast, &scale) || !fixed)
        return true;
    int64_t limit = INT64_C(1) << types[row].bits;
    *fixed = (struct fixed_point){types[row].name, ldexp(scale, -types[row].bits), -limit, limit - 1};
    type->fixed = fixed;
    return true;
}

bool fixed_point_same(const struct fixed_point *a, const struct fixed_point *b)
{
    if (!a || !b)
        return a == b;
    return a->step == b->step && (a->name && b->name ? strcmp(a->name, b->name) == 0 : a->name == b->name);
}

const char *fixed_point_name(const struct fixed_point *fixed)
{
    return fixed->name ? fixed->name : "fixed point";
}

void fixed_point_print_scale(struct text *text, const struct fixed_point *fixed)
{
    char decimals[32];
    double scale = fixed->step * -(double)fixed->low;
    if (!fixed->name || scale == 1)
        return;
    for (int digits = 1; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(decimals, sizeof decimals, "%.*g", digits, scale);
        if (strtod(decimals, NULL) == scale)
            break;
    }
    text_printf(text, " scale(%s)", decimals);
}

bool number_in_fixed_point(struct resolver *resolver, const struct weak_number *number, const struct tensor_type *type,
                           struct span span, struct ir_number *result)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    const struct fixed_point *fixed = type->fixed;
    double rounded = floor(number->re / fixed->step + 0.5);
    bool is_real = number->kind == WEAK_INTEGER || number->kind == WEAK_REAL;
    if (is_real && rounded >= (double)fixed->low && rounded <= (double)fixed->high) {
        *result = ir_number_integer(type->elem, (int64_t)rounded);
        return true;
    }
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0502, span, is_real ? "number out of the range of %s" : "this is no number of %s",
                   tensor_type_text(resolver, &(struct tensor_type){.elem = type->elem, .fixed = fixed}));
    diag_help(diagnostics, diag, "numbers from %g to %g", fixed->step * (double)fixed->low, fixed->step * (double)fixed->high);
    return false;
}
