/* One program, every pass: evaluated before and after, in the arithmetic that is exact for its kind. */
#include "validate.h"

#include "compare.h"
#include "ir/loop.h"
#include "passes/passes.h"
#include "runtime/runtime.h"

#include <stdlib.h>
#include <string.h>

enum { OUTPUT_LIMIT = 8, OTHER_ORDER = 4 };

struct validator {
    struct ir_context *context;
    const struct validation *validation;
    const struct ir_kernel *kernel; /* as it was made */
    enum ir_arithmetic arithmetic;
    uint64_t state; /* of choices */
    struct pass_options options;
    const int64_t *dims;
    struct ir_tensor *inputs, expected[OUTPUT_LIMIT];
    const struct ir_tensor *laid; /* the inputs as the loops want them */
    const char *wrong;            /* the first disagreement */
};

/* ---- saying what is wrong ---- */

/* Keeps the first: where it happened, how, the kernel and loops at that place, and diagnostics. Gives false. */
static bool disagree(struct validator *validator, const char *where, const char *how, const struct pass_kernel *at)
{
    struct text text = text_create(ir_arena(validator->context));
    if (validator->wrong)
        return false;
    text_printf(&text, "%s: %s\n", where, how);
    ir_print_program(&text, validator->validation->program);
    if (at && at->kernel && at->kernel != validator->kernel) {
        text_put(&text, "after it:\n");
        ir_print_kernel(&text, validator->context, at->kernel);
    }
    if (at && at->loops)
        loop_print(&text, validator->context, at->loops);
    for (uint32_t k = 0; validator->dims && k < ir_dim_count(validator->context); k++)
        text_printf(&text, "; %s = %lld\n", ir_dim_at(validator->context, k)->name, (long long)validator->dims[k]);
    diag_print(&text, ir_diagnostics(validator->context), false);
    validator->wrong = text_finish(&text);
    if (!validator->wrong)
        validator->wrong = "no memory";
    return false;
}

static bool same_outputs(const struct validator *validator, const struct ir_tensor *found)
{
    for (uint32_t k = 0; k < validator->kernel->n_outputs; k++)
        if (!(validator->arithmetic == IR_EVAL_PRIME ? tensors_same_residues(&validator->expected[k], &found[k])
                                                     : tensors_equal(&validator->expected[k], &found[k])))
            return false;
    return true;
}

/* ---- tensor passes ---- */

static bool is_unchanged(const struct ir_kernel *a, const struct ir_kernel *b)
{
    for (uint32_t k = 0; k < a->n_outputs; k++)
        if (a->outputs[k].node != b->outputs[k].node)
            return false;
    return true;
}

static bool kernel_agrees(struct validator *validator, const char *where, const struct pass_kernel *at)
{
    struct ir_tensor found[OUTPUT_LIMIT];
    if (is_unchanged(validator->kernel, at->kernel))
        return true;
    if (ir_eval(validator->context, at->kernel, validator->arithmetic, validator->dims, validator->inputs, found, NULL) != EINC_OK)
        return disagree(validator, where, "no value", at);
    return same_outputs(validator, found) || disagree(validator, where, "another value", at);
}

static const struct ir_node *with_alternative(void *user, struct ir_context *context, const struct ir_node *node)
{
    uint32_t number = *(const uint32_t *)user;
    if (node->op != IR_alt_node)
        return node;
    return ir_view(context, node->rank, node->shape, node->operands[number < node->n_operands ? number : node->n_operands - 1]);
}

/* The value of a choice is that of the first: what it is with the others is evaluated as well. */
static bool alternatives_agree(struct validator *validator, const char *where, const struct pass_kernel *at)
{
    for (uint32_t number = 1; number < IR_ALTERNATIVES; number++) {
        struct pass_kernel chosen = {.context = validator->context, .kernel = ir_kernel_copy(validator->context, at->kernel)};
        if (chosen.kernel && ir_rewrite(validator->context, chosen.kernel, with_alternative, &number) &&
            !kernel_agrees(validator, where, &chosen))
            return false;
    }
    return true;
}

