/* The passes `flatten` and `order` on kernels: how many flops are left, what becomes one node, and that values stay. Values are
 * compared for equality: modulo 2^61 - 1 for sums of products; for other rings on small whole numbers, where nothing rounds. */
#include "einsum_bench.h"

#include <stdio.h>
#include <string.h>

/* ---- interpolation: one string, one statement, three lets ---- */

static void interpolation_sizes(struct bench *bench, int64_t elements, int64_t p, int64_t q)
{
    bench_start(bench, IR_f64);
    bench_size(bench, "e", elements);
    bench_size(bench, "ijk", p);
    bench_size(bench, "abc", q);
}

static void interpolation_in_all_forms(void **state)
{
    (void)state;
    static const char *const lets[][3] = {{"ai,eijk->eajk", "bj,eajk->eabk", "ck,eabk->eabc"},
                                          {"eijk,ck->ceij", "ceij,bj->bcei", "ai,bcei->eabc"},
                                          {"eijk,ck->eijc", "ai,bj->aibj", "eijc,aibj->eabc"}};
    for (int form = 0; form < 5; form++) {
        struct bench bench;
        interpolation_sizes(&bench, 1, 8, 10);
        const struct ir_node *B = bench_input(&bench, "B", "ai"), *u = bench_input(&bench, "u", "eijk"), *v;
        if (form == 0)
            v = bench_einsum(&bench, IR_RING_plustimes, "ai,bj,ck,eijk->eabc", (const struct ir_node *[]){B, B, B, u});
        else if (form == 1)
            v = bench_einsum(&bench, IR_RING_plustimes, "eijk,ck,bj,ai->eabc", (const struct ir_node *[]){u, B, B, B});
        else if (form == 4) {
            const struct ir_node *s = bench_einsum(&bench, IR_RING_plustimes, lets[2][0], (const struct ir_node *[]){u, B});
            const struct ir_node *BB = bench_einsum(&bench, IR_RING_plustimes, lets[2][1], (const struct ir_node *[]){B, B});
            v = bench_einsum(&bench, IR_RING_plustimes, lets[2][2], (const struct ir_node *[]){s, BB});
        } else {
            const char *const *let = lets[form - 2];
            bool left = form == 2;
            const struct ir_node *s = bench_einsum(&bench, IR_RING_plustimes, let[0],
                                                   left ? (const struct ir_node *[]){B, u} : (const struct ir_node *[]){u, B});
            const struct ir_node *t = bench_einsum(&bench, IR_RING_plustimes, let[1],
                                                   left ? (const struct ir_node *[]){B, s} : (const struct ir_node *[]){s, B});
            v = bench_einsum(&bench, IR_RING_plustimes, let[2], (const struct ir_node *[]){B, t});
        }
        bench_output(&bench, "v", v);
        assert_int_equal(pass_flatten(&bench.pass), EINC_OK);
        assert_int_equal(bench_contracts(&bench), 1);
        assert_int_equal(bench.outputs[0].node->n_operands, 4);
        bench_passes(&bench);
        int64_t naive;
        assert_true(poly_is_constant(bench.pass.flops_naive, &naive));
        assert_int_equal(naive, 4 * 512 * 1000);
        assert_int_equal(bench_flops(&bench), 39040);
        assert_int_equal(bench.pass.n_orders, 1);
        assert_string_equal(bench.pass.orders[0].method, "exact");
        assert_int_equal(bench.pass.orders[0].n_steps, 3);
        bench_end(&bench);

        interpolation_sizes(&bench, 2, 2, 3);
        B = bench_input(&bench, "B", "ai");
        u = bench_input(&bench, "u", "eijk");
        bench_output(&bench, "v",
                     bench_einsum(&bench, IR_RING_plustimes, "ai,bj,ck,eijk->eabc", (const struct ir_node *[]){B, B, B, u}));
        bench_passes(&bench);
        bench_same(&bench, IR_EVAL_PRIME, NULL);
        bench_end(&bench);
    }
}

