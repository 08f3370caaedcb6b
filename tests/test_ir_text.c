/* Tensor IR as text: read(print(x)) is x, by pointer in the same context and by text in another; malformed text is a diagnostic at
 * the right place and nothing else. */
#include "failing_allocator.h"
#include "ir/ir.h"
#include "programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char *print(struct ir_context *context, const struct ir_program *program)
{
    struct text text = text_create(ir_arena(context));
    ir_print_program(&text, program);
    return text_finish(&text);
}

static struct ir_program *read_text(struct ir_context *context, const char *text)
{
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    if (!source)
        return NULL;
    *source = (struct source){"test.eir", text, strlen(text)};
    return ir_read(context, source);
}

static void show_diagnostics(struct ir_context *context, const char *input)
{
    struct text text = text_create(ir_arena(context));
    diag_print(&text, ir_diagnostics(context), false);
    print_message("%s\n", input);
    print_message("%s\n", text_finish(&text));
}

/* ---- round trips ---- */

static void check_round_trip(struct ir_context *context, const struct ir_program *program, uint64_t seed)
{
    const char *text = print(context, program);
    struct ir_program *again = read_text(context, text);
    if (!again)
        show_diagnostics(context, text);
    assert_non_null(again);
    assert_int_equal(again->n_kernels, program->n_kernels);
    for (size_t k = 0; k < program->n_kernels; k++) {
        if (!ir_kernel_equal(again->kernels[k], program->kernels[k]))
            print_message("seed %llu:\n%s\n%s\n", (unsigned long long)seed, text, print(context, again));
        assert_true(ir_kernel_equal(again->kernels[k], program->kernels[k]));
        assert_int_equal(again->kernels[k]->numeric_class, program->kernels[k]->numeric_class);
        assert_string_equal(again->kernels[k]->name, program->kernels[k]->name);
    }
    assert_string_equal(print(context, again), text);

    struct ir_context *other = ir_context_create(NULL);
    struct ir_program *elsewhere = read_text(other, text);
    assert_non_null(elsewhere);
    assert_string_equal(print(other, elsewhere), text);
    ir_context_destroy(other);
}

static void random_programs_come_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct ir_context *context = ir_context_create(NULL);
        const struct ir_program *program = random_program(context, seed, NULL);
        assert_non_null(program);
        check_round_trip(context, program, seed);
        ir_context_destroy(context);
    }
}

/* One of everything, as written in docs/ir.md. */
static const char everything[] =
    "program \"all \\\"of\\\" it.ein\"\n"
    "dim E typical 64.0 bound 1024 divisor 8\n"
    "dim n\n"
    "\n"
    "kernel first: default reassoc {\n"
    "    %B = input 0 B : f64[a: 8, i: 10]\n"
    "    %u = input 1 u : c64[E, 10]\n"
    "    %unused = input 2 unused : bool[]\n"
    "    %W = const f32[2, 2] {1.0, -0.0, 0x1.8p-3, inf} exact within 0x1p-20 spectral name \"W\" path \"w.npy\"\n"
    "    %order = const i64[3] {2, 0, 1}\n"
    "    %small = const i32[3] {-4, 5, 6}\n"
    "    %twiddle = const c128[2] {(1.0, -1.0), (nan, -inf)}\n"
    "    %v = contract plustimes f64[e: E, a: 8] sum [i: 10] of (%B[a, i], %B[a, 9 - i]) where (e - i) sliced (a, i)\n"
    "    %w = contract maxplus i32[] sum [k: 3] in i64 of (%small[k])\n"
    "    %0 = view f64[E, 4] of %v[@0, 2*@1]\n"
    "    %padded = view c64[e: E, x: 12] of conj %u[e, x - 1] pad c64:(0.0, -0.0)\n"
    "    %looked = map f64[e: E, j: 3] of (%v[e, %order[j]], %v[e, (e + j) mod 8]) = let t0 = exp($0) in t0*t0 + f64(index(e div "
    "8))\n"
    "    output v = %v\n"
    "    output w = %w\n"
    "    output sliced = %0\n"
    "    output padded = %padded\n"
    "    output looked = %looked\n"
    "}\n"
    "\n"
    "kernel second: exact {\n"
    "    %a = input 0 a : u8[n]\n"
    "    %b = map u8[k: n] of (%a[k]) = select($0 < u8:3, u8:255, -$0 / (u8:2 + $0))\n"
    "    output b = %b\n"
    "}\n";

