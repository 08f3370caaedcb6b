/* Names in emitted C: from the source, mangled only where C or C++ (the header is read by both) would take them otherwise.
 *
 * A name that is a keyword, a macro or function of the standard library, reserved to the implementation, or one of our own helpers
 * gets `_` behind; one that is taken gets a number. File scope holds kernels and tables; function scope holds dims, buffers and
 * locals; loop indices and row pointers only have to differ from what is visible where they stand, so that separate loops may
 * share a letter as they do when written by hand. */
#include "backends_internal.h"

#include <ctype.h>
#include <string.h>

/* Words a name must not be, in one string each so that the table reads as the list it is. */
static const char *const reserved[] = {
    /* C99, C11, C23 and C++ keywords */
    "alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept const const_cast consteval "
    "constexpr constinit continue co_await co_return co_yield decltype default delete do double dynamic_cast else enum explicit "
    "export extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or "
    "or_eq private protected public register reinterpret_cast requires restrict return short signed sizeof static static_assert "
    "static_cast struct switch template this thread_local throw true try typedef typeid typename typeof typeof_unqual union "
    "unsigned using virtual void volatile wchar_t while xor xor_eq",
    /* macros that headers and compilers put into every program */
    "I NULL NAN INFINITY EOF alloca bool complex imaginary errno assert offsetof linux unix i386 near far stdin "
    "stdout stderr NDEBUG signbit isnan isinf isfinite isnormal fpclassify isgreater isless isunordered",
    /* types of the standard headers */
    "size_t ssize_t ptrdiff_t max_align_t nullptr_t wchar_t char8_t char16_t char32_t wint_t float_t double_t div_t ldiv_t lldiv_t "
    "fpos_t off_t time_t clock_t mbstate_t va_list",
    /* what else emitted host programs call or declare */
    "calloc fclose fopen fread fwrite strchr strncmp strspn strtoull va_list va_start va_end FILE BUFSIZ",
    /* functions of <math.h> of C99 to C23 and what compilers know as builtins; a form for another type is known by its base */
    "acos acosh acospi asin asinh asinpi atan atan2 atan2pi atanh atanpi cabs cacos cacosh canonicalize carg casin "
    "casinh catan catanh cbrt ccos ccosh ceil cexp cimag clog compoundn conj copysign cos cosh cospi cpow cproj "
    "creal csin csinh csqrt ctan ctanh dadd ddiv dfma dmul drem dsub erf erfc exp exp10 exp10m1 exp2 exp2m1 expm1 "
    "fabs fadd fdim fdiv ffma finite floor fma fmax fmaximum fmaximum_mag fmaximum_num fmaxmag fmin fminimum "
    "fminimum_mag fminimum_num fminmag fmod fmul frexp fromfp fromfpx fsub gamma getpayload hypot ilogb isinf isnan "
    "j0 j1 jn ldexp lgamma lgamma_r llogb llrint llround log log10 log10p1 log1p log2 log2p1 logb logp1 lrint "
    "lround modf nan nearbyint nextafter nextdown nexttoward nextup pow pow10 pown powr remainder remquo rint rootn "
    "round roundeven rsqrt scalb scalbln scalbn setpayload setpayloadsig significand sin sincos sinh sinpi sqrt tan "
    "tanh tanpi tgamma totalorder totalordermag trunc ufromfp ufromfpx y0 y1 yn",
    /* functions a program would be surprised to lose */
    "main abort abs atexit atof atoi atol bsearch calloc div exit free getenv index labs ldiv llabs lldiv malloc memchr memcmp "
    "memcpy "
    "memmove memset printf fprintf sprintf snprintf scanf puts putchar getchar qsort rand read realloc remove rename rindex select "
    "signal srand strcat strchr strcmp strcpy strlen strncmp strstr strtod strtol system time write open close link access send "
    "recv "
    "accept bind listen connect socket",
};

static bool in_words(const char *words, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strstr(words, name); at; at = strstr(at + 1, name))
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

enum { MATH_LENGTH = 30 };

/* int8_t to uint_fast64_t; the macros of <stdint.h>, <math.h> and their like begin alike. */
static bool is_family_name(const char *name, size_t length)
{
    static const char *const beginnings[] = {"INT",  "UINT", "PTRDIFF_", "SIZE_", "SIG_", "WCHAR_", "WINT_", "HUGE_",  "FP_",
                                             "FLT_", "DBL_", "LDBL_",    "DEC",   "M_",   "MATH_",  "CMPLX", "LDOUBLE"};
    if (length > 5 && !strcmp(name + length - 2, "_t") && (!strncmp(name, "int", 3) || !strncmp(name, "uint", 4)))
        return true;
    for (size_t k = 0; k < sizeof beginnings / sizeof *beginnings; k++)
        if (!strncmp(name, beginnings[k], strlen(beginnings[k])))
            return true;
    return false;
}

