/* Writes what a group of stages does with one group of elements: every loop but the common ones is gone through here, and what one
 * stage stores for the next is a local.
 *
 *     for P < 256 { x = u[4*P], ...   t = A[...] * x + A[...] * x2, ...   v[4*P] = B[...] * t + ..., ... }
 *
 * Sums are added up in the order in which they stand. Vectors run along one of the common indices, whose loop is innermost. */
#include "group_stages.h"
#include "lanes.h"
#include "product.h"
#include "vectorise.h"

struct line {
    const struct ir_expr *value;
    uint32_t local;             /* that holds it; UINT32_MAX: it is stored in the group's result */
    const struct poly *address; /* there, or in the buffer that the local stands for */
    bool is_read;
};

struct load {
    const struct ir_expr *expr;
    uint32_t uses, local; /* in the lines; UINT32_MAX: none holds it yet */
};

struct writing {
    struct group *group;
    struct ir_context *context;
    uint32_t n_indices;
    const struct poly **places;    /* by index of the function, of the loops of a stage */
    const struct ir_expr **values; /* by local */
    uint32_t before;               /* the buffer that the stage before stores in; UINT32_MAX: there is none */
    size_t first, last;            /* lines of that stage */
    struct line *lines;
    size_t n_lines, lines_capacity;
    struct load *loads;
    size_t n_loads, loads_capacity;
    uint32_t lane; /* the index that vectors run along */
    bool failed;   /* a place is read that was not stored, or no memory */
};

/* ---- what the stages compute, line by line ---- */

static const struct ir_expr *read_place(struct writing *writing, const struct ir_expr *load)
{
    for (size_t k = writing->first; k < writing->last; k++) {
        struct line *line = &writing->lines[k];
        if (line->address == load->load.address) {
            line->is_read = true;
            return ir_expr_local(writing->context, line->local, load->elem);
        }
    }
    writing->failed = true;
    return load;
}

static const struct ir_expr *value_of(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    struct writing *writing = user;
    (void)context;
    if (leaf->op == IR_EXPR_load && leaf->load.buffer == writing->before)
        return read_place(writing, leaf);
    return leaf->op == IR_EXPR_local && writing->values[leaf->local] ? writing->values[leaf->local] : leaf;
}

static const struct ir_expr *evaluated(struct writing *writing, const struct ir_expr *expr)
{
    const struct ir_expr *value =
        ir_expr_substitute(writing->context, expr, value_of, writing, writing->n_indices, writing->places, NULL);
    writing->failed |= value == NULL;
    return value;
}

/* What a sum that began with zero is after the first term is that term, where -0 need not become 0. */
static const struct ir_expr *combined(struct writing *writing, const struct ir_expr *sum, enum ir_expr_op combine,
                                      const struct ir_expr *term)
{
    const struct ir_kernel *source = writing->group->kernel->loops->kernel;
    bool is_exact = source && source->numeric_class == IR_CLASS_EXACT;
    if (combine == IR_EXPR_OP_COUNT || !sum ||
        (combine == IR_EXPR_add && !is_exact && sum->op == IR_EXPR_literal && sum->literal.re == 0))
        return term;
    return ir_expr_apply(writing->context, combine, 2, (const struct ir_expr *[]){sum, term});
}

static void add_line(struct writing *writing, const struct loop_stmt *store, bool is_last)
{
    struct group *group = writing->group;
    const struct ir_expr *value = evaluated(writing, store->store.value);
    struct line line = {.value = value,
                        .local = UINT32_MAX,
                        .address =
                            poly_substitute(writing->context, store->store.address, writing->n_indices, writing->places, NULL),
                        .is_read = is_last};
    if (!is_last && value)
        line.local = loop_add_local(writing->context, group->kernel->loops, "t", value->elem);
    writing->failed |= !line.address || (!is_last && line.local == UINT32_MAX) ||
                       !ARENA_PUSH(group->arena, writing->lines, writing->n_lines, writing->lines_capacity, line);
}

static void write_statements(struct writing *writing, const struct loop_stmt *list, bool is_last)
{
    for (; list && !writing->failed; list = list->next) {
        int64_t extent = 0;
        if (list->op == LOOP_STORE) {
            add_line(writing, list, is_last);
        } else if (list->op == LOOP_DEFINE) {
            writing->values[list->local.local] = evaluated(writing, list->local.value);
        } else if (list->op == LOOP_SET) {
            const struct ir_expr *term = evaluated(writing, list->local.value);
            writing->values[list->local.local] = combined(writing, writing->values[list->local.local], list->local.combine, term);
        } else if (list->op == LOOP_FOR && poly_is_constant(list->loop.end, &extent)) {
            for (int64_t k = 0; k < extent; k++) {
                writing->places[list->loop.index] = poly_constant(writing->context, k);
                write_statements(writing, list->loop.body, is_last);
            }
        }
    }
}