static struct pass_kernel start(struct validator *validator)
{
    return (struct pass_kernel){.context = validator->context,
                                .kernel = ir_kernel_copy(validator->context, validator->kernel),
                                .options = &validator->options};
}

/* Memory that the limit does not grant is the one honest failure; nothing more is asked of the kernel then. */
static bool is_refused(struct validator *validator, enum einc_status status)
{
    struct diagnostics *diagnostics = ir_diagnostics(validator->context);
    bool refused = status == EINC_INVALID && diagnostics->n_errors == 1 && diagnostics->items[0]->code == DIAG_E0921;
    return refused && validator->options.memory_limit > 0;
}

/* Residues keep no order under addition: min(x + a, y + a) is min(x, y) + a for numbers only. Where a pass brought sums into a
 * contraction that takes the least or greatest, nothing more is asked of the kernel. */
static bool orders_sums(const struct validator *validator, const struct ir_kernel *kernel)
{
    size_t count;
    const struct ir_node **nodes =
        validator->arithmetic == IR_EVAL_PRIME ? ir_topological(validator->context, kernel, &count) : NULL;
    for (size_t k = 0; nodes && k < count; k++)
        if (nodes[k]->op == IR_contract_node && nodes[k]->n_operands > 1 &&
            (nodes[k]->contract.ring == IR_RING_minplus || nodes[k]->contract.ring == IR_RING_maxplus))
            return true;
    return false;
}

static bool run_tensor_pass(struct validator *validator, const struct pass_info *pass, struct pass_kernel *kernel)
{
    enum einc_status status = pass_run(pass, kernel);
    if (status != EINC_OK)
        return !is_refused(validator, status) && disagree(validator, pass->name, "failed", kernel);
    bool brought = orders_sums(validator, kernel->kernel) && !orders_sums(validator, validator->kernel);
    return !brought && kernel_agrees(validator, pass->name, kernel) && alternatives_agree(validator, pass->name, kernel);
}

/* The tensor passes as the compiler has them. */
static bool run_in_order(struct validator *validator, struct pass_kernel *kernel)
{
    struct census *census = validator->validation->census;
    for (const char *const *name = compile_pipeline(); *name; name++) {
        const struct pass_info *pass = pass_find(*name, strlen(*name));
        if (pass->level != PASS_TENSOR)
            continue;
        const struct ir_kernel *before = ir_kernel_copy(validator->context, kernel->kernel);
        if (!run_tensor_pass(validator, pass, kernel))
            return false;
        if (before && !is_unchanged(before, kernel->kernel))
            census_mark(census, "changed by", pass->name);
    }
    for (size_t k = 0; k < kernel->n_choices; k++)
        census_mark(census, "choice", kernel->choices[k].kind);
    return true;
}

/* Up to OTHER_ORDER tensor passes in any order, some of them twice. */
static bool run_in_any_order(struct validator *validator, struct pass_kernel *kernel)
{
    size_t count;
    const struct pass_info *passes = pass_table(&count);
    for (uint32_t left = random_below(&validator->state, OTHER_ORDER + 1); left > 0; left--) {
        const struct pass_info *pass = &passes[random_below(&validator->state, (uint32_t)count)];
        if (pass->level == PASS_TENSOR && !run_tensor_pass(validator, pass, kernel))
            return false;
    }
    return true;
}

/* ---- loops ---- */

static bool loops_agree(struct validator *validator, const char *where, const struct pass_kernel *at)
{
    struct ir_tensor found[OUTPUT_LIMIT];
    if (loop_eval(validator->context, at->loops, validator->arithmetic, validator->dims, validator->laid, found) != EINC_OK)
        return disagree(validator, where, "no value", at);
    return same_outputs(validator, found) || disagree(validator, where, "another value", at);
}

