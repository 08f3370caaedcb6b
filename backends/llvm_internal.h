/* Shared by the files that make LLVM IR of loop IR, through LLVM's C interface.
 *
 * llvm.c makes an `llvm_file` (one module in a context of its own, so of one thread) and an `llvm_kernel` for each kernel. Names,
 * uses and the order of arguments come from what the C backend knows of the same program (`c_file`), so that one header serves
 * both. Nothing here decides about loops or storage; that was done in loop IR.
 *
 * Integers that say where something lies are as wide as a pointer and signed; numbers that a program sees (index values) have 64
 * bits. Truth is an i1 in registers and a byte in memory; 16-bit floats are their bits. */
#ifndef BACKENDS_LLVM_INTERNAL_H
#define BACKENDS_LLVM_INTERNAL_H

#include "backends_internal.h"

#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>
#include <llvm-c/TargetMachine.h>

#define LLVM_WHOLE ((LLVMAttributeIndex)LLVMAttributeFunctionIndex) /* an attribute of the function itself */

/* ---- llvm_memo.c: values that were made already ---- */

/* What a value stands for: a node of the IR with its number, and the buffer of a pointer. */
enum llvm_memo_kind { MEMO_SIZE, MEMO_SIGNED, MEMO_POINTER, MEMO_EXPR, MEMO_VECTOR };

struct llvm_memo_entry {
    uint64_t key;
    LLVMValueRef value;
    size_t previous; /* with the same slot, plus 1 */
};

/* Values in scopes, the innermost last: one may be used where it was made and in what is dominated by that. */
struct llvm_memo {
    struct arena *arena;
    struct llvm_memo_entry *entries;
    size_t count, capacity;
    size_t *slots; /* the last entry of each, plus 1 */
};
bool llvm_memo_create(struct llvm_memo *memo, struct arena *arena);
LLVMValueRef llvm_memo_find(const struct llvm_memo *memo, enum llvm_memo_kind kind, uint32_t id, uint32_t buffer);
void llvm_memo_add(struct llvm_memo *memo, enum llvm_memo_kind kind, uint32_t id, uint32_t buffer, LLVMValueRef value);
size_t llvm_memo_open(const struct llvm_memo *memo);
void llvm_memo_close(struct llvm_memo *memo, size_t scope);

/* ---- llvm_target.c: what code is made for ---- */

struct llvm_target {
    LLVMTargetMachineRef machine;
    LLVMTargetDataRef layout;
    char *triple, *cpu, *features, *layout_text;
    bool is_x86;     /* of 64 bits */
    bool has_halves; /* instructions between f16 and f32 */
};
/* False after a diagnostic. */
bool llvm_target_create(struct llvm_target *target, struct ir_context *context, const struct backend_code_target *wanted);
void llvm_target_destroy(struct llvm_target *target);
/* Improves the module for the target; false after a diagnostic. */
bool llvm_optimise(struct ir_context *context, LLVMModuleRef module, const struct llvm_target *target);

/* ---- one module ---- */

struct llvm_table {
    const struct ir_constant *constant;
    enum ir_elem elem;
    LLVMValueRef global;
};

/* Functions that a module brings along (llvm_turn.c). */
enum llvm_helper {
    LLVM_TURN,
    LLVM_TURN_STREAM,
    LLVM_TURN_APART, /* rows are read in the order of loop_lanes.c; columns are written to it */
    LLVM_TURN_TOGETHER,
    LLVM_TURN_PART,
    LLVM_STREAM_ROW
};

/* One of them, of one type of vectors. */
struct llvm_helper_function {
    enum llvm_helper helper;
    enum ir_elem elem;
    int64_t lanes;
    LLVMValueRef function;
};

struct llvm_file {
    struct c_file *c; /* names, uses, signatures */
    struct ir_context *ir;
    struct arena *arena;
    const struct llvm_target *target;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMTypeRef truth, i8, i16, i32, i64, size, f32, f64, pointer, nothing;
    struct llvm_table *tables;
    size_t n_tables, tables_capacity;
    struct llvm_helper_function *helpers;
    size_t n_helpers, helpers_capacity;
    LLVMValueRef team;      /* what runs shares of parallel loops; NULL: not made yet */
    LLVMDIBuilderRef debug; /* NULL: no places of the source in the code */
    LLVMMetadataRef debug_file, debug_signature;
    uint32_t debug_source;
    const char *failure; /* what LLVM said was wrong */
};

