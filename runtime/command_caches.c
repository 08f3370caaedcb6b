/* Caches and cores as the system describes them: Linux's sysfs (Documentation/ABI/testing/sysfs-devices-system-cpu), which has it
 * from the processor; sysconf where there is none. What neither knows stays what the description had. */
#if defined(__linux__)
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#endif
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- sysfs ---- */

static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "r");
    bool read = file && fgets(line, (int)size, file);
    if (file)
        fclose(file);
    return read;
}

/* "0-3,8": how many; 1 when there is no such file. */
static int64_t list_count(const char *path)
{
    char line[1024];
    int64_t count = 0;
    if (!read_line(path, line, sizeof line))
        return 1;
    for (char *at = line; *at >= '0' && *at <= '9';) {
        long long first = strtoll(at, &at, 10), last = first;
        if (*at == '-')
            last = strtoll(at + 1, &at, 10);
        count += last >= first ? last - first + 1 : 0;
        at += *at == ',';
    }
    return count > 0 ? count : 1;
}

/* "32K" */
static int64_t read_bytes(const char *path)
{
    char line[64], *end;
    if (!read_line(path, line, sizeof line))
        return 0;
    long long number = strtoll(line, &end, 10);
    int64_t bytes, unit = *end == 'K' ? 1 << 10 : *end == 'M' ? 1 << 20 : 1;
    return number > 0 && checked_multiply(number, unit, &bytes) ? bytes : 0;
}

static int64_t threads_of_core(void)
{
    return list_count("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list");
}

/* A share for each core of those that have the cache in common. */
static void add_cache(const char *folder, struct machine *machine)
{
    char path[128], type[32];
    snprintf(path, sizeof path, "%s/type", folder);
    if (!read_line(path, type, sizeof type) || strncmp(type, "Instruction", 11) == 0)
        return;
    snprintf(path, sizeof path, "%s/level", folder);
    int64_t level = read_bytes(path);
    snprintf(path, sizeof path, "%s/size", folder);
    int64_t bytes = read_bytes(path);
    snprintf(path, sizeof path, "%s/coherency_line_size", folder);
    int64_t line = read_bytes(path);
    snprintf(path, sizeof path, "%s/shared_cpu_list", folder);
    int64_t cores = list_count(path) / threads_of_core();
    int64_t *const sizes[] = {&machine->l1_bytes, &machine->l2_bytes, &machine->l3_bytes};
    if (level >= 1 && level <= 3 && bytes)
        *sizes[level - 1] = bytes / (cores > 0 ? cores : 1);
    if (level == 1 && line)
        machine->line_bytes = line;
}

static bool caches_of_sysfs(struct machine *machine)
{
    struct machine found = *machine;
    found.l1_bytes = found.l2_bytes = found.l3_bytes = 0;
    for (int k = 0; k < 16; k++) {
        char folder[96];
        snprintf(folder, sizeof folder, "/sys/devices/system/cpu/cpu0/cache/index%d", k);
        add_cache(folder, &found);
    }
    if (!found.l1_bytes)
        return false;
    *machine = found;
    return true;
}

/* ---- sysconf ---- */

static void caches_of_sysconf(struct machine *machine)
{
#if defined(_SC_LEVEL1_DCACHE_SIZE)
    const long sizes[] = {sysconf(_SC_LEVEL1_DCACHE_SIZE), sysconf(_SC_LEVEL2_CACHE_SIZE), sysconf(_SC_LEVEL3_CACHE_SIZE)};
    const long line = sysconf(_SC_LEVEL1_DCACHE_LINESIZE);
    if (sizes[0] <= 0)
        return;
    machine->l1_bytes = sizes[0];
    machine->l2_bytes = sizes[1] > 0 ? sizes[1] : 0;
    machine->l3_bytes = sizes[2] > 0 ? sizes[2] : 0;
    machine->line_bytes = line > 0 ? line : machine->line_bytes;
#else
    (void)machine;
#endif
}

/* ---- cores ---- */

static int64_t allowed_processors(void)
{
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
#endif
    return sysconf(_SC_NPROCESSORS_ONLN);
}

/* Outer caches that hold no more than an inner one are of no use. */
static void drop_small(int64_t *outer, int64_t inner)
{
    if (*outer <= inner)
        *outer = 0;
}

void caches_describe(struct machine *machine)
{
    if (!caches_of_sysfs(machine))
        caches_of_sysconf(machine);
    drop_small(&machine->l2_bytes, machine->l1_bytes);
    drop_small(&machine->l3_bytes, machine->l2_bytes > machine->l1_bytes ? machine->l2_bytes : machine->l1_bytes);
    int64_t cores = allowed_processors() / threads_of_core();
    machine->cores = cores > 0 ? cores : 1;
}
