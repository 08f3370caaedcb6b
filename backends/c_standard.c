/* Standard headers in emitted C: `#include` lines, or, in a text that stands alone, declarations of what emitted C uses of them.
 *
 * Standalone text is for a compiler inside a program: it reads no file, and no more than it needs. The lists below are all names of
 * these headers that the other c_*.c and the C columns of ir/ops.def and ir/functions.def spell; a name that is missing is an error
 * of that compiler. Macros that name a compiler's own types (__SIZE_TYPE__) are those of gcc, clang and tcc. */
#include "backends_internal.h"

#include <string.h>

#define BOTH_1(name) "double " name "(double);\nfloat " name "f(float);\n"
#define BOTH_2(name) "double " name "(double, double);\nfloat " name "f(float, float);\n"
#define BOTH_3(name) "double " name "(double, double, double);\nfloat " name "f(float, float, float);\n"

static const struct {
    const char *header, *declarations;
} headers[] = {
    {"stddef.h", "typedef __SIZE_TYPE__ size_t;\n"},
    {"stdint.h", "typedef signed char int8_t;\ntypedef short int16_t;\ntypedef int int32_t;\ntypedef long long int64_t;\n"
                 "typedef unsigned char uint8_t;\ntypedef unsigned short uint16_t;\ntypedef unsigned int uint32_t;\n"
                 "typedef unsigned long long uint64_t;\ntypedef __SIZE_TYPE__ uintptr_t;\n"
                 "#define INT64_C(n) n##LL\n#define UINT64_C(n) n##ULL\n"
                 "#define INT8_MIN (-128)\n#define INT16_MIN (-32768)\n#define INT32_MIN (-2147483647 - 1)\n"
                 "#define INT64_MIN (-9223372036854775807LL - 1)\n"},
    {"math.h", "#define INFINITY 0x1p128f\n#define NAN (0.0f / 0.0f)\n" /* both of type float, C99 7.12 */
     BOTH_1("exp") BOTH_1("log") BOTH_1("sqrt") BOTH_1("tanh") BOTH_1("erf") BOTH_1("sin") BOTH_1("cos") BOTH_1("fabs")
         BOTH_1("floor") BOTH_2("hypot") BOTH_2("atan2") BOTH_3("fma")},
    {"string.h", "void *memcpy(void *restrict, const void *restrict, size_t);\n"},
};

void c_put_include(const struct c_file *file, struct text *text, const char *header)
{
    if (!file->options->standalone) {
        text_printf(text, "#include <%s>\n", header);
        return;
    }
    for (size_t k = 0; k < sizeof headers / sizeof *headers; k++)
        if (!strcmp(headers[k].header, header))
            text_put(text, headers[k].declarations);
}
