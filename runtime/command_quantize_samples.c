/* Samples of einc quantize: words `NAME=x.npy` to arrays, and of each kernel one sample after another. */
#include "quantize.h"

#include <string.h>

static bool add_part(struct invocation *invocation, struct samples *samples, const char *name, const char *path)
{
    struct sample_part part = {.name = name};
    if (!npy_read(invocation->context, path, SPAN_NONE, &part.array))
        return false;
    if (!ir_elem_is_complex(part.array.elem))
        return ARENA_PUSH(ir_arena(invocation->context), samples->parts, samples->n_parts, samples->capacity, part);
    diag_error(ir_diagnostics(invocation->context), DIAG_E0807, SPAN_NONE, "samples are real: `%s` is %s", path,
               binding_describe(invocation->context, &part.array));
    return false;
}

/* A word without a name is for kernels of one input, one with a name for those that have it; there must be such a kernel. */
static bool has_place(struct invocation *invocation, const struct ir_program *program, const char *name, const char *path)
{
    struct diagnostics *diagnostics = ir_diagnostics(invocation->context);
    for (size_t k = 0; k < program->n_kernels; k++) {
        const struct ir_kernel *kernel = program->kernels[k];
        for (uint32_t input = 0; input < kernel->n_inputs; input++)
            if (name ? strcmp(name, kernel->inputs[input].name) == 0 : kernel->n_inputs == 1)
                return true;
    }
    if (name)
        diag_error(diagnostics, DIAG_E0808, SPAN_NONE, "no kernel has an input `%s`", name);
    else
        diag_help(diagnostics, diag_error(diagnostics, DIAG_E0808, SPAN_NONE, "for which input is `%s`", path),
                  "write --samples NAME=%s", path);
    return false;
}

bool samples_read(struct invocation *invocation, const struct option_list *words, const struct ir_program *program,
                  struct samples *samples)
{
    for (size_t k = 0; k < words->count; k++) {
        char *copy = arena_strndup(ir_arena(invocation->context), words->items[k], strlen(words->items[k])), *rest = NULL;
        for (char *word = copy ? strtok_r(copy, ",", &rest) : NULL; word; word = strtok_r(NULL, ",", &rest)) {
            const char *name = NULL, *path = word;
            if (!option_pair(invocation, word, &name, &path))
                name = NULL, path = word;
            if (!has_place(invocation, program, name, path) || !add_part(invocation, samples, name, path))
                return false;
        }
    }
    return ir_status(invocation->context) == EINC_OK;
}

static bool is_for(const struct sample_part *part, const struct ir_kernel *kernel, uint32_t input)
{
    return part->name ? strcmp(part->name, kernel->inputs[input].name) == 0 : kernel->n_inputs == 1;
}

/* How many samples the array holds; 0: of the wrong rank. */
static size_t part_count(const struct sample_part *part, const struct ir_node *node)
{
    if (part->array.rank == node->rank)
        return 1;
    return part->array.rank == node->rank + 1 ? (size_t)part->array.shape[0] : 0;
}

static bool count_input(struct invocation *invocation, const struct samples *samples, const struct ir_kernel *kernel,
                        uint32_t input, size_t *count)
{
    const struct ir_input_info *info = &kernel->inputs[input];
    struct diagnostics *diagnostics = ir_diagnostics(invocation->context);
    *count = 0;
    for (size_t k = 0; k < samples->n_parts; k++) {
        const struct sample_part *part = &samples->parts[k];
        if (!is_for(part, kernel, input))
            continue;
        size_t found = part_count(part, info->node);
        if (found == 0) {
            struct diag *diag = diag_error(diagnostics, DIAG_E0807, info->span,
                                           "the samples given for `%s` do not fit its declaration", info->name);
            diag_label(diagnostics, diag, "%u axes are declared; the array is %s", info->node->rank,
                       binding_describe(invocation->context, &part->array));
            diag_help(diagnostics, diag, "an array is one sample, or has one axis more, the first: the samples");
            return false;
        }
        *count += found;
    }
    if (*count)
        return true;
    struct diag *diag = diag_error(diagnostics, DIAG_E0808, info->span, "no samples are given for `%s`", info->name);
    diag_help(diagnostics, diag, "add --samples %s=FILE.npy, one sample or several along a first axis", info->name);
    return false;
}

size_t samples_count(struct invocation *invocation, const struct samples *samples, const struct ir_kernel *kernel)
{
    size_t count = 1, first = 0;
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        size_t found;
        if (!count_input(invocation, samples, kernel, k, &found))
            return 0;
        if (found != 1 && count != 1 && found != count) {
            diag_error(ir_diagnostics(invocation->context), DIAG_E0807, kernel->inputs[k].span,
                       "`%s` has %zu samples, where `%s` has %zu", kernel->inputs[k].name, found, kernel->inputs[first].name,
                       count);
            return 0;
        }
        if (found != 1)
            count = found, first = k;
    }
    return count;
}

static struct ir_tensor sample_of(const struct samples *samples, const struct ir_kernel *kernel, uint32_t input, size_t number)
{
    const struct ir_node *node = kernel->inputs[input].node;
    size_t begin = 0;
    struct ir_tensor tensor = {0};
    for (size_t k = 0; k < samples->n_parts; k++) {
        const struct sample_part *part = &samples->parts[k];
        if (!is_for(part, kernel, input))
            continue;
        size_t count = part_count(part, node), axis = part->array.rank - node->rank;
        tensor = (struct ir_tensor){part->array.elem, node->rank, part->array.shape + axis, part->array.data};
        if (number < begin + count) {
            size_t bytes = npy_element_count(&tensor) * ir_elem_info(tensor.elem)->bytes;
            tensor.data = (char *)tensor.data + (number - begin) * bytes;
            break;
        }
        begin += count;
    }
    return tensor; /* the only one, where others have more */
}

bool samples_bind(struct invocation *invocation, const struct samples *samples, const struct ir_kernel *kernel, size_t number,
                  struct ir_tensor *inputs, int64_t *dims)
{
    struct ir_tensor *declared = ARENA_ARRAY(ir_arena(invocation->context), kernel->n_inputs, struct ir_tensor);
    for (uint32_t k = 0; k < kernel->n_inputs && declared; k++) {
        declared[k] = inputs[k] = sample_of(samples, kernel, k, number);
        declared[k].elem = kernel->inputs[k].node->elem; /* they are converted */
    }
    return declared && binding_check(invocation->context, kernel, declared, dims);
}
