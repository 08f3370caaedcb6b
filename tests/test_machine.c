/* Machine descriptions: every builtin row keeps the rules that files must keep, what is printed is read as the same, and no request
 * for memory may fail badly. What the reader refuses is the goldens' business. */
#include "failing_allocator.h"
#include "ir/ir.h"
#include "ir/machine.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct machine *print_and_read(struct ir_context *context, const struct machine *machine)
{
    struct text text = text_create(ir_arena(context));
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    machine_print(&text, machine);
    if (!source || !text_finish(&text))
        return NULL;
    *source = (struct source){"printed.machine", text_finish(&text), text.length};
    return machine_read(ir_diagnostics(context), source);
}

static void assert_same(const struct machine *a, const struct machine *b)
{
    size_t count;
    const struct machine_field *fields = machine_field_table(&count);
    assert_non_null(a);
    assert_string_equal(a->name, b->name);
    for (size_t k = 0; k < count; k++)
        if (machine_value(a, &fields[k]) != machine_value(b, &fields[k]))
            fail_msg("%s of %s", fields[k].name, b->name);
}

static void builtin_rows_are_valid(void **state)
{
    size_t count;
    const struct machine_row *rows = machine_table(&count);
    (void)state;
    for (size_t k = 0; k < count; k++) {
        struct ir_context *context = ir_context_create(NULL);
        assert_same(print_and_read(context, &rows[k].machine), &rows[k].machine);
        assert_ptr_equal(machine_find(rows[k].machine.name), &rows[k].machine);
        ir_context_destroy(context);
    }
    assert_ptr_equal(machine_find("generic"), machine_generic());
    assert_null(machine_find("host"));
}

static void awkward_rates_keep_their_bits(void **state)
{
    static const double rates[] = {1, 0x1.fffffffffffffp+30, 1e18, 1.0 / 3 * 1e10, 123456789.123456789, 16e9};
    (void)state;
    for (size_t k = 0; k < sizeof rates / sizeof *rates; k++) {
        struct ir_context *context = ir_context_create(NULL);
        struct machine machine = *machine_generic();
        machine.read_rate = rates[k];
        machine.l3_bytes = INT64_C(1) << 40;
        assert_same(print_and_read(context, &machine), &machine);
        ir_context_destroy(context);
    }
}

static void rates_go_by_width(void **state)
{
    (void)state;
    const struct machine *machine = machine_find("avx512");
    assert_true(machine_flop_rate(machine, 8) == machine->flop_rate_f64);
    assert_true(machine_flop_rate(machine, 4) == machine->flop_rate_f32);
    assert_true(machine->flop_rate_f32 > machine->flop_rate_f64);
}

static bool print_and_read_in(struct failing_allocator *failing, const void *data)
{
    (void)data;
    failing->allocator.block_size = 64;
    struct ir_context *context = ir_context_create(&failing->allocator);
    const struct machine *read = context ? print_and_read(context, machine_generic()) : NULL;
    bool failed = !context || arena_failed(ir_arena(context));
    assert_true(failed == !read);
    ir_context_destroy(context);
    return !failed;
}

static void runs_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(print_and_read_in, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builtin_rows_are_valid),
        cmocka_unit_test(awkward_rates_keep_their_bits),
        cmocka_unit_test(rates_go_by_width),
        cmocka_unit_test(runs_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