/* The same flat node, whatever the form: hash-consing in one context shows it. */
static void forms_give_one_node(void **state)
{
    (void)state;
    struct bench bench;
    interpolation_sizes(&bench, 3, 4, 5);
    const struct ir_node *B = bench_input(&bench, "B", "ai"), *u = bench_input(&bench, "u", "eijk");
    bench_output(&bench, "v",
                 bench_einsum(&bench, IR_RING_plustimes, "ai,bj,ck,eijk->eabc", (const struct ir_node *[]){B, B, B, u}));
    const struct ir_node *s = bench_einsum(&bench, IR_RING_plustimes, "ck,eijk->eijc", (const struct ir_node *[]){B, u});
    const struct ir_node *t = bench_einsum(&bench, IR_RING_plustimes, "eijc,bj->ebic", (const struct ir_node *[]){s, B});
    bench_output(&bench, "w", bench_einsum(&bench, IR_RING_plustimes, "ebic,ai->eabc", (const struct ir_node *[]){t, B}));
    assert_int_equal(pass_flatten(&bench.pass), EINC_OK);
    assert_ptr_equal(bench.outputs[0].node, bench.outputs[1].node);
    bench_end(&bench);
}

/* A map that only multiplies is taken in as a contraction that sums nothing; in (min, +) one that only adds. */
static void products_are_taken_in(void **state)
{
    (void)state;
    static const struct {
        enum ir_ring ring;
        enum ir_expr_op multiply;
        enum ir_numeric_class numeric_class;
        size_t n_factors; /* of the flat contraction: A, b, the literal, x; or the map and x */
    } cases[] = {{IR_RING_plustimes, IR_EXPR_mul, IR_CLASS_REASSOC, 4}, {IR_RING_minplus, IR_EXPR_add, IR_CLASS_REASSOC, 4},
                 {IR_RING_maxplus, IR_EXPR_add, IR_CLASS_NORMWISE, 4},  {IR_RING_maxplus, IR_EXPR_mul, IR_CLASS_REASSOC, 2},
                 {IR_RING_plustimes, IR_EXPR_add, IR_CLASS_REASSOC, 2}, {IR_RING_plustimes, IR_EXPR_mul, IR_CLASS_EXACT, 2}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct bench bench;
        bench_start(&bench, IR_f64);
        bench.kernel.numeric_class = cases[k].numeric_class;
        bench_size(&bench, "ij", 5);
        bench_size(&bench, "k", 3);
        const struct ir_node *A = bench_input(&bench, "A", "ij"), *b = bench_input(&bench, "b", "i"),
                             *x = bench_input(&bench, "x", "jk");
        struct ir_access factors[2] = {ir_access_whole(bench.context, A),
                                       {.node = b, .subscripts = ir_access_whole(bench.context, b).subscripts}};
        const struct ir_expr *a = ir_expr_operand(bench.context, 0, IR_f64), *c = ir_expr_operand(bench.context, 1, IR_f64);
        const struct ir_expr *three = ir_expr_literal(bench.context, ir_number_real(IR_f64, 3));
        const struct ir_expr *inner = ir_expr_apply(bench.context, cases[k].multiply, 2, (const struct ir_expr *[]){a, three});
        const struct ir_expr *body = ir_expr_apply(bench.context, cases[k].multiply, 2, (const struct ir_expr *[]){inner, c});
        const struct ir_node *scaled = ir_map(bench.context, 2, A->shape, 2, factors, body);
        bench_output(&bench, "y", bench_einsum(&bench, cases[k].ring, "ij,jk->ik", (const struct ir_node *[]){scaled, x}));
        assert_int_equal(pass_flatten(&bench.pass), EINC_OK);
        assert_int_equal(bench.outputs[0].node->n_operands, cases[k].n_factors);
        bench.outputs[0].node = bench_einsum(&bench, cases[k].ring, "ij,jk->ik", (const struct ir_node *[]){scaled, x});
        bench_passes(&bench);
        bench_same(&bench, cases[k].ring == IR_RING_plustimes ? IR_EVAL_PRIME : IR_EVAL_NUMBERS, NULL);
        bench_end(&bench);
    }
}

/* The scores of attention: both projections keep their names and those of their indices, whichever way their axes lie, and the
 * literal stands at the store of one of them, not in a copy of an input. */
