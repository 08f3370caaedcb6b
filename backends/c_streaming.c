/* What an emitted file brings along to go past the caches: streaming stores, rows that are streamed whole, prefetches. */
#include "backends_internal.h"

/* Whole lines past the caches, the ends as any bytes; a row may begin anywhere. */
static void put_stream_row(struct text *text)
{
    text_put(
        text,
        "#if defined(__SSE2__) && !defined(__TINYC__)\n"
        "static void stream_row(void *to, const void *from, size_t bytes)\n"
        "{\n"
        "    char *t = to;\n"
        "    const char *f = from;\n"
        "    size_t i = (64 - (uintptr_t)t % 64) % 64;\n"
        "    i = i < bytes ? i : bytes;\n"
        "    memcpy(t, f, i);\n"
        "    for (; i + 64 <= bytes; i += 64)\n"
        "#if defined(__AVX__)\n"
        "        for (size_t k = i; k < i + 64; k += 32)\n"
        "            _mm256_stream_si256((__m256i *)(void *)(t + k), _mm256_loadu_si256((const __m256i *)(const void *)(f + k)));\n"
        "#else\n"
        "        for (size_t k = i; k < i + 64; k += 16)\n"
        "            _mm_stream_si128((__m128i *)(void *)(t + k), _mm_loadu_si128((const __m128i *)(const void *)(f + k)));\n"
        "#endif\n"
        "    memcpy(t + i, f + i, bytes - i);\n"
        "}\n"
        "#else\n"
        "#define stream_row memcpy\n"
        "#endif\n");
}

/* What stores past the caches need, in front of all else. */
void c_put_streaming(struct c_file *file, struct text *text)
{
    if (file->streams_rows)
        c_put_include(file, text, "string.h");
    text_put(text, "#if defined(__SSE2__) && !defined(__TINYC__)\n#include <emmintrin.h>\n#include <stdint.h>\n");
    if (file->streams_rows)
        text_put(text, "#if defined(__AVX__)\n#include <immintrin.h>\n#endif\n");
    text_put(text, "#define finish_streams() _mm_sfence()\n#else\n#define finish_streams() ((void)0)\n#endif\n");
    if (file->streams_rows)
        put_stream_row(text);
    text_put(text, "\n");
}

void c_put_prefetching(struct text *text)
{
    text_put(text, "#if defined(__GNUC__) && !defined(__TINYC__)\n"
                   "#include <stdint.h>\n"
                   "#define prefetch_as(array, place, near) \\\n"
                   "    __builtin_prefetch((const void *)((uintptr_t)(array) + sizeof *(array) * (place)), 0, near)\n"
                   "#else\n"
                   "#define prefetch_as(array, place, near) ((void)0)\n"
                   "#endif\n"
                   "#define prefetch(array, place) prefetch_as(array, place, 3)\n"
                   "#define prefetch_far(array, place) prefetch_as(array, place, 2)\n\n");
}
