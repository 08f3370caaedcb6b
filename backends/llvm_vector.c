/* Loops over vectors as LLVM values.
 *
 * The whole loop is one operation on vectors of its lanes; its index is 0 where a place is asked for. With a limit the lanes behind
 * it do nothing: loads and stores are masked, but those of a small array, which has room for whole vectors and lives in registers.
 * Two vector loops, one in the other, are a block of a matrix that is copied turned. */
#include "ir/expansion.h"
#include "llvm_internal.h"

struct lanes {
    struct llvm_kernel *kernel;
    uint32_t index;
    int64_t count;
    LLVMValueRef mask; /* of lanes that take part; NULL: all */
};

static LLVMValueRef vector_value(struct lanes *lanes, const struct ir_expr *expr);

/* ---- lanes ---- */

static void open_lane(struct llvm_kernel *kernel, uint32_t index)
{
    kernel->fixed[index] = poly_constant(kernel->file->ir, 0);
    kernel->n_fixed++;
}

static void close_lane(struct llvm_kernel *kernel, uint32_t index)
{
    kernel->fixed[index] = NULL;
    kernel->n_fixed--;
}

/* Integers as wide as the elements, so that a comparison of them is a mask without more ado. */
static LLVMTypeRef lane_type(struct llvm_file *file, enum ir_elem elem)
{
    return ir_elem_info(elem)->bytes == 8 ? file->i64 : file->i32;
}

static LLVMValueRef splat(struct llvm_file *file, LLVMValueRef value, int64_t count)
{
    LLVMTypeRef vector = LLVMVectorType(LLVMTypeOf(value), (unsigned)count);
    LLVMValueRef first = LLVMBuildInsertElement(file->builder, LLVMGetPoison(vector), value, LLVMConstNull(file->i32), "");
    LLVMValueRef zeros = LLVMConstNull(LLVMVectorType(file->i32, (unsigned)count));
    return LLVMBuildShuffleVector(file->builder, first, LLVMGetPoison(vector), zeros, "");
}

/* lane < limit */
static LLVMValueRef mask_below(struct llvm_kernel *kernel, const struct poly *limit, enum ir_elem elem, int64_t count)
{
    struct llvm_file *file = kernel->file;
    LLVMTypeRef type = lane_type(file, elem);
    LLVMValueRef *numbers = ARENA_ARRAY(file->arena, (size_t)count, LLVMValueRef);
    if (!numbers)
        return NULL;
    for (int64_t k = 0; k < count; k++)
        numbers[k] = llvm_integer(type, k);
    LLVMValueRef ends[2] = {llvm_size(kernel, limit), llvm_integer(file->size, count)};
    LLVMValueRef end = LLVMBuildIntCast2(file->builder, llvm_intrinsic(file, "llvm.smin", file->size, ends, 2), type, true, "");
    return LLVMBuildICmp(file->builder, LLVMIntSGT, splat(file, end, count), LLVMConstVector(numbers, (unsigned)count), "");
}

/* ---- memory ---- */

static bool is_array(const struct lanes *lanes, uint32_t buffer)
{
    return lanes->kernel->c->array_lanes[buffer] > 0;
}

static struct loop_movement movement_of(struct lanes *lanes, enum ir_elem elem, const struct poly *address)
{
    return loop_lanes_move(lanes->kernel->file->ir, address, lanes->index, lanes->count, ir_elem_info(elem)->bytes);
}

static int64_t lane_at(const struct lanes *lanes, int64_t lane, size_t bytes, bool apart)
{
    return apart ? loop_lane_at(lane, lanes->count, bytes) : lane;
}

static LLVMValueRef shuffled(struct lanes *lanes, LLVMValueRef a, LLVMValueRef b, LLVMValueRef *numbers)
{
    return LLVMBuildShuffleVector(lanes->kernel->file->builder, a, b, LLVMConstVector(numbers, (unsigned)lanes->count), "");
}

/* Lanes of two vectors: from lane `first` on by the step of the movement. */
static LLVMValueRef chosen(struct lanes *lanes, LLVMValueRef a, LLVMValueRef b, int64_t first, size_t bytes,
                           const struct loop_movement *movement)
{
    struct llvm_file *file = lanes->kernel->file;
    LLVMValueRef *numbers = ARENA_ARRAY(file->arena, (size_t)lanes->count, LLVMValueRef);
    for (int64_t i = 0; numbers && i < lanes->count; i++)
        numbers[i] = llvm_integer(file->i32, first + movement->step * lane_at(lanes, i, bytes, movement->apart));
    return numbers ? shuffled(lanes, a, b, numbers) : a;
}

