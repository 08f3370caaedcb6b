/* Numbers known to the compiler: the weakly typed expressions that may stand in constants, and their values in an element type.
 * Evaluated in double, integers in 64 bits without wrapping. */
#include <math.h>
#include <string.h>
#include "resolve.h"

static bool real_number(struct weak_number *number, double value)
{
    *number = (struct weak_number){.kind = WEAK_REAL, .re = value};
    return true;
}

static bool integer_number(struct weak_number *number, int64_t value)
{
    *number = (struct weak_number){.kind = WEAK_INTEGER, .integer = value, .re = (double)value};
    return true;
}

/* The integer literals past 2^63 - 1. */
static bool unsigned_number(struct weak_number *number, int64_t bits)
{
    *number = (struct weak_number){.kind = WEAK_UNSIGNED, .integer = bits, .re = (double)(uint64_t)bits};
    return true;
}

static bool complex_number(struct weak_number *number, double re, double im)
{
    *number = (struct weak_number){.kind = WEAK_COMPLEX, .re = re, .im = im};
    return true;
}

static bool not_a_number(struct resolver *resolver, const struct ast_expr *expr)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct diag *diag = diag_error(diagnostics, DIAG_E0503, expr->span, "this is no number known to the compiler");
    diag_help(diagnostics, diag, "numbers, `2i`, `pi`, static dims, `+ - * /` and functions of real numbers may stand here");
    return false;
}

static bool dim_number(struct resolver *resolver, const struct ast_expr *expr, struct weak_number *number)
{
    const struct symbol *symbol = scope_find(resolver->scope, expr->name.text);
    int64_t value;
    if (symbol && symbol->failed)
        return false;
    if (!symbol || symbol->kind != SYMBOL_DIM)
        return not_a_number(resolver, expr);
    if (poly_is_constant(symbol->value, &value))
        return integer_number(number, value);
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct diag *diag = diag_error(diagnostics, DIAG_E0503, expr->span, "`%s` is known at run time only", expr->name.text);
    diag_note(diagnostics, diag, symbol->span, "declared here");
    diag_help(diagnostics, diag, "give it a value with `=` or `--dims`");
    return false;
}

static bool integer_binary(struct resolver *resolver, const struct ast_expr *expr, int64_t a, int64_t b, struct weak_number *number)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    int64_t value = 0;
    bool fits;
    switch (expr->op) {
    case AST_ADD:
        fits = checked_add(a, b, &value);
        break;
    case AST_SUBTRACT:
        fits = !__builtin_sub_overflow(a, b, &value);
        break;
    case AST_MULTIPLY:
        fits = checked_multiply(a, b, &value);
        break;
    case AST_DIV:
    case AST_MOD:
        if (b <= 0) {
            diag_error(diagnostics, DIAG_E0503, expr->span, "`%s` by %lld", expr->op == AST_DIV ? "div" : "mod", (long long)b);
            return false;
        }
        fits = true;
        value = expr->op == AST_DIV ? floor_divide(a, b) : floor_remainder(a, b);
        break;
    case AST_DIVIDE: {
        struct diag *diag = diag_error(diagnostics, DIAG_E0504, expr->span, "`/` between two integers: rounded or exact?");
        diag_help(diagnostics, diag, "write `div` to round down, or a decimal for the exact quotient, as in `%lld.0 / %lld`",
                  (long long)a, (long long)b);
        return false;
    }
    default:
        return not_a_number(resolver, expr);
    }
    if (!fits)
        diag_error(diagnostics, DIAG_E0502, expr->span, "this integer overflows 64 bits");
    return fits && integer_number(number, value);
}

static bool complex_binary(enum ast_op op, const struct weak_number *a, const struct weak_number *b, struct weak_number *number)
{
    switch (op) {
    case AST_ADD:
        return complex_number(number, a->re + b->re, a->im + b->im);
    case AST_SUBTRACT:
        return complex_number(number, a->re - b->re, a->im - b->im);
    case AST_MULTIPLY:
        return complex_number(number, a->re * b->re - a->im * b->im, a->re * b->im + a->im * b->re);
    case AST_DIVIDE: {
        double norm = b->re * b->re + b->im * b->im;
        return complex_number(number, (a->re * b->re + a->im * b->im) / norm, (a->im * b->re - a->re * b->im) / norm);
    }
    default:
        return false;
    }
}