/* The function read from its own text computes the same. Text holds the dims it uses, in their order. */
static bool reread_agrees(struct validator *validator, struct ir_context *fresh, const struct loop_function *loops,
                          const struct source *source)
{
    size_t count = 0;
    struct loop_function **functions = loop_read(fresh, source, &count);
    int64_t *dims = ARENA_ARRAY(ir_arena(fresh), loops->n_dims, int64_t);
    struct ir_tensor found[OUTPUT_LIMIT];
    for (uint32_t k = 0; dims && k < loops->n_dims; k++)
        dims[k] = validator->dims[loops->dims[k]];
    return functions && count == 1 && dims && loop_verify(fresh, functions[0]) &&
           loop_eval(fresh, functions[0], validator->arithmetic, dims, validator->laid, found) == EINC_OK &&
           same_outputs(validator, found);
}

static bool loop_text_agrees(struct validator *validator, const struct pass_kernel *at)
{
    struct text text = text_create(ir_arena(validator->context));
    struct ir_context *fresh = ir_context_create(NULL);
    loop_print(&text, validator->context, at->loops);
    const char *printed = text_finish(&text);
    const struct source source = {"random.loop", printed, printed ? strlen(printed) : 0};
    bool same = fresh && printed && reread_agrees(validator, fresh, at->loops, &source);
    ir_context_destroy(fresh);
    return same || disagree(validator, "loop text", "is read back as another function", at);
}

static bool has_parallel(const struct loop_stmt *list)
{
    for (; list; list = list->next)
        if ((list->op == LOOP_FOR && (list->loop.kind == LOOP_PARALLEL || has_parallel(list->loop.body))) ||
            (list->op == LOOP_BLOCK && has_parallel(list->block)) ||
            (list->op == LOOP_IF && (has_parallel(list->branch.body) || has_parallel(list->branch.otherwise))))
            return true;
    return false;
}

static void look_at_loops(struct census *census, const struct loop_function *loops)
{
    if (has_parallel(loops->body))
        census_mark(census, "loops", "in parallel");
    for (size_t k = 0; k < loops->n_buffers; k++)
        if (loops->buffers[k].is_private)
            census_mark(census, "loops", "with a buffer for each thread");
}

static bool run_loop_passes(struct validator *validator, struct pass_kernel *kernel)
{
    for (const char *const *name = compile_pipeline(); *name; name++) {
        const struct pass_info *pass = pass_find(*name, strlen(*name));
        if (pass->level == PASS_TENSOR)
            continue;
        enum einc_status status = pass_run(pass, kernel);
        if (status != EINC_OK)
            return !is_refused(validator, status) && disagree(validator, pass->name, "failed", kernel);
        if (!loops_agree(validator, pass->name, kernel))
            return false;
    }
    look_at_loops(validator->validation->census, kernel->loops);
    return random_below(&validator->state, 8) || loop_text_agrees(validator, kernel);
}

/* ---- text ---- */

static const char *print(struct ir_context *context, const struct ir_program *program)
{
    struct text text = text_create(ir_arena(context));
    ir_print_program(&text, program);
    return text_finish(&text);
}

/* Steps of scans are read before their kernel, so what both hold may be numbered, and printed, in another order. */
static bool holds_steps(struct validator *validator)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(validator->context, validator->kernel, &count);
    for (size_t k = 0; nodes && k < count; k++)
        if (nodes[k]->op == IR_scan_node)
            return true;
    return false;
}

static bool copy_agrees(struct validator *validator, struct ir_context *fresh, const struct ir_program *again, const char *printed)
{
    struct ir_tensor found[OUTPUT_LIMIT];
    if (!again || (!holds_steps(validator) && strcmp(print(fresh, again), printed) != 0))
        return false;
    return ir_verify(fresh, again->kernels[0]) &&
           ir_eval(fresh, again->kernels[0], validator->arithmetic, validator->dims, validator->inputs, found, NULL) == EINC_OK &&
           same_outputs(validator, found);
}

/* What is printed is read in a new context as a program of the same value that prints the same, and without dims in the same one as
 * the same nodes. */