static void lets_keep_names_and_literals_wait(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, IR_f64);
    bench_size(&bench, "tu", 20);
    bench_size(&bench, "ia", 9);
    bench_size(&bench, "ge", 4);
    const struct ir_node *x = bench_input(&bench, "x", "ti"), *Wq = bench_input(&bench, "Wq", "ige"),
                         *Wk = bench_input(&bench, "Wk", "ige");
    const struct ir_node *quarter = ir_scalar(bench.context, ir_number_real(IR_f64, 0.25));
    const struct ir_node *q = bench_let(&bench, "q", IR_RING_plustimes, "ti,ige->gte", (const struct ir_node *[]){x, Wq});
    const struct ir_node *k = bench_let(&bench, "k", IR_RING_plustimes, "ti,ige->gte", (const struct ir_node *[]){x, Wk});
    bench_output(&bench, "s",
                 bench_let(&bench, "s", IR_RING_plustimes, ",gte,gue->gtu", (const struct ir_node *[]){quarter, q, k}));
    bench_passes(&bench);
    size_t count, found = 0;
    const struct ir_node **nodes = ir_topological(bench.context, &bench.kernel, &count);
    for (size_t at = 0; at < count; at++) {
        const struct ir_name *name = ir_find_name(&bench.kernel, nodes[at]);
        if (nodes[at]->op == IR_map_node) {
            assert_int_equal(nodes[at]->operands[0].node->op, IR_contract_node);
            assert_int_equal(nodes[at]->rank, 3);
            assert_string_equal(name->name, "q_scaled");
            found += 4;
        }
        if (nodes[at]->op != IR_contract_node || nodes[at] == bench.outputs[0].node)
            continue;
        bool first = nodes[at]->operands[1].node == Wq;
        assert_ptr_equal(nodes[at]->operands[0].node, x);
        assert_string_equal(name->name, first ? "q" : "k");
        assert_string_equal(name->index_names[0], "t");
        assert_string_equal(name->index_names[3], "i");
        found += first ? 1 : 2;
    }
    assert_int_equal(found, 7);
    bench_same(&bench, IR_EVAL_PRIME, NULL);
    bench_end(&bench);

    bench_start(&bench, IR_f64); /* the result is smaller than anything before it */
    bench_size(&bench, "ijkl", 6);
    const struct ir_node *A = bench_input(&bench, "A", "ij"), *C = bench_input(&bench, "C", "jk"),
                         *y = bench_input(&bench, "y", "ki");
    const struct ir_node *half = ir_scalar(bench.context, ir_number_real(IR_f64, 0.5));
    bench_output(&bench, "z",
                 bench_einsum(&bench, IR_RING_plustimes, ",ij,jk,,ki->", (const struct ir_node *[]){half, A, C, half, y}));
    bench_passes(&bench);
    assert_int_equal(bench.outputs[0].node->op, IR_map_node);
    assert_int_equal(bench_flops(&bench), 2 * 216 + 2 * 36 + 1);
    bench_same(&bench, IR_EVAL_PRIME, NULL);
    bench_end(&bench);
}

/* A summed index that no operand has multiplies the result by its extent, once. */
static void unused_index_is_a_factor(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, IR_f64);
    uint32_t T = ir_add_dim(bench.context, (struct ir_dim){.name = "T", .typical = 9, .divisor = 1, .span = SPAN_NONE});
    bench_size(&bench, "ijk", 5);
    bench.sizes['t'] = poly_dim(bench.context, T);
    const struct ir_node *A = bench_input(&bench, "A", "ij"), *C = bench_input(&bench, "C", "jk");
    const struct ir_node *flat = bench_einsum(&bench, IR_RING_plustimes, "ij,jk->ik", (const struct ir_node *[]){A, C});
    struct contraction draft = contraction_open(bench.context, &bench.kernel, flat);
    contraction_add_index(&draft, bench.sizes['t'], "t");
    bench_output(&bench, "y", contraction_close(&draft));
    bench_passes(&bench);
    assert_int_equal(bench.outputs[0].node->op, IR_map_node);
    assert_int_equal(bench_flops(&bench), 2 * 125 + 25);
    for (int64_t t = 0; t < 4; t++)
        bench_same(&bench, IR_EVAL_PRIME, &t);
    bench_end(&bench);
}

/* ---- work in common ---- */

