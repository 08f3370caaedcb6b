/* Stages that go under a common loop: what the files fuse_*.c know of them.
 *
 * fuse_stages.c finds stages that share an index and proves that they may be fused, fuse_rows.c brings sums to one form,
 * fuse_cost.c says what fusing saves, fuse_blocks.c writes the loop. */
#ifndef PASSES_FUSE_STAGES_H
#define PASSES_FUSE_STAGES_H

#include "passes.h"

/* A block of statements that is one nest: perfect loops over outputs, whatever is inside of them. */
struct fused_stage {
    struct loop_stmt *block;
    struct loop_stmt **loops; /* outermost first */
    uint32_t n_loops;
    uint32_t cut;           /* the one that the common index is part of */
    int64_t times;          /* its steps at one value of the common index */
    bool *uses;             /* by buffer */
    bool is_in_order;       /* what it adds is added in the order as written */
    bool is_apart;          /* a single store at places that are looked up, or of what is: in a block one value after another */
    struct loop_stmt *sums; /* what is inside of the loops where it makes a row of sums: the same one by one; NULL: it does not */
};

/* What the stages do with a buffer. At one value of the common index they touch elements [row * value, row * (value + 1)). */
struct fused_buffer {
    bool is_read, is_written;
    bool is_moved;      /* by the common index */
    bool is_still;      /* some places are not moved */
    bool is_irregular;  /* some places are not of this form */
    bool is_read_first; /* before it is written */
    bool is_outside;    /* other statements of the function use it, or it is an argument */
    bool is_whole;      /* all of a row is written */
    bool is_set;        /* read or written, not just added to */
    bool is_in_lanes;   /* stages that are not apart use it */
    int64_t row;
    double touched;           /* elements, in one stage, at all values; at most */
    double so_far;            /* of the last stage that uses it */
    const struct poly *place; /* that it used last */
    uint32_t first, last;     /* stages that use it */
    uint32_t written;         /* the last one that writes it */
};

struct fusion {
    struct pass_kernel *kernel;
    struct ir_context *context;
    struct arena *arena;
    struct fused_stage *stages;
    uint32_t n_stages;
    const struct poly *extent;    /* of the common index */
    const char *name;             /* its name */
    uint32_t index;               /* of the function: stands for the common index, or for the block of it */
    uint32_t lane;                /* its value in a block */
    int64_t block;                /* values of the common index a block; 1: intermediates lie as they did */
    struct fused_buffer *buffers; /* by buffer */
    double seconds, seconds_before;
};

/* ---- fuse_cost.c ---- */

/* Chooses the block, which needs `may_have_lanes` to be more than 1, and sets both times. False: no memory. */
bool fuse_choose_block(struct fusion *fusion, bool may_have_lanes);
/* Sets the time of the stages one by one, seconds_before. False: no memory. */
bool fuse_time_apart(struct fusion *fusion);
/* Blocks of the chosen size that the common index has, at typical sizes. */
double fuse_blocks(const struct fusion *fusion);
/* Seconds in which so many elements are copied, in vectors that are turned on their way or not. */
double fuse_copy_seconds(const struct machine *machine, double elements, size_t element_bytes, bool turned);
/* Seconds of what is no stage, by its operations one after another. */
double fuse_rough_seconds(struct pass_kernel *kernel, const struct loop_stmt *stmt);

/* ---- fuse_stages.c ---- */

/* As the pass, and says what the function takes as it is then, at typical sizes: fusions and stages as they are estimated. */
enum einc_status fuse_with_seconds(struct pass_kernel *kernel, double *seconds);

/* ---- fuse_rows.c ---- */

/* A list that makes a row of sums, as a loop that makes one after another. NULL: it is none, or there is no memory. */
struct loop_stmt *fuse_row_as_sums(struct pass_kernel *kernel, const struct loop_stmt *list);
/* The same where sums may be added up in the result's own row. */
struct loop_stmt *fuse_result_row_as_sums(struct pass_kernel *kernel, const struct loop_stmt *list);

/* ---- fuse_blocks.c ---- */

/* Is it used where it stands, by stages that are apart? */
bool fuse_stays(const struct fusion *fusion, uint32_t buffer);

/* Does a block copy the buffer's rows to lanes before it reads them, from lanes after it has written them? */
bool fuse_copies_in(const struct fusion *fusion, uint32_t buffer);
bool fuse_copies_out(const struct fusion *fusion, uint32_t buffer);
/* The nest of a stage within a block, of the function's own buffers: as the estimate reads it. NULL: no memory. */
struct loop_stmt *fuse_nest(const struct fusion *fusion, const struct fused_stage *stage);
/* The loop over the blocks. NULL: no memory. */
struct loop_stmt *fuse_write(struct fusion *fusion);

#endif