/* The pairs that lanes of two vectors make, from pair `first` on. */
static LLVMValueRef paired(struct lanes *lanes, LLVMValueRef a, LLVMValueRef b, int64_t first, size_t bytes, bool apart)
{
    struct llvm_file *file = lanes->kernel->file;
    LLVMValueRef *numbers = ARENA_ARRAY(file->arena, (size_t)lanes->count, LLVMValueRef);
    for (int64_t i = 0; numbers && i < lanes->count; i++) {
        int64_t lane = 0;
        while (lane_at(lanes, lane, bytes, apart) != first + i / 2)
            lane++;
        numbers[i] = llvm_integer(file->i32, lane + i % 2 * lanes->count);
    }
    return numbers ? shuffled(lanes, a, b, numbers) : a;
}

/* The vector behind the one at this place. */
static LLVMValueRef second_vector(struct lanes *lanes, LLVMTypeRef type, LLVMValueRef place)
{
    LLVMValueRef one = llvm_integer(lanes->kernel->file->size, 1);
    return LLVMBuildGEP2(lanes->kernel->file->builder, type, place, &one, 1, "");
}

/* A half of pairs, or elements one after the other, either way: what lies in memory, and its lanes in order. */
static LLVMValueRef load_in_order(struct lanes *lanes, uint32_t buffer, enum ir_elem elem, const struct poly *address,
                                  const struct loop_movement *movement)
{
    struct llvm_file *file = lanes->kernel->file;
    LLVMTypeRef type = llvm_vector_type(file, elem, lanes->count);
    bool halves = movement->half >= 0;
    int64_t begin = (movement->half > 0) - (movement->step < 0 ? movement->step * (lanes->count - 1) : 0);
    const struct poly *lowest = poly_subtract(file->ir, address, poly_constant(file->ir, begin));
    LLVMValueRef place = llvm_place(lanes->kernel, buffer, lowest, true), vectors[2];
    for (int k = 0; k < (halves ? 2 : 1); k++) {
        vectors[k] = LLVMBuildLoad2(file->builder, type, k ? second_vector(lanes, type, place) : place, "");
        LLVMSetAlignment(vectors[k], ir_elem_info(elem)->bytes);
    }
    return chosen(lanes, vectors[0], vectors[halves ? 1 : 0], begin, ir_elem_info(elem)->bytes, movement);
}

static LLVMValueRef load(struct lanes *lanes, uint32_t buffer, enum ir_elem elem, const struct poly *address)
{
    struct llvm_file *file = lanes->kernel->file;
    const struct loop_movement movement = movement_of(lanes, elem, address);
    if (movement.half >= 0 || movement.step < 0)
        return load_in_order(lanes, buffer, elem, address, &movement);
    LLVMTypeRef type = llvm_vector_type(file, elem, lanes->count);
    bool whole = !lanes->mask || is_array(lanes, buffer);
    LLVMValueRef place = llvm_place(lanes->kernel, buffer, address, whole);
    uint32_t alignment = llvm_alignment(lanes->kernel, buffer, address, lanes->count);
    if (whole) {
        LLVMValueRef value = LLVMBuildLoad2(file->builder, type, place, "");
        LLVMSetAlignment(value, alignment);
        return value;
    }
    LLVMValueRef arguments[4] = {place, llvm_integer(file->i32, alignment), lanes->mask, LLVMConstNull(type)};
    return llvm_memory_intrinsic(file, "llvm.masked.load", type, arguments, 4);
}

static void store(struct lanes *lanes, const struct loop_stmt *stmt, LLVMValueRef value)
{
    struct llvm_kernel *kernel = lanes->kernel;
    struct llvm_file *file = kernel->file;
    uint32_t buffer = stmt->store.buffer;
    bool whole = !lanes->mask || is_array(lanes, buffer);
    LLVMValueRef place = llvm_place(kernel, buffer, stmt->store.address, whole);
    uint32_t alignment = llvm_alignment(kernel, buffer, stmt->store.address, lanes->count);
    if (whole && stmt->store.streams && !is_array(lanes, buffer)) {
        uint32_t bytes = (uint32_t)lanes->count * ir_elem_info(kernel->loops->buffers[buffer].elem)->bytes;
        kernel->streams = true;
        llvm_stream(file, value, place, bytes, alignment);
    } else if (whole) {
        LLVMSetAlignment(LLVMBuildStore(file->builder, value, place), alignment);
    } else {
        LLVMValueRef arguments[4] = {value, place, llvm_integer(file->i32, alignment), lanes->mask};
        llvm_memory_intrinsic(file, "llvm.masked.store", LLVMTypeOf(value), arguments, 4);
    }
}

