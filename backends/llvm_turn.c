/* Functions that a module brings along: blocks of a matrix that are turned, rows that are copied past the caches.
 *
 * A whole block goes through registers, by halves that change places in ever smaller squares (Eklundh, "A fast computer method for
 * matrix transposing", 1972). What is stored past the caches must be aligned to its size; what is not is stored as usual. */
#include "llvm_internal.h"

enum { LINE = 64, PREFETCH = 256 /* bytes: four lines further on */ };

/* ---- stores past the caches ---- */

static void nontemporal_store(struct llvm_file *file, LLVMValueRef value, LLVMValueRef place, uint32_t alignment)
{
    LLVMMetadataRef one = LLVMValueAsMetadata(llvm_integer(file->i32, 1));
    LLVMValueRef node = LLVMMetadataAsValue(file->context, LLVMMDNodeInContext2(file->context, &one, 1));
    LLVMValueRef store = LLVMBuildStore(file->builder, value, place);
    LLVMSetAlignment(store, alignment);
    LLVMSetMetadata(store, LLVMGetMDKindIDInContext(file->context, "nontemporal", 11), node);
}

static LLVMBasicBlockRef new_block(struct llvm_file *file, const char *name)
{
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInsertBlock(file->builder));
    return LLVMAppendBasicBlockInContext(file->context, function, name);
}

void llvm_stream(struct llvm_file *file, LLVMValueRef value, LLVMValueRef place, uint32_t bytes, uint32_t alignment)
{
    LLVMBuilderRef builder = file->builder;
    if (alignment >= bytes) {
        nontemporal_store(file, value, place, alignment);
        return;
    }
    LLVMBasicBlockRef aligned = new_block(file, "aligned"), other = new_block(file, "unaligned"), after = new_block(file, "stored");
    LLVMValueRef number = LLVMBuildPtrToInt(builder, place, file->size, "");
    LLVMValueRef rest = LLVMBuildAnd(builder, number, llvm_integer(file->size, bytes - 1), "");
    LLVMBuildCondBr(builder, LLVMBuildICmp(builder, LLVMIntEQ, rest, LLVMConstNull(file->size), ""), aligned, other);
    LLVMPositionBuilderAtEnd(builder, aligned);
    nontemporal_store(file, value, place, bytes);
    LLVMBuildBr(builder, after);
    LLVMPositionBuilderAtEnd(builder, other);
    LLVMSetAlignment(LLVMBuildStore(builder, value, place), alignment);
    LLVMBuildBr(builder, after);
    LLVMPositionBuilderAtEnd(builder, after);
}

/* ---- a whole block ---- */

static LLVMValueRef offset(struct llvm_file *file, LLVMTypeRef type, LLVMValueRef base, LLVMValueRef by)
{
    return LLVMBuildGEP2(file->builder, type, base, &by, 1, "");
}

static LLVMValueRef row_at(struct llvm_file *file, LLVMTypeRef element, LLVMValueRef base, LLVMValueRef step, int64_t row)
{
    return offset(file, element, base, LLVMBuildMul(file->builder, step, llvm_integer(file->size, row), ""));
}

void llvm_prefetch(struct llvm_file *file, LLVMValueRef place, bool far)
{
    LLVMValueRef arguments[4] = {place, llvm_integer(file->i32, 0), llvm_integer(file->i32, far ? 2 : 3),
                                 llvm_integer(file->i32, 1)};
    llvm_intrinsic(file, "llvm.prefetch", file->pointer, arguments, 4);
}

static void prefetch_ahead(struct llvm_file *file, LLVMValueRef place)
{
    llvm_prefetch(file, offset(file, file->i8, place, llvm_integer(file->size, PREFETCH)), false);
}

/* Squares of `half` lanes of two rows change places: which lane of the two a lane of the result is. */
static int64_t source_lane(int64_t lane, int64_t half, int64_t lanes, bool low)
{
    bool first = !(lane & half);
    if (low)
        return first ? lane : lanes + lane - half;
    return first ? lane + half : lanes + lane;
}

static bool exchange(struct llvm_file *file, LLVMValueRef *rows, LLVMValueRef *turned, int64_t lanes, int64_t half)
{
    LLVMValueRef *picks = ARENA_ARRAY(file->arena, (size_t)lanes, LLVMValueRef);
    if (!picks)
        return false;
    for (int64_t k = 0; k < lanes; k++) {
        bool low = !(k & half);
        for (int64_t lane = 0; lane < lanes; lane++)
            picks[lane] = llvm_integer(file->i32, source_lane(lane, half, lanes, low));
        turned[k] = LLVMBuildShuffleVector(file->builder, rows[low ? k : k - half], rows[low ? k + half : k],
                                           LLVMConstVector(picks, (unsigned)lanes), "");
    }
    return true;
}