/* ---- the points of a stage ---- */

/* Digits that are gone through here, those by which the stage reads its elements first: each is then read at once. */
static uint32_t order_digits(const struct group *group, const struct group_stage *stage, uint32_t *digits)
{
    uint32_t n = 0;
    for (int reads = 1; reads >= 0; reads--)
        for (uint32_t x = 0; x < stage->n_loops; x++) {
            const struct group_loop *loop = &stage->loops[x];
            bool is_read = stage->read && poly_uses_index(stage->read, loop->loop->loop.index);
            for (uint32_t k = loop->n_digits; !loop->is_summed && is_read == (reads == 1) && k-- > 0;)
                if (!group->digits[loop->digits[k]].is_common)
                    digits[n++] = loop->digits[k];
        }
    return n;
}

/* Where the loops of the stage are: common digits by their loops, others at the point. */
static void set_places(struct writing *writing, const struct group_stage *stage)
{
    struct ir_context *context = writing->context;
    for (uint32_t x = 0; x < stage->n_loops; x++) {
        const struct group_loop *loop = &stage->loops[x];
        const struct poly *place = poly_constant(context, 0);
        for (uint32_t k = loop->n_digits; !loop->is_summed && k-- > 0;) {
            const struct group_digit *digit = &writing->group->digits[loop->digits[k]];
            const struct poly *own = digit->is_common ? poly_index(context, digit->index) : poly_constant(context, digit->value);
            place = poly_add(context, poly_multiply(context, place, digit->extent), own);
        }
        writing->places[loop->loop->loop.index] = place;
    }
}

static void write_stage(struct writing *writing, uint32_t number)
{
    struct group *group = writing->group;
    const struct group_stage *stage = &group->stages[number];
    uint32_t digits[GROUP_DIGITS], n = order_digits(group, stage, digits), k;
    size_t first = writing->n_lines;
    writing->before = number ? group->stages[number - 1].target : UINT32_MAX;
    for (k = 0; k < n; k++)
        group->digits[digits[k]].value = 0;
    do {
        set_places(writing, stage);
        write_statements(writing, stage->inside, number + 1 == group->n_stages);
        for (k = n; k-- > 0; group->digits[digits[k]].value = 0) {
            int64_t extent = 1;
            (void)poly_is_constant(group->digits[digits[k]].extent, &extent);
            if (++group->digits[digits[k]].value < extent)
                break;
        }
    } while (k != UINT32_MAX && !writing->failed);
    for (size_t line = writing->first; line < writing->last; line++)
        writing->failed |= !writing->lines[line].is_read;
    writing->first = first;
    writing->last = writing->n_lines;
}

/* ---- loops ---- */

/* Of the digit: the name of a loop that is it, or of one that it is a part of. */
static const char *name_of(const struct group *group, uint32_t digit)
{
    const char *name = "group";
    for (uint32_t s = group->n_stages; s-- > 0;)
        for (uint32_t x = 0; x < group->stages[s].n_loops; x++) {
            const struct group_loop *loop = &group->stages[s].loops[x];
            for (uint32_t k = 0; k < loop->n_digits; k++) {
                const char *own = group->kernel->loops->indices[loop->loop->loop.index].name;
                if (loop->digits[k] == digit && loop->n_digits == 1)
                    return own;
                name = loop->digits[k] == digit ? own : name;
            }
        }
    return name;
}

/* Common digits as the loops of the last stage stand, outermost first. */
static uint32_t common_digits(const struct group *group, uint32_t *digits)
{
    const struct group_stage *last = &group->stages[group->n_stages - 1];
    uint32_t n = 0;
    for (uint32_t x = 0; x < last->n_loops; x++)
        for (uint32_t k = last->loops[x].n_digits; k-- > 0;)
            if (group->digits[last->loops[x].digits[k]].is_common)
                digits[n++] = last->loops[x].digits[k];
    return n;
}

static bool add_loads(struct writing *writing, const struct ir_expr *value)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(writing->context, value, &count);
    for (size_t k = 0; order && k < count; k++) {
        size_t at = 0;
        if (order[k]->op != IR_EXPR_load)
            continue;
        while (at < writing->n_loads && writing->loads[at].expr != order[k])
            at++;
        if (at == writing->n_loads && !ARENA_PUSH(writing->group->arena, writing->loads, writing->n_loads, writing->loads_capacity,
                                                  ((struct load){order[k], 0, UINT32_MAX})))
            return false;
        writing->loads[at].uses++;
    }
    return order != NULL;
}

/* A vector that several lines read has a name; one number for all lanes is part of an instruction. */
static bool has_name(const struct writing *writing, const struct load *load)
{
    return load->uses > 1 && poly_uses_index(load->expr->load.address, writing->lane);
}