/* ---- values ---- */

static bool is_vector(const struct lanes *lanes, const struct ir_expr *expr)
{
    if (expr->op == IR_EXPR_local)
        return lanes->kernel->c->local_vector[expr->local];
    bool found = expr->n_arguments == 0 && ir_expr_uses_index(expr, lanes->index);
    for (uint32_t k = 0; k < expr->n_arguments && !found; k++)
        found = is_vector(lanes, expr->arguments[k]);
    return found;
}

/* A sum or difference, of which one side may be a product that is rounded with it. */
static LLVMValueRef addition(struct lanes *lanes, const struct ir_expr *expr)
{
    struct llvm_file *file = lanes->kernel->file;
    bool subtracts = expr->op == IR_EXPR_sub;
    for (uint32_t side = 2; side-- > 0;) {
        const struct ir_expr *product = expr->arguments[side];
        if (product->op != IR_EXPR_mul || !is_vector(lanes, product))
            continue;
        LLVMValueRef arguments[3] = {vector_value(lanes, product->arguments[0]), vector_value(lanes, product->arguments[1]),
                                     vector_value(lanes, expr->arguments[1 - side])};
        LLVMValueRef *negated = &arguments[side ? 0 : 2];
        *negated = subtracts ? LLVMBuildFNeg(file->builder, *negated, "") : *negated;
        return llvm_intrinsic(file, "llvm.fmuladd", LLVMTypeOf(arguments[0]), arguments, 3);
    }
    LLVMValueRef arguments[3] = {vector_value(lanes, expr->arguments[0]), vector_value(lanes, expr->arguments[1]), NULL};
    return llvm_apply(lanes->kernel, expr, expr->elem, arguments);
}

static LLVMValueRef make_value(struct lanes *lanes, const struct ir_expr *expr)
{
    LLVMValueRef arguments[3] = {NULL, NULL, NULL};
    if (!is_vector(lanes, expr)) {
        bool apart = llvm_goes_apart(lanes->kernel, expr, lanes->count);
        LLVMValueRef value = apart ? llvm_value_apart(lanes->kernel, expr) : llvm_value(lanes->kernel, expr);
        return splat(lanes->kernel->file, value, lanes->count);
    }
    if (expr->op == IR_EXPR_local)
        return lanes->kernel->locals[expr->local];
    if (expr->op == IR_EXPR_load)
        return load(lanes, expr->load.buffer, expr->elem, expr->load.address);
    if ((expr->op == IR_EXPR_add || expr->op == IR_EXPR_sub) && lanes->kernel->may_fuse)
        return addition(lanes, expr);
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        arguments[k] = vector_value(lanes, expr->arguments[k]);
    if (expansion_exists(expr->op, expr->elem))
        return llvm_expand(lanes->kernel, expr->op, expr->elem, arguments[0]);
    return llvm_apply(lanes->kernel, expr, expr->elem, arguments); /* vectorise leaves what vectors have */
}

static LLVMValueRef vector_value(struct lanes *lanes, const struct ir_expr *expr)
{
    struct llvm_memo *memo = &lanes->kernel->memo;
    LLVMValueRef value = llvm_memo_find(memo, MEMO_VECTOR, expr->id, 0);
    if (!value) {
        value = make_value(lanes, expr);
        llvm_memo_add(memo, MEMO_VECTOR, expr->id, 0, value);
    }
    return value;
}

/* The value, or what the target holds with it added; a product is added in one rounding where the target can. */
static LLVMValueRef sum(struct lanes *lanes, const struct loop_stmt *stmt)
{
    struct llvm_file *file = lanes->kernel->file;
    const struct ir_expr *value = stmt->store.value;
    if (stmt->store.combine == IR_EXPR_OP_COUNT)
        return vector_value(lanes, value);
    if (stmt->store.combine == IR_EXPR_add && value->op == IR_EXPR_mul && lanes->kernel->may_fuse) {
        LLVMValueRef arguments[3] = {vector_value(lanes, value->arguments[0]), vector_value(lanes, value->arguments[1]),
                                     load(lanes, stmt->store.buffer, value->elem, stmt->store.address)};
        return llvm_intrinsic(file, "llvm.fmuladd", LLVMTypeOf(arguments[0]), arguments, 3);
    }
    LLVMValueRef old = load(lanes, stmt->store.buffer, value->elem, stmt->store.address);
    return llvm_combine(lanes->kernel, value->elem, stmt->store.combine, old, vector_value(lanes, value), value);
}