static void gradient_shares_stages(void **state)
{
    (void)state;
    struct bench bench;
    interpolation_sizes(&bench, 1, 4, 6);
    const struct ir_node *B = bench_input(&bench, "B", "ai"), *D = bench_input(&bench, "D", "ai"),
                         *u = bench_input(&bench, "u", "eijk");
    for (int axis = 0; axis < 3; axis++) {
        const struct ir_node *factors[4] = {B, B, B, u};
        factors[axis] = D;
        bench_output(&bench,
                     axis == 0   ? "gx"
                     : axis == 1 ? "gy"
                                 : "gz",
                     bench_einsum(&bench, IR_RING_plustimes, "ai,bj,ck,eijk->eabc", factors));
    }
    bench_passes(&bench);
    /* Stages of 2*4^3*6, 2*4^2*6^2, 2*4*6^3: two of the first kind are enough for three components, none of the others is common.
     */
    assert_int_equal(bench_flops(&bench), 2 * 768 + 3 * 1152 + 3 * 1728);
    assert_int_equal(bench_contracts(&bench), 8);
    bench_end(&bench);
}

/* A value with two users is not computed twice, although each user could take it in. */
static void shared_value_is_kept(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, IR_f64);
    bench_size(&bench, "ijklmn", 6);
    const struct ir_node *A = bench_input(&bench, "A", "ij"), *C = bench_input(&bench, "C", "jk"),
                         *x = bench_input(&bench, "x", "kl");
    const struct ir_node *t = bench_einsum(&bench, IR_RING_plustimes, "ij,jk->ik", (const struct ir_node *[]){A, C});
    bench_output(&bench, "y", bench_einsum(&bench, IR_RING_plustimes, "ik,kl->il", (const struct ir_node *[]){t, x}));
    bench_output(&bench, "z", bench_einsum(&bench, IR_RING_plustimes, "ik,lk->il", (const struct ir_node *[]){t, x}));
    bench_passes(&bench);
    assert_int_equal(bench_flops(&bench), 3 * 2 * 216);
    bench_same(&bench, IR_EVAL_PRIME, NULL);
    bench_end(&bench);
    bench_start(&bench, IR_f64); /* and its square is two products, not three */
    bench_size(&bench, "ijkl", 5);
    A = bench_input(&bench, "A", "ij");
    C = bench_input(&bench, "C", "jk");
    t = bench_einsum(&bench, IR_RING_plustimes, "ij,jk->ik", (const struct ir_node *[]){A, C});
    bench_output(&bench, "y", bench_einsum(&bench, IR_RING_plustimes, "ij,jk->ik", (const struct ir_node *[]){t, t}));
    bench_passes(&bench);
    assert_int_equal(bench_flops(&bench), 2 * 2 * 125);
    bench_same(&bench, IR_EVAL_PRIME, NULL);
    bench_end(&bench);
}

/* ... but is computed once a user where that is less work: two vectors through a product of two matrices. */
static void shared_value_is_given_up(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, IR_f64);
    bench_size(&bench, "ijk", 16);
    const struct ir_node *A = bench_input(&bench, "A", "ij"), *C = bench_input(&bench, "C", "jk");
    const struct ir_node *x = bench_input(&bench, "x", "k"), *y = bench_input(&bench, "y", "k");
    const struct ir_node *t = bench_einsum(&bench, IR_RING_plustimes, "ij,jk->ik", (const struct ir_node *[]){A, C});
    bench_output(&bench, "v", bench_einsum(&bench, IR_RING_plustimes, "ik,k->i", (const struct ir_node *[]){t, x}));
    bench_output(&bench, "w", bench_einsum(&bench, IR_RING_plustimes, "ik,k->i", (const struct ir_node *[]){t, y}));
    bench_passes(&bench);
    assert_int_equal(bench_flops(&bench), 4 * 2 * 256);
    bench_same(&bench, IR_EVAL_PRIME, NULL);
    bench_end(&bench);
}
/* ---- extents and conditions ---- */

static void run_time_extents(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, IR_f64);
    uint32_t E = ir_add_dim(bench.context, (struct ir_dim){.name = "E", .typical = 1000, .divisor = 1, .span = SPAN_NONE});
    bench_size(&bench, "ijk", 4);
    bench.sizes['e'] = poly_dim(bench.context, E);
    const struct ir_node *A = bench_input(&bench, "A", "ij"), *x = bench_input(&bench, "x", "ej");
    bench_output(&bench, "y", bench_einsum(&bench, IR_RING_plustimes, "ij,jk,ek->ei", (const struct ir_node *[]){A, A, x}));
    bench_passes(&bench);
    /* A A first: E is large. */
    double flops = poly_estimate(ir_kernel_work(bench.context, &bench.kernel).flops, ir_typical_sizes(bench.context), NULL);
    assert_true(flops == 2 * 64 + 2 * 16 * 1000);
    for (int64_t elements = 0; elements < 4; elements++)
        bench_same(&bench, IR_EVAL_PRIME, &elements);
    bench_end(&bench);
}

