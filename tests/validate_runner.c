/* Validates random programs: validate_runner [--first SEED] [--count N] [--no-shrink] [--census] [--hex BYTES] [FILE.eir ...].
 *
 * A wrong program is shrunk and printed with its seed and with its bytes in hexadecimal, which --hex takes again; the first one
 * ends the run. --census prints how many of the programs hold which forms. Files are programs that were found wrong once. Closes
 * with the number of programs and the rate, and for ctest with `N passed, N failed`. */
#include "validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void report(uint8_t *bytes, size_t length, bool shrink)
{
    if (shrink)
        length = validate_shrink(bytes, length);
    char *wrong = validate_bytes(bytes, length, NULL);
    printf("--hex ");
    for (size_t k = 0; k < length; k++)
        printf("%02x", bytes[k]);
    printf("\n%s\n", wrong ? wrong : "");
    free(wrong);
}

/* The number of programs before the first wrong one. */
static uint64_t run_seeds(uint64_t first, uint64_t count, bool shrink, struct census *census)
{
    for (uint64_t k = 0; k < count; k++) {
        uint8_t bytes[VALIDATE_BYTES];
        random_bytes(bytes, sizeof bytes, first + k);
        char *wrong = validate_bytes(bytes, sizeof bytes, census);
        if (!wrong)
            continue;
        free(wrong);
        printf("seed %llu is wrong\n", (unsigned long long)(first + k));
        report(bytes, sizeof bytes, shrink);
        return k;
    }
    return count;
}

static bool run_hex(const char *text)
{
    uint8_t bytes[4096];
    size_t length = strlen(text) / 2;
    unsigned value = 0;
    for (size_t k = 0; k < length && k < sizeof bytes && sscanf(text + 2 * k, "%2x", &value) == 1; k++)
        bytes[k] = (uint8_t)value;
    char *wrong = validate_bytes(bytes, length < sizeof bytes ? length : sizeof bytes, NULL);
    printf("%s\n", wrong ? wrong : "all agrees");
    free(wrong);
    return !wrong;
}

static char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(1 << 20);
    *length = file && text ? fread(text, 1, (1 << 20) - 1, file) : 0;
    if (text)
        text[*length] = 0;
    if (file)
        fclose(file);
    return text;
}

/* At several sizes and orders of passes, with limits on memory and without. */
static bool run_file(const char *path)
{
    size_t length;
    char *text = read_file(path, &length);
    bool fine = length > 0;
    for (uint64_t seed = 0; fine && seed < 60; seed++) {
        struct ir_context *context = ir_context_create(NULL);
        const struct source source = {path, text, length};
        const struct ir_program *program = ir_read(context, &source);
        const char *wrong = "cannot be read";
        if (program)
            wrong = validate_program(context, &(struct validation){.program = program,
                                                                   .kind = validate_kind_of(context, program->kernels[0]),
                                                                   .memory_limit = (int64_t[]){256, 0, 16, 0}[seed / 3 % 4],
                                                                   .scan_chunk = (int64_t)(seed % 4 == 1 ? 0 : seed % 4),
                                                                   .seed = seed});
        if (wrong)
            printf("%s, seed %llu: %s\n", path, (unsigned long long)seed, wrong);
        fine = !wrong;
        ir_context_destroy(context);
    }
    free(text);
    return fine;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, count = 0, passed = 0, failed = 0;
    bool shrink = true;
    struct census *census = NULL;
    for (int k = 1; k < argc; k++) {
        bool has_value = k + 1 < argc;
        if (!strcmp(argv[k], "--first") && has_value)
            first = strtoull(argv[++k], NULL, 10);
        else if (!strcmp(argv[k], "--count") && has_value)
            count = strtoull(argv[++k], NULL, 10);
        else if (!strcmp(argv[k], "--no-shrink"))
            shrink = false;
        else if (!strcmp(argv[k], "--census") && !census)
            census = census_create();
        else if (!strcmp(argv[k], "--hex") && has_value)
            return run_hex(argv[k + 1]) ? 0 : 1;
        else if (run_file(argv[k]))
            passed++;
        else
            failed++;
    }
    double begin = seconds();
    uint64_t right = run_seeds(first, count, shrink, census);
    printf("%llu random programs from seed %llu, %llu wrong, %.0f a second\n", (unsigned long long)(right + (right < count)),
           (unsigned long long)first, (unsigned long long)(right < count), (double)right / (seconds() - begin));
    if (census)
        census_print(census, stdout);
    census_destroy(census);
    passed += right == count && count > 0;
    failed += right < count;
    printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
    return failed ? 1 : 0;
}