/* ---- blocks that are turned ---- */

/* How far lines of a block are apart, which may stand in the order of loop_lanes.c. */
static struct loop_lane line_of(struct llvm_kernel *kernel, enum ir_elem elem, const struct poly *address, uint32_t index,
                                int64_t lanes)
{
    struct loop_lane lane;
    loop_split_lane(kernel->file->ir, address, index, lanes, ir_elem_info(elem)->bytes, &lane);
    return lane;
}

/* rows or columns; NULL: as many as there are lanes */
static LLVMValueRef ends_at(struct llvm_kernel *kernel, const struct loop_stmt *loop)
{
    return loop->loop.limit ? llvm_size(kernel, loop->loop.limit) : NULL;
}

/* Whole blocks in registers, others element by element. */
static void call_turn(struct llvm_kernel *kernel, const struct loop_stmt *stmt, enum llvm_helper whole, int64_t lanes,
                      LLVMValueRef *arguments)
{
    struct llvm_file *file = kernel->file;
    enum ir_elem elem = stmt->store.value->elem;
    LLVMValueRef all = llvm_integer(file->size, lanes), is_whole = NULL;
    kernel->streams |= stmt->store.streams;
    for (int k = 4; k < 6; k++) {
        LLVMValueRef reaches = arguments[k] ? LLVMBuildICmp(file->builder, LLVMIntSGE, arguments[k], all, "") : NULL;
        is_whole = is_whole && reaches ? LLVMBuildAnd(file->builder, is_whole, reaches, "") : reaches ? reaches : is_whole;
        if (!arguments[k])
            arguments[k] = all;
    }
    if (!is_whole) {
        llvm_call_helper(file, whole, elem, lanes, arguments);
        return;
    }
    LLVMBasicBlockRef full = llvm_block(kernel, "whole"), part = llvm_block(kernel, "part"), after = llvm_block(kernel, "turned");
    LLVMBuildCondBr(file->builder, is_whole, full, part);
    llvm_go_to(kernel, full);
    llvm_call_helper(file, whole, elem, lanes, arguments);
    LLVMBuildBr(file->builder, after);
    llvm_go_to(kernel, part);
    llvm_call_helper(file, LLVM_TURN_PART, elem, lanes, arguments);
    LLVMBuildBr(file->builder, after);
    llvm_go_to(kernel, after);
}

static void turn(struct llvm_kernel *kernel, const struct loop_stmt *rows, int64_t lanes)
{
    const struct loop_stmt *columns = rows->loop.body, *stmt = columns->loop.body;
    const struct ir_expr *from = stmt->store.value;
    LLVMValueRef limits[2] = {ends_at(kernel, rows), ends_at(kernel, columns)};
    const struct loop_lane to_line = line_of(kernel, from->elem, stmt->store.address, rows->loop.index, lanes),
                           from_line = line_of(kernel, from->elem, from->load.address, columns->loop.index, lanes);
    enum llvm_helper helper = from_line.apart       ? LLVM_TURN_APART
                              : to_line.apart       ? LLVM_TURN_TOGETHER
                              : stmt->store.streams ? LLVM_TURN_STREAM
                                                    : LLVM_TURN;
    open_lane(kernel, rows->loop.index);
    open_lane(kernel, columns->loop.index);
    bool whole = !limits[0] && !limits[1];
    LLVMValueRef arguments[6] = {llvm_place(kernel, stmt->store.buffer, stmt->store.address, whole),
                                 llvm_size(kernel, to_line.step),
                                 llvm_place(kernel, from->load.buffer, from->load.address, whole),
                                 llvm_size(kernel, from_line.step),
                                 limits[0],
                                 limits[1]};
    close_lane(kernel, columns->loop.index);
    close_lane(kernel, rows->loop.index);
    call_turn(kernel, stmt, helper, lanes, arguments);
}

/* ---- statements ---- */