/* Every part is read, and printing what was read and reading that again changes nothing. */
static void every_form_is_read(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    struct ir_program *program = read_text(context, everything);
    if (!program)
        show_diagnostics(context, everything);
    assert_non_null(program);
    assert_string_equal(program->path, "all \"of\" it.ein");
    assert_int_equal(ir_dim_at(context, 0)->bound, 1024);
    const struct ir_kernel *kernel = program->kernels[0];
    assert_int_equal(kernel->n_inputs, 3);
    assert_int_equal(kernel->n_outputs, 5);
    assert_false(kernel->class_stated);
    const struct ir_node *v = kernel->outputs[0].node;
    assert_int_equal(v->op, IR_contract_node);
    assert_int_equal(v->contract.n_domain, 1);
    assert_int_equal(v->contract.n_sliced, 2);
    assert_string_equal(ir_find_name(kernel, v)->index_names[2], "i");
    assert_int_equal(kernel->outputs[1].node->contract.accumulator, IR_i64);
    assert_null(ir_find_name(kernel, kernel->outputs[2].node)->name);
    assert_true(kernel->outputs[3].node->operands[0].conjugate);
    check_round_trip(context, program, 0);
    ir_context_destroy(context);
}

static void large_constants_stand_in_data_blocks(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    double values[100];
    for (int k = 0; k < 100; k++)
        values[k] = 1.0 / (k + 1);
    const struct poly *shape[1] = {poly_constant(context, 100)};
    const struct ir_node *node =
        ir_constant(context, IR_f64, 1, shape, &(struct ir_constant){.data = values, .bytes = sizeof values, .name = "w"});
    struct ir_output output = {.name = "y", .node = node};
    struct ir_kernel kernel = {.name = "f", .n_outputs = 1, .outputs = &output}, *kernels[1] = {&kernel};
    struct ir_program program = {.context = context, .kernels = kernels, .n_kernels = 1};
    assert_non_null(strstr(print(context, &program), "data #"));
    check_round_trip(context, &program, 0);
    ir_context_destroy(context);
}

/* Names that the grammar does not take, or that repeat, are changed until they can be told apart. */
static void names_become_unique(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    struct ir_program *program = read_text(context, "kernel f: exact {\n"
                                                    "    %a = input 0 a : f32[3]\n"
                                                    "    %0 = view f32[3] of %a[2 - @0]\n"
                                                    "    %1 = view f32[3] of %0[2 - @0]\n"
                                                    "    output y = %1\n}\n");
    assert_non_null(program);
    struct ir_kernel *kernel = program->kernels[0];
    const char *index[1] = {"div"};
    kernel->n_names = 0;
    ir_set_name(context, kernel, kernel->outputs[0].node, "a b", index, SPAN_NONE);
    ir_set_name(context, kernel, kernel->outputs[0].node->operands[0].node, "a", NULL, SPAN_NONE);
    const char *text = print(context, program);
    assert_non_null(strstr(text, "%a_2 = view"));
    assert_non_null(strstr(text, "%a_b = view f32[3] of %a_2[2 - @0]"));
    check_round_trip(context, program, 0);
    ir_context_destroy(context);
}

/* ---- malformed text ---- */

struct malformed {
    const char *text;
    enum diag_code code;
    const char *at; /* the diagnostic stands on the first occurrence of this; NULL: anywhere */
};

#define HEAD "kernel f: exact {\n%a = input 0 a : f32[3]\n"
#define TAIL "\noutput y = %y\n}\n"

