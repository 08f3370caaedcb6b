/* Functions an emitted file brings along, each only when used: one row a function and kind of type.
 *
 * A 16-bit float is kept as its bits; unions show them as numbers (C99 6.5.2.3). In the text of a row T is the C type, ~ the suffix
 * of float functions and literals, @ the suffix of names, U the unsigned type of at least 32 bits, MIN the least value. Their
 * results are those of ir/eval: max and min give NaN when either is one, integers wrap, x / 0 is 0, MIN / -1 is MIN, and what does
 * not fit an integer type becomes its least value (0 when it is unsigned). */
#include "backends_internal.h"

#include <inttypes.h>
#include <string.h>

struct recipe {
    enum c_helper helper;
    const char *kinds; /* f: float, i: signed, u: unsigned, h: f16, b: bf16 */
    bool uses_math;
    const char *comment, *parameters, *body;
};

static const char *const helper_names[HELPER_COUNT] = {
    [HELPER_max] = "max",
    [HELPER_min] = "min",
    [HELPER_relu] = "relu",
    [HELPER_abs] = "abs",
    [HELPER_gelu] = "gelu",
    [HELPER_gelu_tanh] = "gelu_tanh",
    [HELPER_sigmoid] = "sigmoid",
    [HELPER_silu] = "silu",
    [HELPER_divide] = "divide",
    [HELPER_floor_div] = "floor_div",
    [HELPER_floor_mod] = "floor_mod",
    [HELPER_from_float] = "from_float",
    [HELPER_from_double] = "from_double",
    [HELPER_to_float] = "float_from",
    [HELPER_odd] = "round_to_odd",
};

