/* Inside ir: programs of matrices while they are made (straight_line.c, straight_line_split.c). */
#ifndef IR_STRAIGHT_LINE_INTERNAL_H
#define IR_STRAIGHT_LINE_INTERNAL_H

#include "straight_line.h"

/* A value, and the factors with which rows still use it. */
struct column {
    uint32_t value;
    uint32_t n_rows;
    uint64_t rows;
    double *factors; /* one a row of the matrix; 0 where the mask has none */
};

/* Terms p a + q b of several rows, p > 0, or any multiples of a + q b where `any_multiple`. b == a: p a alone. */
struct pattern {
    uint32_t a, b; /* columns */
    double p, q;
    bool any_multiple;
    uint64_t rows;
    int64_t saving;
};

struct elimination {
    struct arena *arena;
    struct straight_line *line;
    double closeness;
    const double *matrix; /* that is cut; NULL: none is */
    bool by_thirds;       /* columns in triples, too */
    struct column *columns;
    size_t n_columns, columns_capacity;
    struct pattern *patterns; /* of the round: those that save most */
    size_t n_patterns, patterns_capacity;
    int64_t most;
    struct pattern *found; /* of one pair of columns: room for a pattern a row */
};

/* Number of the new value; UINT32_MAX: no memory. */
uint32_t elimination_add_value(struct elimination *elimination, struct straight_line_value value);
struct column *elimination_add_column(struct elimination *elimination, uint32_t value);
void elimination_set(struct column *column, uint32_t row, double factor);
/* The columns of the matrix, after what its symmetries give was made into values (straight_line_split.c). False: no memory. */
bool elimination_split(struct elimination *elimination, const double *matrix);
/* Adds to the program's counts what a row of it takes. */
void elimination_count_row(struct straight_line *line, uint32_t row);
/* The whole program from that of the transposed matrix (straight_line_transpose.c). False: no memory. */
bool elimination_transpose(struct elimination *elimination, const struct straight_line *from);

#endif