static bool real_binary(enum ast_op op, double a, double b, struct weak_number *number)
{
    switch (op) {
    case AST_ADD:
        return real_number(number, a + b);
    case AST_SUBTRACT:
        return real_number(number, a - b);
    case AST_MULTIPLY:
        return real_number(number, a * b);
    case AST_DIVIDE:
        return real_number(number, a / b);
    case AST_DIV:
        return real_number(number, floor(a / b));
    case AST_MOD:
        return real_number(number, a - b * floor(a / b));
    default:
        return false;
    }
}

static bool overflows(struct resolver *resolver, struct span span)
{
    diag_error(ir_diagnostics(resolver->context), DIAG_E0502, span, "this integer overflows 64 bits");
    return false;
}

static bool is_whole_number(const struct weak_number *number)
{
    return number->kind == WEAK_INTEGER || number->kind == WEAK_UNSIGNED;
}

static bool binary_number(struct resolver *resolver, const struct ast_expr *expr, struct weak_number *number)
{
    struct weak_number a, b;
    if (!resolve_number(resolver, expr->arguments, &a) || !resolve_number(resolver, expr->arguments->next, &b))
        return false;
    if (a.kind == WEAK_BOOL || b.kind == WEAK_BOOL)
        return not_a_number(resolver, expr);
    if (a.kind == WEAK_INTEGER && b.kind == WEAK_INTEGER)
        return integer_binary(resolver, expr, a.integer, b.integer, number);
    if (is_whole_number(&a) && is_whole_number(&b))
        return overflows(resolver, expr->span);
    bool good = a.kind == WEAK_COMPLEX || b.kind == WEAK_COMPLEX ? complex_binary(expr->op, &a, &b, number)
                                                                 : real_binary(expr->op, a.re, b.re, number);
    return good || not_a_number(resolver, expr);
}

static bool negate(struct resolver *resolver, const struct ast_expr *expr, struct weak_number *number)
{
    if (expr->op != AST_NEGATE || !resolve_number(resolver, expr->arguments, number))
        return expr->op != AST_NEGATE && not_a_number(resolver, expr);
    if (number->kind == WEAK_BOOL)
        return not_a_number(resolver, expr);
    if (number->kind == WEAK_UNSIGNED && number->integer == INT64_MIN)
        return integer_number(number, INT64_MIN);
    if (number->kind == WEAK_UNSIGNED || (number->kind == WEAK_INTEGER && number->integer == INT64_MIN))
        return overflows(resolver, expr->span);
    number->integer = -number->integer;
    number->re = -number->re;
    number->im = -number->im;
    return true;
}

/* Functions of one real number, and the casts that take an integer out of the integers. */
static bool call_number(struct resolver *resolver, const struct ast_expr *expr, struct weak_number *number)
{
    static const struct {
        const char *name;
        double (*function)(double);
    } table[] = {{"exp", exp}, {"log", log}, {"sqrt", sqrt}, {"tanh", tanh},
                 {"erf", erf}, {"sin", sin}, {"cos", cos},   {"abs", fabs}};
    struct weak_number argument;
    if (expr->n_arguments != 1)
        return not_a_number(resolver, expr);
    if (!resolve_number(resolver, expr->arguments, &argument))
        return false;
    if (argument.kind == WEAK_BOOL || argument.kind == WEAK_COMPLEX)
        return not_a_number(resolver, expr);
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (strcmp(table[k].name, expr->name.text) == 0)
            return real_number(number, table[k].function(argument.re));
    if (strcmp(expr->name.text, "f64") == 0)
        return real_number(number, argument.re);
    if (strcmp(expr->name.text, "f32") == 0)
        return real_number(number, (double)(float)argument.re);
    return not_a_number(resolver, expr);
}