/* Pointers to inputs as LLVM does not know them (llvm_apart.c). */
struct llvm_apart {
    LLVMValueRef *pointers; /* by buffer; NULL: not made yet */
    LLVMValueRef step;      /* of the loop around a tile, its index; NULL: there is none */
    uint32_t index;         /* the same */
    bool crowded;           /* are there pointers of its own in each step? */
};

struct llvm_kernel {
    struct llvm_file *file;
    struct c_kernel *c;
    const struct loop_function *loops;
    LLVMValueRef function;
    LLVMBasicBlockRef head; /* small arrays and variables stand here */
    LLVMValueRef threads;   /* for how many the work is divided */
    LLVMValueRef thread;    /* whose share it is; NULL: not in a share */
    LLVMValueRef *dims;     /* by number in the context */
    LLVMValueRef *buffers;  /* pointers; numbers passed by value are themselves */
    struct llvm_apart apart;
    LLVMValueRef *locals;      /* of a constant one its value, else where it stands */
    LLVMValueRef *indices;     /* while their loop is open */
    const struct poly **fixed; /* the number that an index is in a step of an unrolled loop; NULL: it varies */
    uint32_t *depths;          /* of open loops */
    uint32_t depth, n_fixed;
    struct llvm_memo memo;
    uint8_t *harmless; /* by number of an expression: may it be made where nobody asks for it? */
    size_t n_harmless;
    int64_t widest; /* bytes, of the vectors of its loops */
    bool may_fuse;  /* a * b + c rounded once: not in `exact` kernels */
    bool streams;   /* something is stored past the caches */
    LLVMMetadataRef debug_scope;
};

/* ---- llvm_types.c: element types, numbers, tables ---- */
LLVMTypeRef llvm_type(struct llvm_file *file, enum ir_elem elem);        /* of a value in registers */
LLVMTypeRef llvm_memory_type(struct llvm_file *file, enum ir_elem elem); /* of an element */
LLVMTypeRef llvm_vector_type(struct llvm_file *file, enum ir_elem elem, int64_t lanes);
LLVMValueRef llvm_literal(struct llvm_file *file, struct ir_number number);
LLVMValueRef llvm_integer(LLVMTypeRef type, int64_t value);
LLVMValueRef llvm_table(struct llvm_file *file, const struct ir_constant *constant, enum ir_elem elem, const char *name);
/* From and to what an element is in memory. */
LLVMValueRef llvm_from_memory(struct llvm_file *file, enum ir_elem elem, LLVMValueRef value);
LLVMValueRef llvm_to_memory(struct llvm_file *file, enum ir_elem elem, LLVMValueRef value);
/* One of LLVM's own functions; `type` is what it is overloaded for, NULL: not at all. */
LLVMValueRef llvm_intrinsic(struct llvm_file *file, const char *name, LLVMTypeRef type, LLVMValueRef *arguments, unsigned n);
/* The same, overloaded for a vector and a pointer. */
LLVMValueRef llvm_memory_intrinsic(struct llvm_file *file, const char *name, LLVMTypeRef type, LLVMValueRef *arguments, unsigned n);
/* A function of the C library on floats, without effect on memory. */
LLVMAttributeRef llvm_attribute(struct llvm_file *file, const char *name, uint64_t value);
void llvm_add_attribute(struct llvm_file *file, LLVMValueRef function, unsigned index, const char *name, uint64_t value);
LLVMValueRef llvm_call_library(struct llvm_file *file, const char *name, LLVMTypeRef type, LLVMValueRef *arguments, unsigned n);