static bool text_agrees(struct validator *validator)
{
    const struct ir_program *program = validator->validation->program;
    const char *printed = print(validator->context, program);
    const struct source source = {"random.eir", printed, printed ? strlen(printed) : 0};
    struct ir_context *fresh = ir_context_create(NULL);
    const struct ir_program *again = fresh && printed ? ir_read(fresh, &source) : NULL;
    bool same = copy_agrees(validator, fresh, again, printed);
    ir_context_destroy(fresh);
    if (!same)
        return disagree(validator, "text", "is read back as another", NULL);
    if (ir_dim_count(validator->context) > 0)
        return true; /* the text declares its dims anew */
    again = ir_read(validator->context, &source);
    return (again && ir_kernel_equal(again->kernels[0], validator->kernel)) ||
           disagree(validator, "text", "is read back as other nodes", NULL);
}

/* ---- the whole ---- */

/* Residues are as wide as c128; strides of random programs put no two elements in one place. */
static const struct ir_tensor *lay_out(struct validator *validator)
{
    const struct ir_kernel *kernel = validator->kernel;
    struct arena *arena = ir_arena(validator->context);
    struct ir_tensor *wide = arena_copy(arena, validator->inputs, kernel->n_inputs, sizeof *wide);
    for (uint32_t k = 0; wide && validator->arithmetic == IR_EVAL_PRIME && k < kernel->n_inputs; k++)
        wide[k].elem = IR_c128;
    const struct ir_tensor *spread = layout_inputs(validator->context, kernel, validator->dims, wide);
    struct ir_tensor *laid = spread ? arena_copy(arena, spread, kernel->n_inputs, sizeof *laid) : NULL;
    for (uint32_t k = 0; laid && k < kernel->n_inputs; k++)
        laid[k].elem = validator->inputs[k].elem;
    return laid;
}

static bool prepare(struct validator *validator)
{
    const struct validation *validation = validator->validation;
    struct ir_context *context = validator->context;
    bool exact_numbers = validation->kind == RANDOM_INTEGER || validation->kind == RANDOM_WHOLE;
    validator->arithmetic = exact_numbers ? IR_EVAL_NUMBERS : IR_EVAL_PRIME;
    if (validator->kernel->n_outputs > OUTPUT_LIMIT || !ir_verify(context, validator->kernel))
        return disagree(validator, "the program", "does not verify", NULL);
    validator->dims = random_dims(context, validation->seed);
    validator->inputs = exact_numbers ? random_whole_inputs(context, validator->kernel, validator->dims, validation->seed)
                                      : random_inputs(context, validator->kernel, IR_EVAL_PRIME, validator->dims, validation->seed);
    if (exact_numbers && !layout_settle(context, validator->kernel, validator->dims, validator->inputs))
        return disagree(validator, "the program", "has inputs that cannot keep what is promised", NULL);
    if (!(validator->laid = lay_out(validator)))
        return disagree(validator, "the program", "has inputs that cannot be laid out", NULL);
    if (ir_eval(context, validator->kernel, validator->arithmetic, validator->dims, validator->inputs, validator->expected, NULL) !=
        EINC_OK)
        return disagree(validator, "the program", "has no value", NULL);
    return true;
}

/* ---- constants ---- */

static bool has_value_of_constants(struct validator *validator, const struct ir_kernel *kernel)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(validator->context, kernel, &count);
    for (size_t k = 0; nodes && k < count; k++)
        if (nodes[k]->op == IR_input_node || nodes[k]->op == IR_scan_node)
            return false;
    return nodes && nodes[count - 1]->op != IR_const_node;
}