static void build_turn(struct llvm_file *file, LLVMValueRef function, const struct llvm_helper_function *helper)
{
    int64_t lanes = helper->lanes;
    LLVMTypeRef element = llvm_memory_type(file, helper->elem), vector = llvm_vector_type(file, helper->elem, lanes);
    LLVMValueRef to = LLVMGetParam(function, 0), to_step = LLVMGetParam(function, 1), from = LLVMGetParam(function, 2),
                 from_step = LLVMGetParam(function, 3);
    LLVMValueRef *now = ARENA_ARRAY(file->arena, (size_t)lanes, LLVMValueRef),
                 *next = ARENA_ARRAY(file->arena, (size_t)lanes, LLVMValueRef);
    uint32_t bytes = ir_elem_info(helper->elem)->bytes;
    if (!now || !next)
        return;
    for (int64_t k = 0; k < lanes; k++) {
        int64_t row = helper->helper == LLVM_TURN_APART ? loop_lane_at(k, lanes, bytes) : k;
        LLVMValueRef place = row_at(file, element, from, from_step, row);
        now[k] = LLVMBuildLoad2(file->builder, vector, place, "");
        LLVMSetAlignment(now[k], bytes);
        prefetch_ahead(file, place);
    }
    for (int64_t half = lanes / 2; half > 0; half /= 2) {
        LLVMValueRef *last = now;
        if (!exchange(file, now, next, lanes, half))
            return;
        now = next;
        next = last;
    }
    for (int64_t k = 0; k < lanes; k++) {
        int64_t row = helper->helper == LLVM_TURN_TOGETHER ? loop_lane_at(k, lanes, bytes) : k;
        LLVMValueRef place = row_at(file, element, to, to_step, row);
        if (helper->helper == LLVM_TURN_STREAM)
            llvm_stream(file, now[k], place, bytes * (uint32_t)lanes, bytes);
        else
            LLVMSetAlignment(LLVMBuildStore(file->builder, now[k], place), bytes);
    }
}

/* ---- part of one ---- */

/* to[r * to_step + c] = from[c * from_step + r] */
static void build_part(struct llvm_file *file, LLVMValueRef function, const struct llvm_helper_function *helper)
{
    LLVMBuilderRef builder = file->builder;
    LLVMTypeRef element = llvm_memory_type(file, helper->elem);
    LLVMValueRef zero = LLVMConstNull(file->size), ends[2];
    for (unsigned k = 0; k < 2; k++) {
        LLVMValueRef both[2] = {LLVMGetParam(function, 4 + k), llvm_integer(file->size, helper->lanes)};
        ends[k] = llvm_intrinsic(file, "llvm.smin", file->size, both, 2);
    }
    struct llvm_loop rows = llvm_loop_open(file, zero, ends[0], "row");
    struct llvm_loop columns = llvm_loop_open(file, zero, ends[1], "column");
    LLVMValueRef target =
        LLVMBuildAdd(builder, LLVMBuildMul(builder, rows.index, LLVMGetParam(function, 1), ""), columns.index, "");
    LLVMValueRef source =
        LLVMBuildAdd(builder, LLVMBuildMul(builder, columns.index, LLVMGetParam(function, 3), ""), rows.index, "");
    LLVMValueRef value = LLVMBuildLoad2(builder, element, offset(file, element, LLVMGetParam(function, 2), source), "");
    LLVMBuildStore(builder, value, offset(file, element, LLVMGetParam(function, 0), target));
    llvm_loop_close(file, &columns);
    llvm_loop_close(file, &rows);
}

/* ---- rows ---- */