/* ---- llvm_address.c: quasi-polynomials ---- */
LLVMValueRef llvm_size(struct llvm_kernel *kernel, const struct poly *poly);   /* as wide as a pointer */
LLVMValueRef llvm_signed(struct llvm_kernel *kernel, const struct poly *poly); /* 64 bits */
/* Its holding as an i1; right for every number that may be looked up. */
LLVMValueRef llvm_condition(struct llvm_kernel *kernel, const struct poly *poly);
/* The poly with the numbers that indices of unrolled loops are in this step. */
const struct poly *llvm_fix(struct llvm_kernel *kernel, const struct poly *poly);
/* Where an element stands. `inside`: it is one of the buffer's. */
LLVMValueRef llvm_place(struct llvm_kernel *kernel, uint32_t buffer, const struct poly *address, bool inside);
/* The same with another pointer to the buffer (llvm_apart.c), inside of it. */
LLVMValueRef llvm_place_apart(struct llvm_kernel *kernel, LLVMValueRef pointer, uint32_t buffer, const struct poly *address);
/* The address modulo `unit` elements is 0, and so is that of the buffer: bytes that a vector there is aligned to; else the
 * element's. */
uint32_t llvm_alignment(struct llvm_kernel *kernel, uint32_t buffer, const struct poly *address, int64_t unit);

/* ---- llvm_scalar.c: expressions ---- */
LLVMValueRef llvm_value(struct llvm_kernel *kernel, const struct ir_expr *expr);
/* The expression's operation on these arguments, of type `elem`, or on vectors of such. */
LLVMValueRef llvm_apply(struct llvm_kernel *kernel, const struct ir_expr *expr, enum ir_elem elem, LLVMValueRef *arguments);
/* `old` and `value` combined; a plain store's value where `combine` is IR_EXPR_OP_COUNT. `expr` is what the value was made of. */
LLVMValueRef llvm_combine(struct llvm_kernel *kernel, enum ir_elem elem, enum ir_expr_op combine, LLVMValueRef old,
                          LLVMValueRef value, const struct ir_expr *expr);
/* The same of a variable, which may be combined with others in any order where the kernel's class permits. */
LLVMValueRef llvm_accumulate(struct llvm_kernel *kernel, enum ir_elem elem, enum ir_expr_op combine, LLVMValueRef old,
                             LLVMValueRef value, const struct ir_expr *expr);

