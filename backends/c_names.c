/* Names in emitted C: from the source, mangled only where C or C++ (the header is read by both) would take them otherwise.
 *
 * A name that is a keyword, a macro or function of the standard library, reserved to the implementation, or one of our own helpers
 * gets `_` behind; one that is taken gets a number. File scope holds kernels and tables; function scope holds dims, buffers and
 * locals; loop indices and row pointers only have to differ from what is visible where they stand, so that separate loops may
 * share a letter as they do when written by hand. */
#include "backends_internal.h"

#include <ctype.h>
#include <string.h>

/* Words a name must not be, by their first letter, in one string each: keywords of C99 to C23 and of C++; macros that headers and
 * compilers put into every program; types of the standard headers; functions of <math.h> of C99 to C23 and what compilers know as
 * builtins (a form for another type is known by its base); what emitted host programs call or declare; functions a program would be
 * surprised to lose. */
static const char *const reserved[128] = {
    ['B'] = "BUFSIZ",
    ['E'] = "EOF",
    ['F'] = "FILE",
    ['I'] = "I INFINITY",
    ['N'] = "NAN NDEBUG NULL",
    ['a'] = "abort abs accept access acos acosh acospi alignas aligned_alloc alignof alloca and and_eq asin asinh asinpi "
            "asm assert atan atan2 atan2pi atanh atanpi atexit atof atoi atol auto",
    ['b'] = "bcmp bcopy bind bitand bitor bool break bsearch bzero",
    ['c'] = "cabs cacos cacosh calloc canonicalize carg case casin casinh catan catanh catch cbrt ccos ccosh ceil cexp char "
            "char16_t char32_t char8_t cimag class clock_t clog clog10 close co_await co_return co_yield compl complex "
            "compoundn concept conj connect const const_cast consteval constexpr constinit continue copysign cos cosh cospi "
            "cpow cproj creal csin csinh csqrt ctan ctanh",
    ['d'] = "dadd dcgettext ddiv decltype default delete dfma dgettext div div_t dmul do double double_t drem dsub "
            "dynamic_cast",
    ['e'] = "else enum erf erfc errno execl execle execlp execv execve execvp exit exp exp10 exp10m1 exp2 exp2m1 explicit "
            "expm1 export extern",
    ['f'] = "fabs fadd false far fclose fdim fdiv ffma ffs ffsl ffsll finite float float_t floor fma fmax fmaximum "
            "fmaximum_mag fmaximum_num fmaxmag fmin fminimum fminimum_mag fminimum_num fminmag fmod fmul fopen for fork "
            "fpclassify fpos_t fprintf fputc fputs fread free frexp friend fromfp fromfpx fscanf fsub fwrite",
    ['g'] = "gamma gamma_r gammaf_r getchar getenv getpayload gettext goto",
    ['h'] = "hypot",
    ['i'] = "i386 if ilogb imaginary imaxabs index inline int isalnum isalpha isascii isblank iscntrl isdigit isfinite "
            "isgraph isgreater isinf isless islower isnan isnormal isprint ispunct isspace isunordered isupper iswalnum "
            "iswalpha iswblank iswcntrl iswdigit iswgraph iswlower iswprint iswpunct iswspace iswupper iswxdigit isxdigit",
    ['j'] = "j0 j1 jn",
    ['l'] = "labs ldexp ldiv ldiv_t lgamma lgamma_r link linux listen llabs lldiv lldiv_t llogb llrint llround log log10 "
            "log10p1 log1p log2 log2p1 logb logp1 long lrint lround",
    ['m'] = "main malloc max_align_t mbstate_t memchr memcmp memcpy memmove mempcpy memset modf mutable",
    ['n'] = "namespace nan near nearbyint new nextafter nextdown nexttoward nextup noexcept not not_eq nullptr nullptr_t",
    ['o'] = "off_t offsetof open operator or or_eq",
    ['p'] = "posix_memalign pow pow10 pown powr printf private protected ptrdiff_t public putchar puts",
    ['q'] = "qsort",
    ['r'] = "rand read realloc recv register reinterpret_cast remainder remove remquo rename requires restrict return "
            "rindex rint rootn round roundeven rsqrt",
    ['s'] = "scalb scalbln scalbn scanf select send setpayload setpayloadsig short signal signbit signed significand sin "
            "sincos sinh sinpi size_t sizeof snprintf socket sprintf sqrt srand sscanf ssize_t static static_assert "
            "static_cast stderr stdin stdout stpcpy stpncpy strcasecmp strcat strchr strcmp strcpy strcspn strdup strfmon "
            "strftime strlen strncasecmp strncat strncmp strncpy strndup strnlen strpbrk strrchr strspn strstr strtod "
            "strtol strtoull struct switch system",
    ['t'] = "tan tanh tanpi template tgamma this thread_local throw time time_t toascii tolower totalorder totalordermag "
            "toupper towlower towupper true trunc try typedef typeid typename typeof typeof_unqual",
    ['u'] = "ufromfp ufromfpx union unix unsigned using",
    ['v'] = "va_end va_list va_start vfprintf vfscanf virtual void volatile vprintf vscanf vsnprintf vsprintf vsscanf",
    ['w'] = "wchar_t while wint_t write",
    ['x'] = "xor xor_eq",
    ['y'] = "y0 y1 yn",
};