/* 0x1.6a09e667f3bcdp-1 is sqrt(1/2), 0x1.9884533d43651p-1 sqrt(2/pi), 0x1.6e4e26d4801f7p-5 the 0.044715 of Hendrycks and Gimpel. */
static const struct recipe recipes[] = {
    {HELPER_max, "f", false, "the larger; NaN when either is NaN", "T a, T b", "return a > b || a != a ? a : b;"},
    {HELPER_max, "iu", false, "the larger", "T a, T b", "return a > b ? a : b;"},
    {HELPER_min, "f", false, "the lesser; NaN when either is NaN", "T a, T b", "return a < b || a != a ? a : b;"},
    {HELPER_min, "iu", false, "the lesser", "T a, T b", "return a < b ? a : b;"},
    {HELPER_relu, "f", false, "max(x, 0); NaN stays", "T x", "return x <= 0.0~ ? 0.0~ : x;"},
    {HELPER_relu, "i", false, "max(x, 0)", "T x", "return x < 0 ? 0 : x;"},
    {HELPER_abs, "i", false, "|x|; the least value stays", "T x", "return x < 0 ? (T)(0u - (U)x) : x;"},
    {HELPER_gelu, "f", true, "x times the normal distribution function of x", "T x",
     "return 0.5~ * x * (1.0~ + erf~(x * 0x1.6a09e667f3bcdp-1~));"},
    {HELPER_gelu_tanh, "f", true, "gelu by its tanh approximation", "T x",
     "return 0.5~ * x * (1.0~ + tanh~(0x1.9884533d43651p-1~ * (x + 0x1.6e4e26d4801f7p-5~ * x * x * x)));"},
    {HELPER_sigmoid, "f", true, "1 / (1 + exp(-x)), without overflow", "T x",
     "const T e = exp~(-fabs~(x));\n    return (x < 0.0~ ? e : 1.0~) / (1.0~ + e);"},
    {HELPER_silu, "f", true, "x / (1 + exp(-x)), without overflow", "T x",
     "const T e = exp~(-fabs~(x));\n    return x * ((x < 0.0~ ? e : 1.0~) / (1.0~ + e));"},
    {HELPER_divide, "i", false, "a / b towards zero; 0 when b is 0, wraps", "T a, T b",
     "if (b == 0) {\n        return 0;\n    }\n    if (b == -1) {\n        return (T)(0u - (U)a);\n    }\n    return (T)(a / b);"},
    {HELPER_divide, "u", false, "a / b; 0 when b is 0", "T a, T b", "return b == 0 ? (T)0 : (T)(a / b);"},
    {HELPER_floor_div, "i", false, "a / b rounded down; 0 when b is 0, wraps", "T a, T b",
     "if (b > 0) { /* in a form that compilers know as a shift */\n        return (T)((a < 0) ? (-1 - ((-1 - a) / b)) : (a / "
     "b));\n    }\n"
     "    if (b == 0) {\n        return 0;\n    }\n    if (b == -1) {\n        return (T)(0u - (U)a);\n    }\n"
     "    return (T)((a / b) - (((a % b) != 0) && ((a < 0) != (b < 0))));"},
    {HELPER_floor_div, "u", false, "a / b; 0 when b is 0", "T a, T b", "return b == 0 ? (T)0 : (T)(a / b);"},
    {HELPER_floor_mod, "f", true, "a - b * floor(a / b)", "T a, T b", "return a - b * floor~(a / b);"},
    {HELPER_floor_mod, "i", false, "a modulo b with the sign of b; a when b is 0", "T a, T b",
     "if (b == 0) {\n        return a;\n    }\n    if (b == -1) {\n        return 0;\n    }\n"
     "    return (T)((a % b) + ((((a % b) != 0) && ((a < 0) != (b < 0))) ? b : 0));"},
    {HELPER_floor_mod, "u", false, "a modulo b; a when b is 0", "T a, T b", "return b == 0 ? a : (T)(a % b);"},
    {HELPER_from_float, "i", false, "towards zero; what does not fit becomes the least value", "double x",
     "return x > LOW && x < HIGH ? (T)x : MIN;"},
    {HELPER_from_float, "u", false, "towards zero; what does not fit becomes 0", "double x",
     "return x > -1.0 && x < HIGH ? (T)x : 0;"},
    {HELPER_odd, "f", false, "the nearest float, and where that is not x itself, of its two neighbours the odd one", "double x",
     "union {\n        float value;\n        uint32_t bits;\n    } near = {(float)x};\n"
     "    const double back = (double)near.value;\n"
     "    if (back == x || x != x)\n        return near.value;\n"
     "    if (x < 0.0 ? back < x : back > x)\n        near.bits--;\n"
     "    near.bits |= 1u;\n    return near.value;"},
    {HELPER_from_float, "h", false, "the nearest f16, ties to even", "float x",
     "union {\n        float value;\n        uint32_t bits;\n    } number = {x};\n"
     "    const uint32_t sign = number.bits >> 16 & 0x8000u, size = number.bits & 0x7fffffffu;\n"
     "    if (size > 0x7f800000u) /* NaN */\n        return (uint16_t)(sign | 0x7e00u | (size >> 13 & 0x3ffu));\n"
     "    if (size >= 0x477ff000u) /* at least 65520 */\n        return (uint16_t)(sign | 0x7c00u);\n"
     "    if (size >= 0x38800000u) /* at least 2^-14: normal */\n"
     "        return (uint16_t)(sign | (size + 0xfffu + (size >> 13 & 1u) - 0x38000000u) >> 13);\n"
     "    number.bits = size;\n"
     "    number.value += 0.5f; /* whose last place is that of f16 here */\n"
     "    return (uint16_t)(sign | (number.bits - 0x3f000000u));"},
    {HELPER_from_float, "b", false, "the nearest bf16, ties to even", "float x",
     "union {\n        float value;\n        uint32_t bits;\n    } number = {x};\n"
     "    if (x != x)\n        return (uint16_t)(number.bits >> 16 | 0x40u);\n"
     "    return (uint16_t)((number.bits + 0x7fffu + (number.bits >> 16 & 1u)) >> 16);"},
    {HELPER_from_double, "hb", false, "the nearest @, ties to even, rounded once", "double x",
     "return @_from_float(round_to_odd_f64(x));"},
    {HELPER_to_float, "h", false, "an f16 as a float", "uint16_t x",
     "union {\n        uint32_t bits;\n        float value;\n    } number;\n"
     "    const uint32_t sign = (uint32_t)(x & 0x8000u) << 16, exponent = x >> 10 & 0x1fu, fraction = x & 0x3ffu;\n"
     "    if (exponent == 0) { /* subnormal: multiples of 2^-24 */\n"
     "        number.value = (float)fraction * 0x1p-24f;\n"
     "        number.bits |= sign;\n"
     "    } else {\n"
     "        number.bits = sign | (exponent == 0x1fu ? 0xffu : exponent + 112u) << 23 | fraction << 13;\n"
     "    }\n"
     "    return number.value;"},
    {HELPER_to_float, "b", false, "a bf16 as a float", "uint16_t x",
     "union {\n        uint32_t bits;\n        float value;\n    } number = {(uint32_t)x << 16};\n    return number.value;"},
};