bool c_name_is_reserved(const char *name)
{
    /* _X and __ are the implementation's everywhere, _x at file scope, and x__y in C++ */
    if (name[0] == '_' || strstr(name, "__") || !strncmp(name, "einc_", 5))
        return true;
    size_t length = strlen(name);
    char base[MATH_LENGTH + 1] = {0}; /* without the letter of a form for float or long double */
    if (length > 1 && length <= MATH_LENGTH + 1 && strchr("fl", name[length - 1]))
        memcpy(base, name, length - 1);
    for (size_t k = 0; k < sizeof reserved / sizeof *reserved; k++)
        if (in_words(reserved[k], name) || (base[0] && in_words(reserved[k], base)))
            return true;
    return is_family_name(name, length) || c_is_helper_name(name);
}

/* Letters, digits and single underscores. */
static char *spell(struct arena *arena, const char *name)
{
    size_t length = strlen(name), at = 0;
    char *result = ARENA_ARRAY(arena, length + 3, char);
    if (!result)
        return NULL;
    if (!isalpha((unsigned char)name[0]))
        result[at++] = 'v';
    for (size_t k = 0; k < length; k++) {
        char c = isalnum((unsigned char)name[k]) && (unsigned char)name[k] < 128 ? name[k] : '_';
        if (c != '_' || (at && result[at - 1] != '_'))
            result[at++] = c;
    }
    return result;
}

const char *c_mangle(struct arena *arena, const char *name)
{
    const char *spelled = name ? spell(arena, name) : NULL;
    if (!spelled)
        return NULL;
    return c_name_is_reserved(spelled) ? arena_printf(arena, "%s_", spelled) : spelled;
}

bool c_name_taken(const struct c_names *names, const char *name)
{
    for (size_t k = 0; names && name && k < names->count; k++)
        if (!strcmp(names->items[k], name))
            return true;
    return false;
}

static const char *numbered(struct arena *arena, const char *name, unsigned number)
{
    size_t length = strlen(name);
    bool apart = isdigit((unsigned char)name[length - 1]) != 0;
    return arena_printf(arena, "%s%s%u", name, apart ? "_" : "", number);
}

const char *c_name_unique(struct arena *arena, struct c_names *names, const struct c_names *others, const char *wanted)
{
    const char *first = c_mangle(arena, wanted), *name = first;
    for (unsigned number = 2; name && (c_name_taken(names, name) || c_name_taken(others, name)); number++)
        name = numbered(arena, first, number);
    return name && ARENA_PUSH(arena, names->items, names->count, names->capacity, name) ? name : NULL;
}

const char *c_scope_name(struct c_kernel *kernel, const char *wanted)
{
    struct arena *arena = kernel->file->arena;
    struct c_names visible = {kernel->visible, kernel->n_visible, kernel->visible_capacity};
    const char *first = c_mangle(arena, wanted), *name = first;
    for (unsigned number = 2;
         name && (c_name_taken(&visible, name) || c_name_taken(&kernel->names, name) || c_name_taken(&kernel->file->names, name));
         number++)
        name = numbered(arena, first, number);
    return name && ARENA_PUSH(arena, kernel->visible, kernel->n_visible, kernel->visible_capacity, name) ? name : NULL;
}

/* Arguments first: their names are the interface, so they are the last to be changed. */
static bool name_buffers(struct c_kernel *kernel, bool arguments)
{
    const struct loop_function *loops = kernel->loops;
    for (uint32_t k = 0; k < loops->n_buffers; k++) {
        const struct loop_buffer *buffer = &loops->buffers[k];
        bool is_argument = buffer->kind == LOOP_INPUT || buffer->kind == LOOP_OUTPUT || c_is_weight(kernel, k);
        if (is_argument != arguments || (buffer->kind == LOOP_CONSTANT && !is_argument))
            continue;
        kernel->buffers[k] = c_name_unique(kernel->file->arena, &kernel->names, &kernel->file->names, buffer->name);
        if (!kernel->buffers[k])
            return false;
    }
    return true;
}

bool c_kernel_names(struct c_kernel *kernel)
{
    struct arena *arena = kernel->file->arena;
    const struct loop_function *loops = kernel->loops;
    for (uint32_t k = 0; k < loops->n_dims; k++) {
        const char *name = ir_dim_at(kernel->file->context, loops->dims[k])->name;
        kernel->dims[loops->dims[k]] = c_name_unique(arena, &kernel->names, &kernel->file->names, name);
    }
    if (!name_buffers(kernel, true))
        return false;
    kernel->workspace = c_name_unique(arena, &kernel->names, &kernel->file->names, "workspace");
    if (!name_buffers(kernel, false))
        return false;
    for (uint32_t k = 0; k < loops->n_locals; k++)
        kernel->locals[k] = c_name_unique(arena, &kernel->names, &kernel->file->names, loops->locals[k].name);
    return !arena_failed(arena);
}