bool resolve_number(struct resolver *resolver, const struct ast_expr *expr, struct weak_number *number)
{
    if (!expr)
        return false;
    switch (expr->kind) {
    case AST_INTEGER:
        return integer_number(number, expr->integer);
    case AST_UNSIGNED:
        return unsigned_number(number, expr->integer);
    case AST_FLOAT:
        return real_number(number, expr->number);
    case AST_IMAGINARY:
        return complex_number(number, 0.0, expr->number);
    case AST_BOOL:
        *number = (struct weak_number){.kind = WEAK_BOOL, .integer = expr->integer, .re = (double)expr->integer};
        return true;
    case AST_PI:
        return real_number(number, 3.14159265358979323846);
    case AST_NAME:
        return dim_number(resolver, expr, number);
    case AST_PAREN:
        return resolve_number(resolver, expr->arguments, number);
    case AST_UNARY:
        return negate(resolver, expr, number);
    case AST_BINARY:
        return binary_number(resolver, expr, number);
    case AST_CALL:
        return call_number(resolver, expr, number);
    default:
        return not_a_number(resolver, expr);
    }
}

static const char *weak_text(struct resolver *resolver, struct weak_number number)
{
    struct arena *arena = ir_arena(resolver->context);
    switch (number.kind) {
    case WEAK_BOOL:
        return number.integer ? "true" : "false";
    case WEAK_INTEGER:
        return arena_printf(arena, "%lld", (long long)number.integer);
    case WEAK_UNSIGNED:
        return arena_printf(arena, "%llu", (unsigned long long)number.integer);
    case WEAK_REAL:
        return arena_printf(arena, "%g", number.re);
    default:
        return arena_printf(arena, "%g%+gi", number.re, number.im);
    }
}

static bool does_not_fit(struct resolver *resolver, struct weak_number number, enum ir_elem elem, struct span span,
                         const char *help)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    const char *text = weak_text(resolver, number);
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0502, span, "%s is no number of type %s", text ? text : "this", ir_elem_info(elem)->name);
    if (help)
        diag_help(diagnostics, diag, "%s", help);
    return false;
}

static bool integer_in_type(struct resolver *resolver, struct weak_number number, enum ir_elem elem, struct span span,
                            struct ir_number *result)
{
    const struct ir_elem_info *info = ir_elem_info(elem);
    unsigned bits = 8 * info->bytes;
    bool is_signed = info->kind == IR_KIND_SIGNED;
    if (!is_whole_number(&number))
        return does_not_fit(resolver, number, elem, span, "write an integer, or declare a type that holds such numbers");
    int64_t most = bits == 64 ? INT64_MAX : (INT64_C(1) << (bits - is_signed)) - 1;
    int64_t least = !is_signed ? 0 : bits == 64 ? INT64_MIN : -most - 1;
    bool past = number.kind == WEAK_UNSIGNED && elem != IR_u64;
    if (number.kind == WEAK_UNSIGNED ? past : number.integer < least || number.integer > most) {
        const char *range =
            arena_printf(ir_arena(resolver->context), "%s holds %lld to %s", info->name, (long long)least,
                         elem == IR_u64 ? "2^64 - 1" : arena_printf(ir_arena(resolver->context), "%lld", (long long)most));
        return does_not_fit(resolver, number, elem, span, range);
    }
    *result = ir_number_integer(elem, number.integer);
    return true;
}

bool number_in_type(struct resolver *resolver, struct weak_number number, enum ir_elem elem, struct span span,
                    struct ir_number *result)
{
    if (ir_elem_is_integer(elem))
        return integer_in_type(resolver, number, elem, span, result);
    if (elem == IR_bool) {
        if (number.kind != WEAK_BOOL)
            return does_not_fit(resolver, number, elem, span, "write `true` or `false`");
        *result = ir_number_integer(elem, number.integer);
        return true;
    }
    if (number.kind == WEAK_BOOL)
        return does_not_fit(resolver, number, elem, span, "write 1 or 0, or declare bool");
    if (number.kind == WEAK_COMPLEX && !ir_elem_is_complex(elem))
        return does_not_fit(resolver, number, elem, span,
                            ir_elem_real(elem) == IR_f32 ? "complex numbers need c64" : "complex numbers need c128");
    if ((isfinite(number.re) && isinf(ir_round_real(elem, number.re))) ||
        (isfinite(number.im) && isinf(ir_round_real(elem, number.im))))
        return does_not_fit(resolver, number, elem, span,
                            "it is above the largest finite number of the type; write `inf` if that was meant");
    *result = ir_elem_is_complex(elem) ? ir_number_complex(elem, number.re, number.im) : ir_number_real(elem, number.re);
    return true;
}