static const struct malformed mistakes[] = {
    {"kernel", DIAG_E0701, NULL},
    {"kernel f exact {", DIAG_E0701, "exact"},
    {"kernel f: exact { ?", DIAG_E0701, "?"},
    {"kernel f: exact { %a = input 0 a : f32[3]", DIAG_E0701, NULL},
    {"dim n typical \"three\"", DIAG_E0701, "\"three\""},
    {"program \"never closed", DIAG_E0701, "\""},
    {HEAD "%y = view f32[3] of %a[@0" TAIL, DIAG_E0701, "output"},
    {"kernel f: fast { }", DIAG_E0702, "fast"},
    {HEAD "%y = view f32[3] of %b[@0]" TAIL, DIAG_E0702, "%b"},
    {HEAD "%y = view f32[3] of %y[@0]" TAIL, DIAG_E0702, "%y["},
    {HEAD "%y = view f32[3] of %a[i]" TAIL, DIAG_E0702, "i]"},
    {HEAD "%y = view f32[3] of %a[@1]" TAIL, DIAG_E0702, "@1"},
    {HEAD "%y = view f32[i: i] of %a[i]" TAIL, DIAG_E0702, "i]"},
    {HEAD "%y = view f33[3] of %a[@0]" TAIL, DIAG_E0702, "f33"},
    {HEAD "%y = map f32[3] of (%a[@0]) = cosh($0)" TAIL, DIAG_E0702, "cosh"},
    {HEAD "%y = map f32[3] of (%a[@0]) = $1" TAIL, DIAG_E0702, "$1"},
    {HEAD "%y = map f32[3] of (%a[@0]) = t0" TAIL, DIAG_E0702, "t0"},
    {HEAD "%y = contract plus f32[] sum [i: 3] of (%a[i])" TAIL, DIAG_E0702, "plus"},
    {HEAD "%a = view f32[3] of %a[@0]" TAIL, DIAG_E0703, NULL},
    {HEAD "%y = view f32[i: 3, i: 3] of %a[i]" TAIL, DIAG_E0703, NULL},
    {"dim n bound 3 dim n bound 4", DIAG_E0703, NULL},
    {HEAD "output y = %a }" HEAD "output y = %a }", DIAG_E0703, NULL},
    {HEAD "%y = view f32[3] of %a[@0, @0]" TAIL, DIAG_E0704, "%a["},
    {HEAD "%y = view f32[3] of %a" TAIL, DIAG_E0704, "%a\n"},
    {HEAD "%y = view f32[3] of %a[%a[@0]]" TAIL, DIAG_E0704, "%a[@0]]"},
    {HEAD "%y = map f32[3] of (%a[@0]) = max($0)" TAIL, DIAG_E0704, "max"},
    {HEAD "%y = map f32[3] of (%a[@0]) = exp($0, $0, $0, $0)" TAIL, DIAG_E0704, "exp"},
    {HEAD "%y = contract plustimes f32[] sum [i: 3] of (%a[i]) sliced (i + 1)" TAIL, DIAG_E0704, NULL},
    {HEAD "%y = map f32[3] of (%a[@0]) = $0 + f64:1.0" TAIL, DIAG_E0705, "+"},
    {HEAD "%y = map f32[3] of (%a[@0]) = $0 < $0 < $0" TAIL, DIAG_E0705, "< $0\n"},
    {HEAD "%y = map f32[3] of (%a[@0]) = and($0, $0)" TAIL, DIAG_E0705, "and"},
    {HEAD "%y = map f64[3] of (%a[@0]) = $0" TAIL, DIAG_E0705, "f64"},
    {HEAD "%y = view f64[3] of %a[@0]" TAIL, DIAG_E0705, "f64"},
    {HEAD "%y = const i8[1] {128}" TAIL, DIAG_E0706, "128"},
    {HEAD "%y = const u8[1] {-1}" TAIL, DIAG_E0706, "1}"},
    {HEAD "%y = const u64[1] {18446744073709551616}" TAIL, DIAG_E0706, "18446744073709551616"},
    {HEAD "%y = const i32[1] {1.5}" TAIL, DIAG_E0706, "1.5"},
    {HEAD "%y = const f64[1] {0x1p+4000}" TAIL, DIAG_E0706, "0x1p"},
    {HEAD "%y = const c64[1] {1.0}" TAIL, DIAG_E0706, "1.0"},
    {HEAD "%y = view f32[99999999999999999999] of %a[0]" TAIL, DIAG_E0706, "9999"},
    {"dim n bound 0", DIAG_E0706, "0"},
    {HEAD "%y = const f64[2] {1.0}" TAIL, DIAG_E0707, "f64"},
    {HEAD "%y = const f64[4611686018427387904, 4] {1.0}" TAIL, DIAG_E0707, "f64"},
    {"dim n\n" HEAD "%y = const f64[n] {1.0}" TAIL, DIAG_E0707, "f64"},
    {HEAD "%y = const f64[1] #0123456789abcdef" TAIL, DIAG_E0707, "#"},
    {HEAD "%y = const i8[1] #0123456789abcdef" TAIL "data #0123456789abcdef \"00\"", DIAG_E0707, "#"},
    {"data #0123456789abcdef \"0g\"", DIAG_E0707, "\"0g"},
    {HEAD "%y = view f32[3] of %a[@0 div 0]" TAIL, DIAG_E0710, "div"},
    {HEAD "%y = view f32[3] of %a[@0 mod -2]" TAIL, DIAG_E0710, "mod"},
    {HEAD "%y = view f32[3] of %a[9223372036854775807 * @0 + 9223372036854775807 * @0]" TAIL, DIAG_E0710, "+"},
    {HEAD "%y = view f32[4] of %a[@0]" TAIL, DIAG_E0734, NULL},
};

