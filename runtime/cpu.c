/* What the processor can do, by its own feature bits and the system's word that it saves the registers: `__builtin_cpu_supports`
 * asks both. Brand and model are not looked at: a processor newer than this file is still taken for what it can do. */
#include "runtime.h"

#if defined(__x86_64__)

struct cpu_features cpu_features(void)
{
    static const struct cpu_features avx512 = {64, 32, true, true, "avx512"}, avx2 = {32, 16, true, false, "avx2"},
                                     sse2 = {16, 16, false, false, "generic"};
    __builtin_cpu_init();
    bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return avx512;
    return has_avx2 ? avx2 : sse2;
}

#elif defined(__aarch64__)

#if defined(__linux__)
#include <sys/auxv.h>
enum { HAS_ADVANCED_SIMD = 1 << 1 }; /* HWCAP_ASIMD: Linux, Documentation/arch/arm64/elf_hwcaps.rst */
#endif

struct cpu_features cpu_features(void)
{
    static const struct cpu_features neon = {16, 32, true, false, "neon"};
#if defined(__linux__)
    static const struct cpu_features plain = {0, 32, true, false, "generic"};
    if (!(getauxval(AT_HWCAP) & HAS_ADVANCED_SIMD))
        return plain;
#endif
    return neon;
}

#else

struct cpu_features cpu_features(void)
{
    return (struct cpu_features){0, 16, false, false, "generic"};
}

#endif