/* A condition j <= i waits for the root, and 10 of its 16 points are counted; a convolution's operand carries both indices of its
 * subscript. */
static void conditions_and_affine_subscripts(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, IR_f64);
    bench_size(&bench, "ijk", 4);
    const struct ir_node *A = bench_input(&bench, "A", "ij"), *C = bench_input(&bench, "C", "jk"),
                         *x = bench_input(&bench, "x", "k");
    const struct ir_node *flat = bench_einsum(&bench, IR_RING_plustimes, "ij,jk,k->i", (const struct ir_node *[]){A, C, x});
    struct contraction draft = contraction_open(bench.context, &bench.kernel, flat);
    contraction_add_condition(&draft, poly_subtract(bench.context, poly_index(bench.context, 0), poly_index(bench.context, 1)));
    bench_output(&bench, "y", contraction_close(&draft));
    bench_passes(&bench);
    assert_int_equal(bench_flops(&bench), 2 * 16 + 2 * 10);
    bench_same(&bench, IR_EVAL_PRIME, NULL);
    bench_end(&bench);

    bench_start(&bench, IR_f64); /* sum over c, r, s of x[c, h+r] f[o, c] g[r] */
    bench_size(&bench, "hoc", 4);
    bench_size(&bench, "r", 3);
    bench_size(&bench, "z", 6);
    const struct ir_node *image = bench_input(&bench, "x", "cz"), *f = bench_input(&bench, "f", "oc"),
                         *g = bench_input(&bench, "g", "r");
    flat = bench_einsum(&bench, IR_RING_plustimes, "ch,oc,r->oh", (const struct ir_node *[]){image, f, g});
    draft = contraction_open(bench.context, &bench.kernel, flat);
    uint32_t h = 1, r = 0;
    for (uint32_t index = 2; index < draft.n_indices; index++)
        r = draft.names[index][0] == 'r' ? index : r;
    const struct poly *subscripts[2] = {draft.operands[0].subscripts[0],
                                        poly_add(bench.context, poly_index(bench.context, h), poly_index(bench.context, r))};
    draft.operands[0].subscripts = subscripts;
    bench_output(&bench, "y", contraction_close(&draft));
    bench_passes(&bench);
    assert_int_equal(bench_flops(&bench), 2 * 48 + 2 * 64); /* filter along h first, then mix channels */
    bench_same(&bench, IR_EVAL_PRIME, NULL);
    bench_end(&bench);
}

/* ---- constants and memory ---- */

static void constants_are_folded(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, IR_f64);
    bench_size(&bench, "ijkn", 4);
    double numbers[16];
    for (int k = 0; k < 16; k++)
        numbers[k] = k * 3 % 7 - 2;
    const struct poly *shape[2] = {bench.sizes['i'], bench.sizes['j']};
    struct ir_constant constant = {.data = numbers, .bytes = sizeof numbers, .name = "W"};
    const struct ir_node *W = ir_constant(bench.context, IR_f64, 2, shape, &constant), *x = bench_input(&bench, "x", "kn");
    bench_output(&bench, "y", bench_einsum(&bench, IR_RING_plustimes, "ij,jk,kn->in", (const struct ir_node *[]){W, W, x}));
    bench_passes(&bench);
    assert_int_equal(bench_contracts(&bench), 1);
    assert_int_equal(bench_flops(&bench), 2 * 64);
    bench_same(&bench, IR_EVAL_PRIME, NULL);
    bench_end(&bench);
}

static double stored_elements(const struct ir_node *root, const struct ir_node *node)
{
    double elements = node == root || node->op != IR_contract_node ? 0 : 1;
    for (uint32_t axis = 0; elements > 0 && axis < node->rank; axis++)
        elements *= poly_estimate(node->shape[axis], NULL, NULL);
    for (uint32_t k = 0; k < node->n_operands; k++)
        elements += stored_elements(root, node->operands[k].node);
    return elements;
}

