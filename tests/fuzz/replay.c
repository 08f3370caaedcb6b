/* Runs a fuzz target over the files of a folder, and over each file cut short at every length (of long ones, at 400 lengths) and
 * with single bytes changed, so that the corpus is a test without libFuzzer, too. Deterministic. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 20, CUTS = 400 };

static void run_variants(uint8_t *data, size_t size)
{
    static const uint8_t changes[] = {0, ' ', '(', '0', 'a', '%', ']', 255};
    size_t step = size / CUTS + 1;
    LLVMFuzzerTestOneInput(data, size);
    for (size_t cut = 0; cut < size; cut += step)
        LLVMFuzzerTestOneInput(data, cut);
    for (size_t at = 0; at < size; at += step) {
        uint8_t kept = data[at];
        data[at] = changes[(at / step) % sizeof changes];
        LLVMFuzzerTestOneInput(data, size);
        data[at] = kept;
    }
}

static int run_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(LARGEST);
    size_t size = file && data ? fread(data, 1, LARGEST, file) : 0;
    if (size > 0)
        run_variants(data, size);
    free(data);
    if (file)
        fclose(file);
    return size > 0;
}

int main(int argc, char **argv)
{
    DIR *folder = argc > 1 ? opendir(argv[1]) : NULL;
    int files = 0;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        if (entry->d_name[0] != '.')
            files += run_file(argv[1], entry->d_name);
    closedir(folder);
    printf("%d files\n", files);
    return files > 0 ? 0 : 1;
}
