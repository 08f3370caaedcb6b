/* The recurrences of tests/cases/scans written as loops by hand, in two arithmetics at once: double and modulo 2^61 - 1. */
#ifndef TESTS_SCAN_REFERENCES_H
#define TESTS_SCAN_REFERENCES_H

#include <stdint.h>

/* A complex number, and the same as a pair of residues. Reals have no second part. */
struct number {
    double re, im;
    uint64_t residue, imaginary;
};

/* The last kernel of a program at some sizes. */
struct scan_run {
    int64_t T, N, M;
    const struct number *const *inputs;
    struct number *const *outputs; /* to be filled */
};
struct scan_reference {
    const char *name;
    void (*compute)(const struct scan_run *run);
};
/* `name` NULL closes. */
extern const struct scan_reference scan_references[];

#endif
