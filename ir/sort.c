/* Sorting in place. The C library's qsort may take memory of its own (glibc's does for more than a kilobyte), which would be
 * neither the context's nor able to fail; and it leaves open in which order equal items come out. This is insertion for a few
 * items and heap sort for many: no memory, never quadratic, the same order everywhere. */
#include "base.h"

enum { FEW = 12 };

static void exchange(unsigned char *a, unsigned char *b, size_t size)
{
    for (size_t k = 0; k < size; k++) {
        unsigned char kept = a[k];
        a[k] = b[k];
        b[k] = kept;
    }
}

/* Moves the item at `root` down until neither child is larger. */
static void sift(unsigned char *items, size_t root, size_t count, size_t size, sort_compare *compare)
{
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && compare(items + child * size, items + (child + 1) * size) < 0)
            child++;
        if (compare(items + root * size, items + child * size) >= 0)
            return;
        exchange(items + root * size, items + child * size, size);
    }
}

static void sort_few(unsigned char *items, size_t count, size_t size, sort_compare *compare)
{
    for (size_t k = 1; k < count; k++)
        for (size_t at = k; at > 0 && compare(items + (at - 1) * size, items + at * size) > 0; at--)
            exchange(items + (at - 1) * size, items + at * size, size);
}

void sort_items(void *items, size_t count, size_t size, sort_compare *compare)
{
    unsigned char *bytes = items;
    if (count <= FEW) {
        sort_few(bytes, count, size, compare);
        return;
    }
    for (size_t root = count / 2; root-- > 0;)
        sift(bytes, root, count, size, compare);
    for (size_t last = count - 1; last > 0; last--) {
        exchange(bytes, bytes + last * size, size);
        sift(bytes, 0, last, size, compare);
    }
}