static const struct ir_expr *named_load(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    struct writing *writing = user;
    for (size_t k = 0; k < writing->n_loads; k++)
        if (writing->loads[k].expr == leaf && writing->loads[k].local != UINT32_MAX)
            return ir_expr_local(context, writing->loads[k].local, leaf->elem);
    return leaf;
}

static struct loop_stmt *define_loads(struct writing *writing, const struct ir_expr *value)
{
    struct loop_stmt *list = NULL;
    size_t count;
    const struct ir_expr **order = ir_expr_topological(writing->context, value, &count);
    for (size_t k = 0; order && k < count; k++)
        for (size_t at = 0; at < writing->n_loads; at++) {
            struct load *load = &writing->loads[at];
            if (load->expr != order[k] || load->local != UINT32_MAX || !has_name(writing, load))
                continue;
            load->local = loop_add_local(writing->context, writing->group->kernel->loops, "x", order[k]->elem);
            list = loop_join(list, loop_define(writing->context, load->local, order[k], true));
        }
    return list;
}

/* The lines with vectors along `lane`, in its loop. */
static struct loop_stmt *write_lines(struct writing *writing, const struct group_digit *lane)
{
    struct ir_context *context = writing->context;
    struct loop_stmt *list = NULL;
    uint32_t target = writing->group->stages[writing->group->n_stages - 1].target;
    writing->lane = lane->index;
    for (size_t k = 0; k < writing->n_loads; k++)
        writing->loads[k].local = UINT32_MAX;
    for (size_t k = 0; k < writing->n_lines; k++) {
        const struct line *line = &writing->lines[k];
        list = loop_join(list, define_loads(writing, line->value));
        const struct ir_expr *value = ir_expr_substitute(context, line->value, named_load, writing, 0, NULL, NULL);
        struct loop_stmt *stmt = line->local == UINT32_MAX ? loop_store(context, target, line->address, value, IR_EXPR_OP_COUNT)
                                                           : loop_define(context, line->local, value, true);
        if (!stmt)
            return NULL;
        list = loop_join(list, stmt);
    }
    return loop_for(context, LOOP_SERIAL, lane->index, poly_constant(context, 0), lane->extent, list);
}

/* Whole vectors along the digit, in every lane of what is stored? */
static bool may_be_lane(const struct writing *writing, const struct group_digit *digit)
{
    const struct group *group = writing->group;
    int64_t extent, lanes = product_lanes(&group->kernel->options->machine, writing->lines[writing->n_lines - 1].value->elem, 0);
    bool is_long = !poly_is_constant(digit->extent, &extent) || (lanes > 1 && extent >= lanes);
    for (size_t k = 0; k < writing->n_lines; k++)
        if (writing->lines[k].local == UINT32_MAX && !poly_uses_index(writing->lines[k].address, digit->index))
            return false;
    return is_long;
}

static struct loop_stmt *write_loops(struct writing *writing)
{
    struct group *group = writing->group;
    struct ir_context *context = writing->context;
    uint32_t digits[GROUP_DIGITS], n = common_digits(group, digits), lane = n;
    struct loop_stmt *nest = NULL;
    while (lane-- > 0) {
        const struct group_digit *digit = &group->digits[digits[lane]];
        nest = may_be_lane(writing, digit) ? write_lines(writing, digit) : NULL;
        if (nest && vectorise_is_straight(group->kernel, nest))
            break;
        nest = NULL;
    }
    for (uint32_t k = n; nest && k-- > 0;)
        if (k != lane)
            nest = loop_for(context, LOOP_SERIAL, group->digits[digits[k]].index, poly_constant(context, 0),
                            group->digits[digits[k]].extent, nest);
    return nest;
}

struct loop_stmt *group_write(struct group *group)
{
    struct loop_function *function = group->kernel->loops;
    struct writing writing = {.group = group, .context = group->context};
    uint32_t digits[GROUP_DIGITS], n = common_digits(group, digits);
    for (uint32_t k = 0; k < n; k++) {
        group->digits[digits[k]].index = loop_add_index(group->context, function, name_of(group, digits[k]));
        if (group->digits[digits[k]].index == UINT32_MAX)
            return NULL;
    }
    writing.n_indices = (uint32_t)function->n_indices;
    writing.places = ARENA_ARRAY(group->arena, function->n_indices, const struct poly *);
    writing.values = ARENA_ARRAY(group->arena, function->n_locals, const struct ir_expr *);
    if (!writing.places || !writing.values)
        return NULL;
    for (uint32_t s = 0; s < group->n_stages && !writing.failed; s++)
        write_stage(&writing, s);
    for (size_t k = 0; k < writing.n_lines && !writing.failed; k++)
        writing.failed |= !add_loads(&writing, writing.lines[k].value);
    return writing.failed || arena_failed(group->arena) ? NULL : write_loops(&writing);
}