/* Does the type come first: `i32_from_float`? */
static bool type_leads(enum c_helper helper)
{
    return helper == HELPER_from_float || helper == HELPER_from_double;
}

const char *c_helper_name(struct arena *arena, enum c_helper helper, enum ir_elem elem)
{
    if (type_leads(helper))
        return arena_printf(arena, "%s_%s", ir_elem_info(elem)->name, helper_names[helper]);
    return arena_printf(arena, "%s_%s", helper_names[helper], ir_elem_info(elem)->name);
}

static bool is_type_name(const char *name, size_t length)
{
    for (int elem = 0; elem < IR_ELEM_COUNT; elem++) {
        const char *type = ir_elem_info((enum ir_elem)elem)->name;
        if (strlen(type) == length && !memcmp(type, name, length))
            return true;
    }
    return false;
}

/* Every name of an emitted file is asked for, so nothing is spelled here. */
bool c_is_helper_name(const char *name)
{
    size_t length = strlen(name);
    for (int helper = 0; helper < HELPER_COUNT; helper++) {
        size_t own = strlen(helper_names[helper]);
        if (length < own + 2)
            continue;
        size_t rest = length - own - 1;
        bool leads = type_leads((enum c_helper)helper);
        const char *spelled = leads ? name + rest + 1 : name, *type = leads ? name : name + own + 1;
        if (name[leads ? rest : own] == '_' && !memcmp(spelled, helper_names[helper], own) && is_type_name(type, rest))
            return true;
    }
    return false;
}

static char kind_letter(enum ir_elem elem)
{
    switch (ir_elem_info(elem)->kind) {
    case IR_KIND_FLOAT:
        return elem == IR_f16 ? 'h' : elem == IR_bf16 ? 'b' : 'f';
    case IR_KIND_SIGNED:
        return 'i';
    default:
        return 'u';
    }
}

static const struct recipe *find_recipe(enum c_helper helper, enum ir_elem elem)
{
    for (size_t k = 0; k < sizeof recipes / sizeof *recipes; k++)
        if (recipes[k].helper == helper && strchr(recipes[k].kinds, kind_letter(elem)))
            return &recipes[k];
    return NULL;
}

const char *c_use_helper(struct c_file *file, enum c_helper helper, enum ir_elem elem)
{
    const struct recipe *recipe = find_recipe(helper, elem);
    file->helpers[helper][elem] = true;
    file->uses_math |= recipe && recipe->uses_math;
    if (helper == HELPER_from_double) {
        c_use_helper(file, HELPER_odd, IR_f64);
        c_use_helper(file, HELPER_from_float, elem);
    }
    return c_helper_name(file->arena, helper, elem);
}

static bool takes_word(const char **at, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*at, word, length))
        return false;
    *at += length - 1;
    return true;
}

