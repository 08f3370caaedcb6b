/* Quasi-polynomials as LLVM values: addresses, extents, conditions.
 *
 * All is signed and wraps; a floor whose numerator is proved to be >= 0 is a plain division. Terms are added from those of the
 * outermost loops to those of the innermost, so that what a loop does not change is one value in front of it. A constant term of an
 * address is left to the pointer: neighbours share the rest.
 *
 * A condition may compare numbers that were looked up at run time, anything their type holds. A lookup that is alone stands alone
 * on its side of the comparison; else it is calculated with twice as many bits. */
#include "llvm_internal.h"

/* ---- indices of unrolled loops ---- */

const struct poly *llvm_fix(struct llvm_kernel *kernel, const struct poly *poly)
{
    uint32_t limit = kernel->n_fixed ? poly_index_limit(poly) : 0;
    for (uint32_t k = 0; k < limit; k++)
        if (kernel->fixed[k] && poly_uses_index(poly, k)) {
            struct poly_ranges ranges = {(uint32_t)kernel->loops->n_indices, kernel->c->extents};
            return poly_substitute(kernel->file->ir, poly, limit, kernel->fixed, &ranges);
        }
    return poly;
}

/* ---- values ---- */

/* How what is looked up and calculated is represented: as wide as a pointer, in 64 or in 128 bits. */
struct width {
    LLVMTypeRef type;
    enum llvm_memo_kind kind;
    bool is_memoised;
};

static LLVMValueRef poly_value(struct llvm_kernel *kernel, const struct poly *poly, struct width width);

static struct width width_size(const struct llvm_kernel *kernel)
{
    return (struct width){kernel->file->size, MEMO_SIZE, true};
}

static struct width width_signed(const struct llvm_kernel *kernel)
{
    bool same = kernel->file->size == kernel->file->i64;
    return (struct width){kernel->file->i64, same ? MEMO_SIZE : MEMO_SIGNED, true};
}

static LLVMValueRef widened(struct llvm_kernel *kernel, LLVMValueRef value, struct width width, bool is_signed)
{
    return LLVMBuildIntCast2(kernel->file->builder, value, width.type, is_signed, "");
}

/* Rounded down; the denominator is > 0. */
static LLVMValueRef floor_value(struct llvm_kernel *kernel, const struct poly_atom *floor, struct width width)
{
    LLVMBuilderRef builder = kernel->file->builder;
    LLVMValueRef numerator = poly_value(kernel, floor->numerator, width),
                 denominator = poly_value(kernel, floor->denominator, width);
    if (c_proved_nonnegative(kernel->c, floor->numerator))
        return LLVMBuildUDiv(builder, numerator, denominator, "");
    LLVMValueRef rest = LLVMBuildSRem(builder, numerator, denominator, "");
    LLVMValueRef below = LLVMBuildICmp(builder, LLVMIntSLT, rest, LLVMConstNull(width.type), "");
    LLVMValueRef quotient = LLVMBuildSDiv(builder, numerator, denominator, "");
    return LLVMBuildAdd(builder, quotient, LLVMBuildSExt(builder, below, width.type, ""), "");
}

/* An entry is at most an int64_t: one of 2^63 or more counts as negative. */
static LLVMValueRef lookup_value(struct llvm_kernel *kernel, const struct poly_atom *atom, struct width width)
{
    struct llvm_file *file = kernel->file;
    const struct ir_node *table = atom->table;
    uint32_t buffer = loop_table_buffer(kernel->loops, table);
    bool is_signed = ir_elem_info(table->elem)->kind == IR_KIND_SIGNED || table->elem == IR_u64;
    const struct poly *offset = ir_linear_offset(file->ir, table, atom->arguments);
    if (!offset)
        return LLVMGetUndef(width.type);
    if (buffer != UINT32_MAX && kernel->loops->buffers[buffer].by_value)
        return widened(kernel, kernel->buffers[buffer], width, is_signed);
    LLVMTypeRef type = llvm_memory_type(file, table->elem);
    LLVMValueRef place;
    if (buffer != UINT32_MAX) {
        place = llvm_place(kernel, buffer, offset, true);
    } else {
        LLVMValueRef at = llvm_size(kernel, offset);
        place = LLVMBuildInBoundsGEP2(file->builder, type, llvm_table(file, table->constant, table->elem, NULL), &at, 1, "");
    }
    LLVMValueRef entry = LLVMBuildLoad2(file->builder, type, place, "");
    LLVMSetAlignment(entry, ir_elem_info(table->elem)->bytes);
    return widened(kernel, entry, width, is_signed);
}

static LLVMValueRef atom_value(struct llvm_kernel *kernel, const struct poly_atom *atom, struct width width)
{
    switch (atom->kind) {
    case POLY_DIM:
        return widened(kernel, kernel->dims[atom->symbol], width, true);
    case POLY_INDEX:
        return widened(kernel, kernel->indices[atom->symbol], width, true);
    case POLY_FLOOR: /* of 128 bits a division would be a call */
        return width.is_memoised ? floor_value(kernel, atom, width)
                                 : widened(kernel, floor_value(kernel, atom, width_signed(kernel)), width, true);
    default:
        return lookup_value(kernel, atom, width);
    }
}

