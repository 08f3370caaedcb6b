/* Any bytes through the .npy reader: a tensor or a diagnostic. What was read is touched to its last byte, and written and read
 * again it is the same tensor. */
#include "runtime/runtime.h"

#include <string.h>

static void check(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static bool same_shape(const struct ir_tensor *a, const struct ir_tensor *b)
{
    return a->elem == b->elem && a->rank == b->rank && !memcmp(a->shape, b->shape, a->rank * sizeof *a->shape);
}

static void check_again(struct ir_context *context, const struct ir_tensor *tensor)
{
    struct ir_tensor again;
    const void *bytes;
    size_t length, size = npy_element_count(tensor) * ir_elem_info(tensor->elem)->bytes;
    volatile uint64_t sum = hash_bytes(0, tensor->data, size);
    (void)sum;
    check(npy_encode(context, tensor, &bytes, &length));
    check(npy_parse(context, "again.npy", SPAN_NONE, bytes, length, &again));
    check(same_shape(tensor, &again) && !memcmp(tensor->data, again.data, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ir_context *context = ir_context_create(NULL);
    struct ir_tensor tensor;
    if (context && npy_parse(context, "fuzz.npy", SPAN_NONE, data, size, &tensor))
        check_again(context, &tensor);
    else if (context)
        check(ir_diagnostics(context)->n_errors > 0 || arena_failed(ir_arena(context))); /* not refused without a word */
    ir_context_destroy(context);
    return 0;
}