/* Whole lines past the caches, the ends as any bytes: a row may begin anywhere. */
static void build_stream_row(struct llvm_file *file, LLVMValueRef function)
{
    LLVMBuilderRef builder = file->builder;
    LLVMTypeRef line = LLVMVectorType(file->i8, LINE);
    LLVMValueRef to = LLVMGetParam(function, 0), from = LLVMGetParam(function, 1), bytes = LLVMGetParam(function, 2);
    LLVMValueRef size = llvm_integer(file->size, LINE), zero = LLVMConstNull(file->size);
    LLVMValueRef begin = LLVMBuildNeg(builder, LLVMBuildPtrToInt(builder, to, file->size, ""), "");
    LLVMValueRef both[2] = {LLVMBuildAnd(builder, begin, llvm_integer(file->size, LINE - 1), ""), bytes};
    begin = llvm_intrinsic(file, "llvm.smin", file->size, both, 2);
    LLVMBuildMemCpy(builder, to, 1, from, 1, begin);
    LLVMValueRef lines = LLVMBuildUDiv(builder, LLVMBuildSub(builder, bytes, begin, ""), size, "");
    LLVMValueRef first_to = offset(file, file->i8, to, begin), first_from = offset(file, file->i8, from, begin);
    struct llvm_loop loop = llvm_loop_open(file, zero, lines, "line");
    LLVMValueRef at = LLVMBuildMul(builder, loop.index, size, "");
    LLVMValueRef value = LLVMBuildLoad2(builder, line, offset(file, file->i8, first_from, at), "");
    LLVMSetAlignment(value, 1);
    nontemporal_store(file, value, offset(file, file->i8, first_to, at), LINE);
    llvm_loop_close(file, &loop);
    LLVMValueRef done = LLVMBuildAdd(builder, begin, LLVMBuildMul(builder, lines, size, ""), "");
    LLVMBuildMemCpy(builder, offset(file, file->i8, to, done), 1, offset(file, file->i8, from, done), 1,
                    LLVMBuildSub(builder, bytes, done, ""));
}

/* ---- functions of the module ---- */

static LLVMTypeRef helper_type(struct llvm_file *file, enum llvm_helper helper, unsigned *n)
{
    LLVMTypeRef turn[6] = {file->pointer, file->size, file->pointer, file->size, file->size, file->size};
    LLVMTypeRef row[3] = {file->pointer, file->pointer, file->size};
    *n = helper == LLVM_STREAM_ROW ? 3 : helper == LLVM_TURN_PART ? 6 : 4;
    return LLVMFunctionType(file->nothing, helper == LLVM_STREAM_ROW ? row : turn, *n, false);
}

static LLVMValueRef make_helper(struct llvm_file *file, const struct llvm_helper_function *helper, LLVMTypeRef type)
{
    static const char *const names[] = {"turn", "turn_stream", "turn_apart", "turn_together", "turn_part", "stream_row"};
    LLVMBasicBlockRef here = LLVMGetInsertBlock(file->builder);
    LLVMMetadataRef place = LLVMGetCurrentDebugLocation2(file->builder);
    LLVMValueRef function = LLVMAddFunction(file->module, names[helper->helper], type);
    LLVMSetLinkage(function, LLVMPrivateLinkage);
    llvm_add_attribute(file, function, LLVM_WHOLE, "nounwind", 0);
    llvm_add_attribute(file, function, 1, "noalias", 0);
    llvm_add_attribute(file, function, helper->helper == LLVM_STREAM_ROW ? 2 : 3, "noalias", 0);
    LLVMSetCurrentDebugLocation2(file->builder, NULL);
    LLVMPositionBuilderAtEnd(file->builder, LLVMAppendBasicBlockInContext(file->context, function, ""));
    if (helper->helper == LLVM_STREAM_ROW)
        build_stream_row(file, function);
    else if (helper->helper == LLVM_TURN_PART)
        build_part(file, function, helper);
    else
        build_turn(file, function, helper);
    LLVMBuildRetVoid(file->builder);
    LLVMPositionBuilderAtEnd(file->builder, here);
    LLVMSetCurrentDebugLocation2(file->builder, place);
    return function;
}

void llvm_call_helper(struct llvm_file *file, enum llvm_helper helper, enum ir_elem elem, int64_t lanes, LLVMValueRef *arguments)
{
    struct llvm_helper_function wanted = {helper, elem, lanes, NULL};
    unsigned n;
    LLVMTypeRef type = helper_type(file, helper, &n);
    for (size_t k = 0; k < file->n_helpers && !wanted.function; k++)
        if (file->helpers[k].helper == helper &&
            (helper == LLVM_STREAM_ROW || (file->helpers[k].elem == elem && file->helpers[k].lanes == lanes)))
            wanted.function = file->helpers[k].function;
    if (!wanted.function) {
        wanted.function = make_helper(file, &wanted, type);
        ARENA_PUSH(file->arena, file->helpers, file->n_helpers, file->helpers_capacity, wanted);
    }
    LLVMBuildCall2(file->builder, type, wanted.function, arguments, n, "");
}