/* Its residues are those of its numbers. */
static bool is_exact(struct validator *validator, struct ir_kernel *kernel)
{
    struct ir_context *context = validator->context;
    const struct ir_node *node = kernel->outputs->node;
    struct ir_tensor numbers, residues, again;
    if (ir_eval(context, kernel, IR_EVAL_NUMBERS, validator->dims, NULL, &numbers, NULL) != EINC_OK ||
        ir_eval(context, kernel, IR_EVAL_PRIME, validator->dims, NULL, &residues, NULL) != EINC_OK)
        return false;
    const struct poly **shape = ARENA_ARRAY(ir_arena(context), numbers.rank, const struct poly *);
    for (uint32_t k = 0; shape && k < numbers.rank; k++)
        shape[k] = poly_constant(context, numbers.shape[k]);
    const struct ir_constant constant = {.data = numbers.data, .bytes = tensor_count(&numbers) * ir_elem_info(node->elem)->bytes};
    kernel->outputs->node = shape ? ir_constant(context, node->elem, numbers.rank, shape, &constant) : NULL;
    return kernel->outputs->node && ir_eval(context, kernel, IR_EVAL_PRIME, validator->dims, NULL, &again, NULL) == EINC_OK &&
           tensors_same_residues(&residues, &again);
}

/* Passes compute in numbers what is made of constants alone. Where f32 rounds that, its residues, which are not rounded, are
 * others, and nothing is asked of the kernel. */
static bool constants_are_exact(struct validator *validator, const struct ir_kernel *kernel)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(validator->context, kernel, &count);
    bool exact = nodes != NULL;
    for (size_t k = 0; exact && k < count; k++) {
        struct ir_output output = {"constant", nodes[k], SPAN_NONE, 0};
        struct ir_kernel alone = {.name = "constant", .span = SPAN_NONE, .n_outputs = 1, .outputs = &output};
        if (nodes[k]->op == IR_scan_node)
            exact = constants_are_exact(validator, nodes[k]->scan->step);
        else if (has_value_of_constants(validator, &alone))
            exact = is_exact(validator, &alone);
    }
    return exact;
}

struct machine validate_machine(uint64_t seed)
{
    struct machine machine = *machine_generic();
    machine.team_rate = 1e18;
    if (seed % 8 == 4)
        return *machine_find("cortex-m4");
    if (seed % 4 == 0)
        return machine;
    machine.vector_bytes = 16;
    machine.vector_registers = seed % 4 == 1 ? 6 : 16;
    machine.l1_bytes = seed % 4 == 3 ? 32 : 128;
    machine.l2_bytes = seed % 4 == 2 ? 64 : 256;
    if (seed % 20 == 13) /* blocks of several vectors fit */
        machine.l2_bytes = 8 * (machine.l1_bytes = 2048);
    machine.l3_bytes = machine.l2_bytes;
    machine.stream_rate = 2 * machine.write_rate;
    return machine;
}

const char *validate_program(struct ir_context *context, const struct validation *validation)
{
    struct validator validator = {
        .context = context,
        .validation = validation,
        .kernel = validation->program->kernels[0],
        .state = validation->seed,
        .options = {.machine = validate_machine(validation->seed),
                    .memory_limit = validation->memory_limit,
                    .scan_chunk = validation->scan_chunk,
                    .threads = validation->seed % 3 ? (int64_t)(validation->seed % 5) : 0,
                    .no_discovery = true}, /* which rounds */
    };
    if (!prepare(&validator))
        return validator.wrong;
    if (validator.arithmetic == IR_EVAL_PRIME && !constants_are_exact(&validator, validator.kernel))
        return arena_failed(ir_arena(context)) ? "no memory" : NULL;
    census_next(validation->census);
    census_look(validation->census, context, validator.kernel);
    census_look_at_dims(validation->census, context);
    struct pass_kernel ordered = start(&validator), other = start(&validator);
    (void)(run_in_order(&validator, &ordered) && run_loop_passes(&validator, &ordered) && run_in_any_order(&validator, &other) &&
           run_loop_passes(&validator, &other) && (random_below(&validator.state, 8) || text_agrees(&validator)));
    return arena_failed(ir_arena(context)) ? "no memory" : validator.wrong;
}

