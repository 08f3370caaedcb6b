/* Inside backends: codelets of an emitted C file (c_codelet.c finds them, c_codelet_text.c names and writes them). */
#ifndef BACKENDS_C_CODELET_H
#define BACKENDS_C_CODELET_H

#include "backends_internal.h"

/* Numbers one `step` after the other; of complex ones the imaginary part stands `im` behind, in pairs where that is 1; `apart`:
 * these in the order of loop_lanes.c. */
struct c_places {
    uint32_t buffer;
    const struct poly *address;
    int64_t step, im;
    bool apart;
};

/* The loop as a call of a codelet. */
struct c_call {
    const struct loop_stmt *loop;
    size_t codelet;
    struct c_places x, by, y;
    bool multiplies; /* what is read by `by` */
};

struct c_codelet {
    const char *name, *computes, *body;
    const char *vector, *x, *y; /* names */
    struct c_names names;       /* inside of it */
    int64_t lanes;
    size_t n_in, n_out;
    bool complex_in, complex_out;
    int64_t additions, multiplications;
};

/* ---- c_codelet_text.c ---- */
/* Gives it its name and says what it computes; `matrix`, parts of y times parts of x, may be NULL. */
void c_name_codelet(struct c_file *file, struct c_codelet *codelet, const double *matrix);
/* Notes what the call reads and writes by, of complex numbers or not. */
void c_use_places(struct c_vector *vector, const struct c_call *call, bool complex_in, bool complex_out);

#endif