static void store_pairs(struct lanes *lanes, const struct loop_stmt *re, const struct loop_stmt *im, bool apart)
{
    struct llvm_file *file = lanes->kernel->file;
    LLVMValueRef halves[2] = {vector_value(lanes, re->store.value), vector_value(lanes, im->store.value)};
    LLVMValueRef place = llvm_place(lanes->kernel, re->store.buffer, re->store.address, true);
    for (int k = 0; k < 2; k++) {
        LLVMValueRef to = k ? second_vector(lanes, LLVMTypeOf(halves[0]), place) : place;
        uint32_t alignment = ir_elem_info(re->store.value->elem)->bytes;
        LLVMValueRef pairs = paired(lanes, halves[0], halves[1], k * lanes->count / 2, alignment, apart);
        if (re->store.streams)
            llvm_stream(file, pairs, to, (uint32_t)lanes->count * alignment, alignment);
        else
            LLVMSetAlignment(LLVMBuildStore(file->builder, pairs, to), alignment);
    }
    lanes->kernel->streams |= re->store.streams;
}

/* Straight lines: definitions and stores, one after the other. */
static void vector_block(struct lanes *lanes, const struct loop_stmt *loop)
{
    struct llvm_kernel *kernel = lanes->kernel;
    open_lane(kernel, lanes->index);
    for (const struct loop_stmt *stmt = loop->loop.body; stmt; stmt = stmt->next) {
        if (!c_is_live(kernel->c, stmt))
            continue;
        if (stmt->op == LOOP_DEFINE) {
            bool moves = is_vector(lanes, stmt->local.value);
            kernel->locals[stmt->local.local] =
                moves ? vector_value(lanes, stmt->local.value) : llvm_value(kernel, stmt->local.value);
            kernel->c->local_vector[stmt->local.local] = moves;
            continue;
        }
        const struct loop_movement movement = movement_of(lanes, stmt->store.value->elem, stmt->store.address);
        if (movement.half >= 0) {
            store_pairs(lanes, stmt, stmt->next, movement.apart);
            stmt = stmt->next;
        } else {
            store(lanes, stmt, vector_value(lanes, stmt->store.value));
        }
    }
    for (const struct loop_stmt *stmt = loop->loop.body; stmt; stmt = stmt->next)
        if (stmt->op == LOOP_DEFINE) {
            kernel->locals[stmt->local.local] = NULL;
            kernel->c->local_vector[stmt->local.local] = false;
        }
    close_lane(kernel, lanes->index);
}

void llvm_vector_statement(struct llvm_kernel *kernel, const struct loop_stmt *loop)
{
    const struct loop_stmt *stmt = loop->loop.body;
    struct lanes lanes = {.kernel = kernel, .index = loop->loop.index};
    if (!poly_is_constant(loop->loop.end, &lanes.count))
        return;
    size_t scope = llvm_memo_open(&kernel->memo);
    if (c_is_vector_block(loop)) {
        vector_block(&lanes, loop);
    } else if (stmt->op == LOOP_FOR) {
        turn(kernel, loop, lanes.count);
    } else if (loop->loop.limit && poly_equals(loop->loop.limit, 1)) {
        /* LLVM would make it a scalar, too, but behind all that has more lanes: wide and narrow ones share their units badly */
        open_lane(kernel, lanes.index);
        llvm_store_statement(kernel, stmt);
        close_lane(kernel, lanes.index);
    } else {
        if (loop->loop.limit)
            lanes.mask = mask_below(kernel, loop->loop.limit, stmt->store.value->elem, lanes.count);
        open_lane(kernel, lanes.index);
        store(&lanes, stmt, sum(&lanes, stmt));
        close_lane(kernel, lanes.index);
    }
    llvm_memo_close(&kernel->memo, scope);
}

void llvm_streamed_row(struct llvm_kernel *kernel, const struct loop_stmt *loop, LLVMValueRef begin, LLVMValueRef end)
{
    LLVMBuilderRef builder = kernel->file->builder;
    const struct loop_stmt *stmt = loop->loop.body;
    const struct ir_expr *from = stmt->store.value;
    LLVMValueRef size = llvm_integer(kernel->file->size, (int64_t)ir_elem_info(from->elem)->bytes);
    size_t scope = llvm_memo_open(&kernel->memo);
    llvm_open_index(kernel, loop->loop.index, begin);
    LLVMValueRef arguments[3] = {llvm_place(kernel, stmt->store.buffer, stmt->store.address, false),
                                 llvm_place(kernel, from->load.buffer, from->load.address, false),
                                 LLVMBuildMul(builder, LLVMBuildSub(builder, end, begin, ""), size, "")};
    llvm_close_index(kernel, loop->loop.index);
    llvm_memo_close(&kernel->memo, scope);
    kernel->streams = true;
    llvm_call_helper(kernel->file, LLVM_STREAM_ROW, from->elem, 0, arguments);
}