/* The depth of the innermost loop that changes the factor. */
static uint32_t depth_of(const struct llvm_kernel *kernel, const struct poly_atom *atom)
{
    uint32_t deepest = 0;
    if (atom->kind == POLY_INDEX)
        return kernel->depths[atom->symbol];
    if (atom->kind == POLY_DIM)
        return 0;
    if (atom->kind == POLY_TABLE)
        return UINT32_MAX; /* read where it is needed */
    uint32_t limit = poly_index_limit(atom->numerator);
    for (uint32_t k = 0; k < limit; k++)
        if (poly_uses_index(atom->numerator, k) && kernel->depths[k] > deepest)
            deepest = kernel->depths[k];
    return deepest;
}

static uint32_t term_depth(const struct llvm_kernel *kernel, const struct poly_term *term)
{
    uint32_t deepest = 0;
    for (uint32_t k = 0; k < term->n_factors; k++) {
        uint32_t depth = depth_of(kernel, term->factors[k]);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

/* Times the poly's common divisor. */
static LLVMValueRef term_value(struct llvm_kernel *kernel, const struct poly_term *term, int64_t divisor, struct width width)
{
    LLVMValueRef value = llvm_integer(width.type, term->numerator * (divisor / term->denominator));
    for (uint32_t k = 0; k < term->n_factors; k++)
        value = LLVMBuildMul(kernel->file->builder, value, atom_value(kernel, term->factors[k], width), "");
    return value;
}

static LLVMValueRef sum_value(struct llvm_kernel *kernel, const struct poly *poly, struct width width)
{
    LLVMBuilderRef builder = kernel->file->builder;
    uint32_t *depths = ARENA_ARRAY(kernel->file->arena, poly->n_terms, uint32_t);
    bool *added = ARENA_ARRAY(kernel->file->arena, poly->n_terms, bool);
    LLVMValueRef sum = LLVMConstNull(width.type);
    int64_t divisor = 1;
    if (!depths || !added)
        return sum;
    for (uint32_t k = 0; k < poly->n_terms; k++) {
        divisor = divisor / poly_gcd(divisor, poly->terms[k].denominator) * poly->terms[k].denominator;
        depths[k] = term_depth(kernel, &poly->terms[k]);
    }
    for (uint32_t done = 0; done < poly->n_terms; done++) {
        uint32_t next = UINT32_MAX;
        for (uint32_t k = 0; k < poly->n_terms; k++)
            if (!added[k] && (next == UINT32_MAX || depths[k] < depths[next]))
                next = k;
        added[next] = true;
        sum = LLVMBuildAdd(builder, sum, term_value(kernel, &poly->terms[next], divisor, width), "");
    }
    return divisor == 1 ? sum : LLVMBuildExactSDiv(builder, sum, llvm_integer(width.type, divisor), "");
}

static LLVMValueRef poly_value(struct llvm_kernel *kernel, const struct poly *poly, struct width width)
{
    if (!poly)
        return LLVMGetUndef(width.type);
    if (!width.is_memoised)
        return sum_value(kernel, poly, width);
    LLVMValueRef value = llvm_memo_find(&kernel->memo, width.kind, poly->id, 0);
    if (!value) {
        value = sum_value(kernel, poly, width);
        if (!poly_is_run_time(poly)) /* what is looked up may be stored to in between */
            llvm_memo_add(&kernel->memo, width.kind, poly->id, 0, value);
    }
    return value;
}

LLVMValueRef llvm_size(struct llvm_kernel *kernel, const struct poly *poly)
{
    return poly_value(kernel, llvm_fix(kernel, poly), width_size(kernel));
}

LLVMValueRef llvm_signed(struct llvm_kernel *kernel, const struct poly *poly)
{
    return poly_value(kernel, llvm_fix(kernel, poly), width_signed(kernel));
}

/* ---- places ---- */

/* The constant term. */
static int64_t constant_of(const struct poly *poly)
{
    const struct poly_term *last = poly->n_terms ? &poly->terms[poly->n_terms - 1] : NULL;
    return last && last->n_factors == 0 && last->denominator == 1 ? last->numerator : 0;
}

/* Counted from `start`, which has this number in the memo. */
static LLVMValueRef place_from(struct llvm_kernel *kernel, LLVMValueRef start, uint32_t number, uint32_t buffer,
                               const struct poly *address, bool inside)
{
    struct llvm_file *file = kernel->file;
    LLVMTypeRef type = llvm_memory_type(file, kernel->loops->buffers[buffer].elem);
    const struct poly *fixed = llvm_fix(kernel, address);
    if (!fixed)
        return LLVMGetUndef(file->pointer);
    int64_t constant = constant_of(fixed);
    const struct poly *rest = poly_subtract(file->ir, fixed, poly_constant(file->ir, constant));
    if (!rest)
        return LLVMGetUndef(file->pointer);
    LLVMValueRef base = start;
    if (rest->n_terms) {
        base = llvm_memo_find(&kernel->memo, MEMO_POINTER, rest->id, number);
        if (!base) {
            LLVMValueRef at = poly_value(kernel, rest, width_size(kernel));
            /* the base alone may lie outside of the buffer */
            base = LLVMBuildGEP2(file->builder, type, start, &at, 1, "");
            if (inside && constant == 0)
                LLVMSetIsInBounds(base, true);
            else if (inside && constant > 0 && c_proved_nonnegative(kernel->c, rest))
                LLVMSetIsInBounds(base, true);
            base = llvm_base_of_step(kernel, buffer, rest, base);
            if (!poly_is_run_time(rest) && inside)
                llvm_memo_add(&kernel->memo, MEMO_POINTER, rest->id, number, base);
        }
    }
    if (constant == 0)
        return base;
    LLVMValueRef at = llvm_integer(file->size, constant);
    return inside ? LLVMBuildInBoundsGEP2(file->builder, type, base, &at, 1, "")
                  : LLVMBuildGEP2(file->builder, type, base, &at, 1, "");
}

LLVMValueRef llvm_place(struct llvm_kernel *kernel, uint32_t buffer, const struct poly *address, bool inside)
{
    return place_from(kernel, kernel->buffers[buffer], buffer, buffer, address, inside);
}

LLVMValueRef llvm_place_apart(struct llvm_kernel *kernel, LLVMValueRef pointer, uint32_t buffer, const struct poly *address)
{
    return place_from(kernel, pointer, (uint32_t)kernel->loops->n_buffers + buffer, buffer, address, true);
}

uint32_t llvm_alignment(struct llvm_kernel *kernel, uint32_t buffer, const struct poly *address, int64_t unit)
{
    const struct loop_buffer *info = &kernel->loops->buffers[buffer];
    struct ir_context *context = kernel->file->ir;
    uint32_t bytes = ir_elem_info(info->elem)->bytes, whole = bytes * (uint32_t)unit;
    bool is_aligned = info->kind == LOOP_STACK || info->kind == LOOP_CONSTANT;
    if (info->kind == LOOP_SCRATCH)
        is_aligned = poly_equals(poly_mod(context, info->offset, poly_constant(context, whole), NULL), 0) &&
                     kernel->loops->workspace_alignment % whole == 0;
    if (info->kind == LOOP_CONSTANT && c_is_weight(kernel->c, buffer))
        is_aligned = false;
    is_aligned = is_aligned && poly_equals(poly_mod(context, llvm_fix(kernel, address), poly_constant(context, unit), NULL), 0);
    return is_aligned ? whole : bytes;
}

/* ---- conditions ---- */

/* The term that is the only lookup, alone, with coefficient 1 or -1; NULL: there is none such. */
static const struct poly_term *lone_lookup(const struct poly *poly)
{
    const struct poly_term *alone = NULL;
    size_t lookups = 0;
    for (uint32_t k = 0; k < poly->n_terms; k++) {
        const struct poly_term *term = &poly->terms[k];
        if (term->denominator != 1)
            return NULL;
        for (uint32_t f = 0; f < term->n_factors; f++)
            lookups += term->factors[f]->kind == POLY_TABLE ||
                       (term->factors[f]->kind == POLY_FLOOR && poly_visit_lookups(term->factors[f]->numerator, NULL, NULL));
        if (term->n_factors == 1 && term->factors[0]->kind == POLY_TABLE && (term->numerator == 1 || term->numerator == -1))
            alone = term;
    }
    return lookups == 1 ? alone : NULL;
}

/* lookup <= rest, or lookup >= -rest. */
static LLVMValueRef compare_lookup(struct llvm_kernel *kernel, const struct poly *poly, const struct poly_term *term)
{
    struct ir_context *context = kernel->file->ir;
    struct width width = width_signed(kernel);
    const struct poly_atom *lookup = term->factors[0];
    bool is_upper = term->numerator < 0;
    const struct poly *value = poly_table(context, lookup->table, lookup->n_arguments, lookup->arguments);
    const struct poly *bound = is_upper ? poly_add(context, poly, value) : poly_subtract(context, value, poly);
    LLVMValueRef entry = lookup_value(kernel, lookup, width);
    return LLVMBuildICmp(kernel->file->builder, is_upper ? LLVMIntSLE : LLVMIntSGE, entry, poly_value(kernel, bound, width), "");
}

LLVMValueRef llvm_condition(struct llvm_kernel *kernel, const struct poly *poly)
{
    const struct poly *fixed = llvm_fix(kernel, poly);
    if (!fixed)
        return LLVMGetUndef(kernel->file->truth);
    struct width width = width_signed(kernel);
    const struct poly_term *alone = lone_lookup(fixed);
    if (alone)
        return compare_lookup(kernel, fixed, alone);
    if (poly_visit_lookups(fixed, NULL, NULL))
        width = (struct width){LLVMIntTypeInContext(kernel->file->context, 128), MEMO_SIGNED, false};
    return LLVMBuildICmp(kernel->file->builder, LLVMIntSGE, poly_value(kernel, fixed, width), LLVMConstNull(width.type), "");
}
