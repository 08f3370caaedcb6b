/* Several terms of a sum at a time, where the target has no vectors.
 *
 * Sums of products of integers of 8 or 16 bits that lie side by side become loops of kind `dot`, of as many terms as an instruction
 * takes of each row; a step has several of them:
 *
 *     for k { s add= mul(i32(A[k]), i32(B[k])) }       becomes
 *
 *     for k_step { unrolled k_part < 2 { dot k < 4 { s add= mul(i32(A[8*k_step + 4*k_part + k]), ...) } } }
 *     for the rest of k { s add= ... }
 *
 * Other sums of known length are unrolled where that leaves no rest: each is still added up in the order of k. With short code
 * (`small`) nothing is done. */
#include "product.h"

enum {
    STEP = 8,         /* multiplications of a step: what it counts and jumps is then a quarter of its work at most */
    SCALAR_STEP = 16, /* of other sums, which need fewer registers at a time */
    MOST_PARTS = 4,
    WORD = 4,       /* bytes that instructions for pairs of halves take, two of them for bytes */
    LEAST_MIXED = 4 /* terms where bytes meet halves */
};

struct stepping {
    struct pass_kernel *kernel;
    struct ir_context *context;
    const struct loop_stmt *loop;
    int64_t dot_bytes; /* of the machine, or of the smaller instruction for what is left */
    bool is_dot;
    int64_t terms, parts; /* of one dot loop, or 1; how often in a step */
};

static const struct poly *constant(const struct stepping *stepping, int64_t value)
{
    return poly_constant(stepping->context, value);
}

/* ---- what the loop adds ---- */

/* Terms that one instruction takes: bytes meet halves as halves. */
static int64_t terms_of(const struct stepping *stepping, const struct loop_dot *dot)
{
    int64_t bytes[2] = {ir_elem_info(dot->factors[0]->elem)->bytes, ir_elem_info(dot->factors[1]->elem)->bytes};
    int64_t whole = stepping->dot_bytes / bytes[1];
    return bytes[0] < bytes[1] && whole < LEAST_MIXED ? LEAST_MIXED : whole;
}

/* Does the loop nothing but add to locals? Sets `terms`, 1: it has no dot products, or other sums as well; and `multiplies`, the
 * multiplications that a step of so many terms has. */
static bool read_sums(struct stepping *stepping, int64_t *multiplies)
{
    const struct pass_kernel *kernel = stepping->kernel;
    const struct machine *machine = &kernel->options->machine;
    int64_t count = 0;
    stepping->is_dot = stepping->dot_bytes > 0;
    stepping->terms = 1;
    *multiplies = 0;
    for (const struct loop_stmt *set = stepping->loop->loop.body; set; set = set->next) {
        struct loop_stmt alone = *set;
        struct loop_dot dot;
        if (set->op != LOOP_SET || set->local.combine == IR_EXPR_OP_COUNT)
            return false;
        enum ir_elem elem = set->local.value->elem;
        if (!machine_has_instructions(machine, ir_elem_is_float(elem), ir_elem_info(elem)->bytes))
            return false;
        count++;
        alone.next = NULL;
        stepping->is_dot =
            stepping->is_dot && loop_read_dot(stepping->context, kernel->loops, &alone, stepping->loop->loop.index, &dot);
        if (!stepping->is_dot)
            continue;
        int64_t terms = terms_of(stepping, &dot);
        stepping->terms = terms > stepping->terms ? terms : stepping->terms;
        *multiplies += stepping->dot_bytes == WORD && dot.factors[0]->elem == IR_i8 ? 2 : 1;
    }
    if (!stepping->is_dot) {
        stepping->terms = 1;
        *multiplies = count;
    }
    return count > 0;
}

/* How often the terms stand in a step: a power of two that leaves no rest, if that is known; 0: the loop stays as it is. */
static int64_t choose_parts(const struct stepping *stepping, int64_t multiplies)
{
    int64_t extent, parts = 1;
    if (!poly_is_constant(stepping->loop->loop.end, &extent))
        return stepping->is_dot;
    int64_t steps = extent / stepping->terms;
    if (steps < 1)
        return 0;
    while (parts < MOST_PARTS && 2 * parts * multiplies <= (stepping->is_dot ? STEP : SCALAR_STEP) && steps % (2 * parts) == 0)
        parts *= 2;
    return stepping->is_dot || parts > 1 ? parts : 0;
}

/* ---- the steps ---- */

static uint32_t add_index(const struct stepping *stepping, const char *suffix)
{
    struct loop_function *function = stepping->kernel->loops;
    const char *name = function->indices[stepping->loop->loop.index].name;
    return loop_add_index(stepping->context, function, arena_printf(ir_arena(stepping->context), "%s_%s", name, suffix));
}

/* The statement with `place` for the loop's index. */
static struct loop_stmt *set_at(const struct stepping *stepping, const struct loop_stmt *set, const struct poly *place)
{
    uint32_t n = (uint32_t)stepping->kernel->loops->n_indices;
    const struct poly **places = ARENA_ARRAY(ir_arena(stepping->context), n, const struct poly *);
    struct loop_stmt *copy = arena_copy(ir_arena(stepping->context), set, 1, sizeof *set);
    if (!places || !copy)
        return NULL;
    copy->next = NULL;
    places[stepping->loop->loop.index] = place;
    copy->local.value = ir_expr_substitute(stepping->context, set->local.value, NULL, NULL, n, places, NULL);
    return copy->local.value ? copy : NULL;
}