/* ---- llvm_functions.c ---- */
LLVMValueRef llvm_function(struct llvm_kernel *kernel, enum ir_expr_op op, enum ir_elem elem, LLVMValueRef *arguments);
bool llvm_is_call(enum ir_expr_op op); /* of a function outside */
/* The lesser or larger of two floats, NaN when either is one; or of two integers. */
LLVMValueRef llvm_extremum(struct llvm_kernel *kernel, enum ir_expr_op op, enum ir_elem elem, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef llvm_divide(struct llvm_kernel *kernel, enum ir_expr_op op, enum ir_elem elem, LLVMValueRef a, LLVMValueRef b);

/* ---- llvm_expansion.c ---- */
/* A function with a row in ir/expansions.def, of a vector of such elements. */
LLVMValueRef llvm_expand(struct llvm_kernel *kernel, enum ir_expr_op function, enum ir_elem elem, LLVMValueRef x);

/* ---- llvm_casts.c ---- */
LLVMValueRef llvm_cast(struct llvm_kernel *kernel, enum ir_elem from, enum ir_elem to, LLVMValueRef value);

/* ---- llvm_statements.c ---- */
void llvm_statements(struct llvm_kernel *kernel, const struct loop_stmt *list);
void llvm_store_statement(struct llvm_kernel *kernel, const struct loop_stmt *stmt);
LLVMBasicBlockRef llvm_block(struct llvm_kernel *kernel, const char *name);
void llvm_go_to(struct llvm_kernel *kernel, LLVMBasicBlockRef block); /* the builder stands at its end */
/* A new variable or array of the function. */
LLVMValueRef llvm_variable(struct llvm_kernel *kernel, LLVMTypeRef type, const char *name, uint32_t alignment);

/* A loop for begin <= index < end that is being written: what is put between is its body. */
struct llvm_loop {
    LLVMValueRef index, end;
    LLVMBasicBlockRef body, after;
};
/* The index of a loop stands for this from inside. */
void llvm_open_index(struct llvm_kernel *kernel, uint32_t index, LLVMValueRef value);
void llvm_close_index(struct llvm_kernel *kernel, uint32_t index);
/* A loop over these steps of `stmt`, whatever its kind. */
void llvm_steps(struct llvm_kernel *kernel, const struct loop_stmt *stmt, LLVMValueRef begin, LLVMValueRef end);
struct llvm_loop llvm_loop_open(struct llvm_file *file, LLVMValueRef begin, LLVMValueRef end, const char *name);
void llvm_loop_close(struct llvm_file *file, struct llvm_loop *loop);

/* ---- llvm_parallel.c ---- */
void llvm_parallel_loop(struct llvm_kernel *kernel, const struct loop_stmt *loop);

/* ---- llvm_vector.c ---- */
void llvm_vector_statement(struct llvm_kernel *kernel, const struct loop_stmt *loop);
/* Of the row the steps from `begin` to `end`. */
void llvm_streamed_row(struct llvm_kernel *kernel, const struct loop_stmt *loop, LLVMValueRef begin, LLVMValueRef end);

/* ---- llvm_apart.c ---- */
/* Where a function begins: finds the widest vectors of its kernel. False: no memory. */
bool llvm_apart_begin(struct llvm_kernel *kernel);
/* At the beginning of a loop's step, its index being open. Gives what to put back behind the step. */
struct llvm_apart llvm_apart_step(struct llvm_kernel *kernel, const struct loop_stmt *loop);
/* Should a vector of so many times this value have its own load? */
bool llvm_goes_apart(const struct llvm_kernel *kernel, const struct ir_expr *expr, int64_t lanes);
/* Where the places begin that differ from `base` + `address` by a constant. */
LLVMValueRef llvm_base_of_step(struct llvm_kernel *kernel, uint32_t buffer, const struct poly *address, LLVMValueRef base);
/* The value, loaded for this. */
LLVMValueRef llvm_value_apart(struct llvm_kernel *kernel, const struct ir_expr *load);

/* ---- llvm_turn.c: functions that a module brings along ---- */
/* Calls it: turn(to, to_step, from, from_step) of a block of lanes x lanes elements, steps in elements; turn_part with rows and
 * columns behind; stream_row(to, from, bytes). */
void llvm_call_helper(struct llvm_file *file, enum llvm_helper helper, enum ir_elem elem, int64_t lanes, LLVMValueRef *arguments);
/* Stores the vector past the caches where it is aligned to its size, else as any store. */
void llvm_stream(struct llvm_file *file, LLVMValueRef value, LLVMValueRef place, uint32_t bytes, uint32_t alignment);

/* ---- llvm_signature.c ---- */
bool llvm_kernel_declare(struct llvm_kernel *kernel); /* the function, with its name and type */
bool llvm_kernel_begin(struct llvm_kernel *kernel);   /* its arguments, arrays and scratch */
/* Types of the parameters, with room for more behind them. */
LLVMTypeRef *llvm_parameter_types(struct llvm_kernel *kernel, size_t more, size_t *count);
bool llvm_open_function(struct llvm_kernel *kernel); /* of the kernel or of a share, which begins with the same parameters */
void llvm_prefetch(struct llvm_file *file, LLVMValueRef place, bool far); /* a hint that it is read soon */
void llvm_finish_streams(struct llvm_file *file);                         /* what was stored past the caches is there for all */
void llvm_kernel_end(struct llvm_kernel *kernel);                         /* after its statements */
void llvm_entries(struct llvm_kernel *kernel);                            /* the uniform functions for engines */

/* ---- llvm_debug.c: places in the source ---- */
void llvm_debug_begin(struct llvm_file *file);
void llvm_debug_kernel(struct llvm_kernel *kernel);
void llvm_debug_at(struct llvm_kernel *kernel,
                   struct span span); /* of what is built from now on; nothing where there is no place */
void llvm_debug_end(struct llvm_file *file);

#endif