static void memory_limit_slices(void **state)
{
    (void)state;
    struct bench bench;
    for (int64_t limit = 5000; limit >= 40; limit /= 5) {
        bench_start(&bench, IR_f64);
        bench_size(&bench, "abcdefg", 4);
        const struct ir_node *A = bench_input(&bench, "A", "abc"), *C = bench_input(&bench, "C", "cde"),
                             *D = bench_input(&bench, "D", "adf"), *F = bench_input(&bench, "F", "befg");
        bench_output(&bench, "y",
                     bench_einsum(&bench, IR_RING_plustimes, "abc,cde,adf,befg->g", (const struct ir_node *[]){A, C, D, F}));
        bench.options.memory_limit = limit;
        bench_passes(&bench);
        bench_same(&bench, IR_EVAL_PRIME, NULL);
        const struct ir_node *root = bench.outputs[0].node;
        double elements = stored_elements(root, root);
        if (limit < 1000)
            assert_true(root->contract.n_sliced > 0);
        assert_true(root->contract.n_sliced == 0 ? elements * 8 <= (double)limit : bench.pass.orders[0].sliced != NULL);
        for (uint32_t k = 0; k < root->n_operands; k++) { /* sliced axes lead */
            const struct ir_access *access = &root->operands[k];
            bool leading = true;
            for (uint32_t axis = 0; access->node->op == IR_contract_node && axis < access->node->rank; axis++) {
                uint32_t index;
                bool is_sliced = false;
                assert_true(poly_is_index(access->subscripts[axis], &index));
                for (uint32_t s = 0; s < root->contract.n_sliced; s++)
                    is_sliced = is_sliced || root->contract.sliced[s] == index;
                assert_true(leading || !is_sliced);
                leading = is_sliced;
            }
        }
        bench_end(&bench);
    }
    bench_start(&bench, IR_f64);
    bench_size(&bench, "abc", 4);
    const struct ir_node *A = bench_input(&bench, "A", "ab"), *C = bench_input(&bench, "C", "bc");
    bench_output(&bench, "y", bench_einsum(&bench, IR_RING_plustimes, "ab,bc,cb->a", (const struct ir_node *[]){A, C, C}));
    bench.options.memory_limit = 4;
    assert_int_equal(pass_flatten(&bench.pass), EINC_OK);
    assert_int_equal(pass_order(&bench.pass), EINC_INVALID);
    assert_int_equal(ir_diagnostics(bench.context)->n_errors, 1);
    bench_end(&bench);
}
/* ---- memory that ends ---- */

/* Whichever allocation fails, the passes say so and nothing breaks. */
static bool order_in_memory(struct failing_allocator *failing, const void *data)
{
    (void)data;
    struct bench bench;
    long allowed = failing_allocator_spare(failing);
    bench_start_in(&bench, IR_f64, &failing->allocator);
    bench_size(&bench, "e", 1);
    bench_size(&bench, "ijk", 2);
    bench_size(&bench, "abc", 3);
    const struct ir_node *B = bench_input(&bench, "B", "ai"), *u = bench_input(&bench, "u", "eijk");
    const struct ir_node *factors[] = {B, B, B, u};
    bench_output(&bench, "v", bench_einsum(&bench, IR_RING_plustimes, "ai,bj,ck,eijk->eabc", factors));
    failing_allocator_resume(failing, allowed);
    enum einc_status status = pass_flatten(&bench.pass);
    status = status == EINC_OK ? pass_order(&bench.pass) : status;
    bool enough = !arena_failed(ir_arena(bench.context));
    assert_int_equal(status, enough ? EINC_OK : EINC_NO_MEMORY);
    bench_end(&bench);
    return enough;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    each_allocation_fails(order_in_memory, NULL);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interpolation_in_all_forms), cmocka_unit_test(forms_give_one_node),
        cmocka_unit_test(products_are_taken_in),      cmocka_unit_test(lets_keep_names_and_literals_wait),
        cmocka_unit_test(unused_index_is_a_factor),   cmocka_unit_test(gradient_shares_stages),
        cmocka_unit_test(shared_value_is_kept),       cmocka_unit_test(shared_value_is_given_up),
        cmocka_unit_test(run_time_extents),           cmocka_unit_test(conditions_and_affine_subscripts),
        cmocka_unit_test(constants_are_folded),       cmocka_unit_test(memory_limit_slices),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