static void check_mistake(const struct malformed *mistake)
{
    struct ir_context *context = ir_context_create(NULL);
    assert_null(read_text(context, mistake->text));
    const struct diagnostics *diagnostics = ir_diagnostics(context);
    bool right = diagnostics->n_items > 0 && diagnostics->items[0]->code == mistake->code;
    if (right && mistake->at) {
        const char *place = strstr(mistake->text, mistake->at);
        right = place && diagnostics->items[0]->primary.span.begin == (uint32_t)(place - mistake->text);
    }
    if (!right)
        show_diagnostics(context, mistake->text);
    assert_true(right);
    ir_context_destroy(context);
}

static void mistakes_are_diagnosed(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof mistakes / sizeof *mistakes; k++)
        check_mistake(&mistakes[k]);
}

/* Depth is a diagnostic, in subscripts and in expressions. */
static void nesting_is_limited(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    static char text[3 * DEPTH + 300];
    for (int form = 0; form < 3; form++) {
        const char *head = form == 0 ? HEAD "%y = view f32[3] of %a[" : HEAD "%y = map f32[3] of (%a[@0]) = ";
        size_t at = strlen(head);
        memcpy(text, head, at);
        for (int k = 0; k < DEPTH; k++)
            text[at++] = form == 2 ? '-' : '(';
        text[at] = 0;
        struct ir_context *context = ir_context_create(NULL);
        assert_null(read_text(context, text));
        assert_int_equal(ir_diagnostics(context)->items[0]->code, DIAG_E0708);
        ir_context_destroy(context);
    }
}

/* A power of a sum would have more terms than memory. */
static void products_are_limited(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    struct text text = text_create(ir_arena(context));
    text_put(&text, "dim a dim b dim c dim d dim e dim f dim g dim h\nkernel k: exact {\n%y = view f32[1");
    for (int k = 0; k < 40; k++)
        text_put(&text, "*(a + b + c + d + e + f + g + h)");
    text_put(&text, "] of %x\n}");
    assert_null(read_text(context, text_finish(&text)));
    assert_int_equal(ir_diagnostics(context)->items[0]->code, DIAG_E0708);
    ir_context_destroy(context);
}

/* The example in docs/ir.md is the indented block that begins with `program`. */
static void example_of_the_documentation_is_read(void **state)
{
    (void)state;
    static char text[1 << 16];
    FILE *file = fopen(EINC_SOURCE_DIR "/docs/ir.md", "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    char *begin = strstr(text, "    program "), *end = begin ? strstr(begin, "\n\nGrammar") : NULL;
    assert_non_null(end);
    *end = 0;
    struct ir_context *context = ir_context_create(NULL);
    struct ir_program *program = read_text(context, begin);
    if (!program)
        show_diagnostics(context, begin);
    assert_non_null(program);
    check_round_trip(context, program, 0);
    ir_context_destroy(context);
}

/* A chain far longer than any stack: deep as a graph, flat as text. */
static void long_chains_come_back(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    const struct ir_expr *sum = ir_expr_operand(context, 0, IR_f64), *one = ir_expr_literal(context, ir_number_real(IR_f64, 0.5));
    const struct poly *shape[1] = {poly_constant(context, 3)};
    struct ir_access access = ir_access_whole(context, ir_input(context, 0, IR_f64, 1, shape));
    for (int k = 0; k < 900; k++) {
        const struct ir_expr *arguments[2] = {sum, one};
        sum = ir_expr_apply(context, k % 3 ? IR_EXPR_add : IR_EXPR_mul, 2, arguments);
    }
    struct ir_output output = {.name = "y", .node = ir_map(context, 1, shape, 1, &access, sum)};
    struct ir_input_info input = {.name = "x", .node = access.node};
    struct ir_kernel kernel = {.name = "f", .n_inputs = 1, .inputs = &input, .n_outputs = 1, .outputs = &output};
    struct ir_kernel *kernels[1] = {&kernel};
    struct ir_program program = {.context = context, .kernels = kernels, .n_kernels = 1};
    check_round_trip(context, &program, 0);
    ir_context_destroy(context);
}

/* ---- memory ---- */

/* True when memory sufficed. */
static bool read_and_print(struct failing_allocator *failing, const void *data)
{
    (void)data;
    struct ir_context *context = ir_context_create(&failing->allocator);
    struct ir_program *program = context ? read_text(context, everything) : NULL;
    const char *text = program ? print(context, program) : NULL;
    bool complete = text && ir_status(context) == EINC_OK;
    ir_context_destroy(context);
    return complete;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    each_allocation_fails(read_and_print, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_come_back),
        cmocka_unit_test(every_form_is_read),
        cmocka_unit_test(large_constants_stand_in_data_blocks),
        cmocka_unit_test(names_become_unique),
        cmocka_unit_test(mistakes_are_diagnosed),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(products_are_limited),
        cmocka_unit_test(example_of_the_documentation_is_read),
        cmocka_unit_test(long_chains_come_back),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