static bool is_reserved_word(const char *name)
{
    const char *words = reserved[(unsigned char)name[0] & 127];
    size_t length = strlen(name);
    for (const char *at = words ? strstr(words, name) : NULL; at; at = strstr(at + 1, name))
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

enum { MATH_LENGTH = 30 };

/* int8_t to uint_fast64_t; the macros of <stdint.h>, <math.h> and their like begin alike, and the functions of OpenMP. */
static bool is_family_name(const char *name, size_t length)
{
    static const char *const beginnings[] = {"INT",   "UINT",  "PTRDIFF_", "SIZE_", "SIG_",  "WCHAR_", "WINT_",
                                             "HUGE_", "FP_",   "FLT_",     "DBL_",  "LDBL_", "DEC",    "M_",
                                             "MATH_", "CMPLX", "LDOUBLE",  "omp_",  "GOMP_"};
    if (length > 5 && !strcmp(name + length - 2, "_t") && (!strncmp(name, "int", 3) || !strncmp(name, "uint", 4)))
        return true;
    for (size_t k = 0; k < sizeof beginnings / sizeof *beginnings; k++)
        if (!strncmp(name, beginnings[k], strlen(beginnings[k])))
            return true;
    return false;
}

/* f64x8, f64x8_load, finish_streams: what vectors bring along. */
static bool is_vector_name(const char *name)
{
    bool is_type = (!strncmp(name, "f32x", 4) || !strncmp(name, "f64x", 4)) && name[4] >= '0' && name[4] <= '9';
    return is_type || !strcmp(name, "finish_streams") || !strcmp(name, "stream_row") || !strcmp(name, "prefetch") ||
           !strcmp(name, "prefetch_far") || !strcmp(name, "prefetch_as");
}

/* dot_4_i8 and what it is made of (c_dots.c); saturate_s8. */
static bool is_integer_name(const char *name)
{
    static const char *const parts[] = {"word_of_bytes", "word_at", "add_pair", "add_pair_i64", "even_bytes", "odd_bytes"};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        if (!strcmp(name, parts[k]))
            return true;
    return (!strncmp(name, "dot_", 4) && isdigit((unsigned char)name[4])) || !strncmp(name, "saturate_", 9);
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
    return is_reserved_word(name) || (base[0] && is_reserved_word(base)) || is_family_name(name, length) ||
           c_is_helper_name(name) || is_vector_name(name) || is_integer_name(name);
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
    kernel->threads = loops->threads ? c_name_unique(arena, &kernel->names, &kernel->file->names, "threads") : NULL;
    if (!name_buffers(kernel, false))
        return false;
    for (uint32_t k = 0; k < loops->n_locals; k++)
        kernel->locals[k] = c_name_unique(arena, &kernel->names, &kernel->file->names, loops->locals[k].name);
    return !arena_failed(arena);
}