/* All sums, `terms` from `first` on. */
static struct loop_stmt *add_terms(const struct stepping *stepping, const struct poly *first)
{
    struct ir_context *context = stepping->context;
    struct loop_stmt *list = NULL;
    uint32_t index = stepping->loop->loop.index;
    for (const struct loop_stmt *set = stepping->loop->loop.body; set; set = set->next) {
        struct loop_stmt *add =
            set_at(stepping, set, stepping->is_dot ? poly_add(context, first, poly_index(context, index)) : first);
        if (add && stepping->is_dot)
            add = loop_for(context, LOOP_DOT, index, constant(stepping, 0), constant(stepping, stepping->terms), add);
        if (!add)
            return NULL;
        list = loop_join(list, add);
    }
    return list;
}

static struct loop_stmt *around(const struct stepping *stepping, enum loop_kind kind, uint32_t index, const struct poly *end,
                                struct loop_stmt *body)
{
    struct loop_stmt *loop = body ? loop_for(stepping->context, kind, index, constant(stepping, 0), end, body) : NULL;
    if (loop)
        loop->loop.role = stepping->loop->loop.role;
    return loop;
}

/* The steps that are whole. */
static struct loop_stmt *whole_steps(const struct stepping *stepping, const struct poly *steps)
{
    struct ir_context *context = stepping->context;
    int64_t all = stepping->terms * stepping->parts;
    uint32_t step = poly_equals(steps, 1) ? UINT32_MAX : add_index(stepping, "step");
    uint32_t part = stepping->parts == 1 ? UINT32_MAX : stepping->is_dot ? add_index(stepping, "part") : stepping->loop->loop.index;
    const struct poly *first = step == UINT32_MAX ? constant(stepping, 0) : poly_scale(context, poly_index(context, step), all);
    if (part != UINT32_MAX)
        first = poly_add(context, first, poly_scale(context, poly_index(context, part), stepping->terms));
    struct loop_stmt *body = add_terms(stepping, first);
    if (part != UINT32_MAX)
        body = around(stepping, LOOP_UNROLLED, part, constant(stepping, stepping->parts), body);
    if (step != UINT32_MAX)
        body = around(stepping, LOOP_SERIAL, step, steps, body);
    if (body)
        body->comment = stepping->loop->comment;
    return body;
}

/* What is less than a step, term by term. */
static struct loop_stmt *rest_of(const struct stepping *stepping, const struct poly *rest)
{
    struct ir_context *context = stepping->context;
    uint32_t index = stepping->loop->loop.index;
    const struct poly *place =
        poly_add(context, poly_subtract(context, stepping->loop->loop.end, rest), poly_index(context, index));
    struct loop_stmt *list = NULL;
    int64_t count;
    bool is_known = poly_is_constant(rest, &count);
    for (const struct loop_stmt *set = stepping->loop->loop.body; set; set = set->next) {
        struct loop_stmt *add = set_at(stepping, set, place);
        if (!add)
            return NULL;
        list = loop_join(list, add);
    }
    bool is_short = is_known && count * stepping->parts <= STEP && count < WORD;
    return around(stepping, is_short ? LOOP_UNROLLED : LOOP_SERIAL, index, rest, list);
}

/* `dot_bytes` of each row at a time; what is left of vectors goes by words. */
static bool step_by(struct pass_kernel *kernel, struct loop_stmt *loop, int64_t dot_bytes, bool *changed)
{
    struct stepping stepping = {.kernel = kernel, .context = kernel->context, .loop = loop, .dot_bytes = dot_bytes};
    int64_t multiplies;
    if (loop->loop.kind != LOOP_SERIAL || loop->loop.limit || !poly_equals(loop->loop.begin, 0) ||
        !read_sums(&stepping, &multiplies) || !product_runs_forward(kernel, loop))
        return true;
    if (!(stepping.parts = choose_parts(&stepping, multiplies)))
        return dot_bytes <= WORD || step_by(kernel, loop, WORD, changed); /* shorter than a vector */
    *changed = true;
    struct loop_stmt old = *loop;
    stepping.loop = &old;
    const struct poly *all = constant(&stepping, stepping.terms * stepping.parts);
    const struct poly *rest = poly_mod(kernel->context, old.loop.end, all, NULL);
    struct loop_stmt *list = whole_steps(&stepping, poly_floor_div(kernel->context, old.loop.end, all, NULL));
    struct loop_stmt *last = list && !poly_equals(rest, 0) ? rest_of(&stepping, rest) : NULL;
    if (!list || (!last && !poly_equals(rest, 0)))
        return false;
    if (last && stepping.is_dot && dot_bytes > WORD && !step_by(kernel, last, WORD, changed))
        return false;
    product_replace(loop, last ? loop_join(list, last) : list);
    return true;
}

static bool step(void *user, struct loop_stmt *loop, bool *changed)
{
    struct pass_kernel *kernel = user;
    return step_by(kernel, loop, kernel->options->machine.dot_bytes, changed);
}

enum einc_status pass_dot(struct pass_kernel *kernel)
{
    const struct pass_options *options = kernel->options;
    if (!options->machine.freestanding || options->machine.vector_bytes || options->small)
        return EINC_OK;
    if (!product_change(kernel->loops->body, step, kernel))
        return EINC_NO_MEMORY;
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
