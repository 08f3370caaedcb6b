/* Any bytes through the .npy reader: a tensor or a diagnostic. What was read is touched to its last byte and written again in
 * memory's terms. */
#include "runtime/runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ir_context *context = ir_context_create(NULL);
    struct ir_tensor tensor;
    if (context && npy_parse(context, "fuzz.npy", SPAN_NONE, data, size, &tensor)) {
        size_t bytes = npy_element_count(&tensor) * ir_elem_info(tensor.elem)->bytes;
        volatile uint64_t sum = hash_bytes(0, tensor.data, bytes);
        (void)sum;
    } else if (context && ir_diagnostics(context)->n_errors == 0 && !arena_failed(ir_arena(context))) {
        __builtin_trap(); /* refused without a word */
    }
    ir_context_destroy(context);
    return 0;
}