enum random_kind validate_kind_of(struct ir_context *context, const struct ir_kernel *kernel)
{
    size_t count;
    bool integers = true;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    for (size_t k = 0; nodes && k < count; k++)
        integers &= ir_elem_is_integer(nodes[k]->elem) || nodes[k]->elem == IR_bool;
    return integers ? RANDOM_INTEGER : ir_is_polynomial(kernel) ? RANDOM_POLYNOMIAL : RANDOM_WHOLE;
}

/* ---- bytes ---- */

/* In front of the program's choices: its kind, its class, the memory limit, the seed of the rest, the chunks of its scans. */
enum { HEADER = 5 };

static uint8_t header(const uint8_t *bytes, size_t length, size_t at)
{
    return at < length ? bytes[at] : 0;
}

char *validate_bytes(const uint8_t *bytes, size_t length, struct census *census)
{
    static const enum random_kind kinds[] = {RANDOM_POLYNOMIAL, RANDOM_INTEGER, RANDOM_WHOLE, RANDOM_OPAQUE, RANDOM_POLYNOMIAL};
    static const int64_t limits[] = {0, 0, 0, 64, 256, 1024}, chunks[] = {0, 2, 3, 2, 3, 2};
    struct ir_context *context = ir_context_create(NULL);
    const struct random_options options = {.kind = kinds[header(bytes, length, 0) % 5],
                                           .solves = header(bytes, length, 0) >= 128,
                                           .declared = true,
                                           .small = true,
                                           .n_values = 0};
    size_t skipped = length < HEADER ? length : HEADER;
    struct ir_program *program = random_program_from(context, bytes + skipped, length - skipped, &options);
    const char *wrong = "no program";
    if (program) {
        struct ir_kernel *kernel = program->kernels[0];
        kernel->numeric_class = (enum ir_numeric_class)((header(bytes, length, 1) + 1) % 3);
        kernel->class_stated = true;
        wrong = validate_program(context, &(struct validation){.program = program,
                                                               .kind = options.kind,
                                                               .memory_limit = limits[header(bytes, length, 2) % 6],
                                                               .scan_chunk = chunks[header(bytes, length, 4) % 6],
                                                               .census = census,
                                                               .seed = header(bytes, length, 3)});
    }
    char *result = wrong ? malloc(strlen(wrong) + 1) : NULL;
    if (result)
        memcpy(result, wrong, strlen(wrong) + 1);
    ir_context_destroy(context);
    return result;
}

static bool is_wrong(const uint8_t *bytes, size_t length)
{
    char *wrong = validate_bytes(bytes, length, NULL);
    free(wrong);
    return wrong != NULL;
}

/* Without the `size` bytes from `at` on; true when the rest is still wrong. */
static bool cut(uint8_t *bytes, size_t *length, size_t at, size_t size)
{
    uint8_t *rest = malloc(*length + 1);
    if (!rest)
        return false;
    memcpy(rest, bytes, at);
    memcpy(rest + at, bytes + at + size, *length - at - size);
    bool wrong = is_wrong(rest, *length - size);
    if (wrong) {
        memcpy(bytes, rest, *length - size);
        *length -= size;
    }
    free(rest);
    return wrong;
}

static bool lower(uint8_t *bytes, size_t length, size_t at, uint8_t value)
{
    uint8_t kept = bytes[at];
    bytes[at] = value;
    if (value < kept && is_wrong(bytes, length))
        return true;
    bytes[at] = kept;
    return false;
}

size_t validate_shrink(uint8_t *bytes, size_t length)
{
    for (bool shrunk = true; shrunk;) {
        shrunk = false;
        for (size_t size = length; size > 0; size /= 2)
            for (size_t at = 0; at + size <= length;)
                if (cut(bytes, &length, at, size))
                    shrunk = true;
                else
                    at += size;
        for (size_t at = 0; at < length; at++)
            shrunk |= lower(bytes, length, at, 0) || lower(bytes, length, at, bytes[at] / 2) ||
                      lower(bytes, length, at, (uint8_t)(bytes[at] - 1));
    }
    return length;
}