/* The row's text for one type. */
static void put_for_type(struct text *text, const char *from, enum ir_elem elem)
{
    int bits = (int)ir_elem_info(elem)->bytes * 8;
    bool is_signed = kind_letter(elem) == 'i';
    for (const char *at = from; *at; at++) {
        if (takes_word(&at, "MIN"))
            text_printf(text, "INT%d_MIN", bits);
        else if (takes_word(&at, "LOW")) /* below the least value; for 64 bits the least value's neighbour below */
            text_printf(text, bits == 64 ? "-0x1.0000000000001p%d" : "-0x1p%d - 1.0", bits - 1);
        else if (takes_word(&at, "HIGH"))
            text_printf(text, "0x1p%d", is_signed ? bits - 1 : bits);
        else if (*at == 'T')
            text_put(text, c_type(elem));
        else if (*at == 'U')
            text_put(text, bits == 64 ? "uint64_t" : "uint32_t");
        else if (*at == '@')
            text_put(text, ir_elem_info(elem)->name);
        else if (*at == '~')
            text_put(text, elem == IR_f32 ? "f" : "");
        else
            text_put_bytes(text, at, 1);
    }
}

static const char *result_type(enum c_helper helper, enum ir_elem elem)
{
    return helper == HELPER_odd || helper == HELPER_to_float ? "float" : c_type(elem);
}

static enum c_helper helper_of(enum ir_expr_op function)
{
    for (int helper = 0; helper < HELPER_COUNT; helper++)
        if (!strcmp(helper_names[helper], ir_expr_info(function)->name))
            return (enum c_helper)helper;
    return HELPER_COUNT;
}

/* The function's own C as a row of ops.def has it, else the body of its helper. */
void c_put_function_of_number(struct text *text, enum ir_expr_op function, enum ir_elem elem, const char *result)
{
    static const char gives[] = "return ";
    const char *body = ir_expr_info(function)->c;
    if (*body) {
        const char *place = strstr(body, "$0");
        struct text call = text_create(text->arena);
        text_printf(&call, "return %.*sx%s;", (int)(place - body), body, place + 2);
        body = text_finish(&call);
    } else {
        const struct recipe *recipe = find_recipe(helper_of(function), elem);
        body = recipe ? recipe->body : NULL;
    }
    const char *last = body ? strstr(body, gives) : NULL;
    if (!last)
        return;
    struct text whole = text_create(text->arena);
    text_printf(&whole, "%.*s%s = %s", (int)(last - body), body, result, last + sizeof gives - 1);
    const char *finished = text_finish(&whole);
    for (const char *line = finished; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        line += strspn(line, " ");
        const char *copy = arena_strndup(text->arena, line, strcspn(line, "\n"));
        text_put(text, "        ");
        put_for_type(text, copy ? copy : "", elem);
        text_put(text, "\n");
    }
}

void c_put_helpers(struct c_file *file, struct text *text)
{
    static const enum c_helper order[] = {HELPER_max,       HELPER_min,     HELPER_relu,       HELPER_abs,         HELPER_gelu,
                                          HELPER_gelu_tanh, HELPER_sigmoid, HELPER_silu,       HELPER_divide,      HELPER_floor_div,
                                          HELPER_floor_mod, HELPER_odd,     HELPER_from_float, HELPER_from_double, HELPER_to_float};
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (int elem = 0; elem < IR_ELEM_COUNT; elem++) {
            const struct recipe *recipe = find_recipe(order[k], (enum ir_elem)elem);
            if (!recipe || !file->helpers[order[k]][elem])
                continue;
            text_put(text, "/* ");
            put_for_type(text, recipe->comment, (enum ir_elem)elem);
            text_printf(text, " */\nstatic %s %s(", result_type(order[k], (enum ir_elem)elem),
                        c_helper_name(file->arena, order[k], (enum ir_elem)elem));
            put_for_type(text, recipe->parameters, (enum ir_elem)elem);
            text_put(text, ")\n{\n    ");
            put_for_type(text, recipe->body, (enum ir_elem)elem);
            text_put(text, "\n}\n\n");
        }
}
