/* The arena: alignment, zeroing, growth, text, overflow of sizes, and that running out of memory is sticky and leaks nothing. */
#include "failing_allocator.h"
#include "ir/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void memory_is_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    struct arena *arena = arena_create(NULL);
    unsigned char *parts[2000];
    for (size_t i = 0; i < 2000; i++) {
        parts[i] = arena_alloc(arena, 1 + i % 97, 1);
        assert_non_null(parts[i]);
        assert_int_equal((uintptr_t)parts[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < 1 + i % 97; k++)
            assert_int_equal(parts[i][k], 0);
        memset(parts[i], (int)(i % 251), 1 + i % 97);
    }
    for (size_t i = 0; i < 2000; i++)
        for (size_t k = 0; k < 1 + i % 97; k++)
            assert_int_equal(parts[i][k], i % 251);
    assert_false(arena_failed(arena));
    arena_destroy(arena);
}

static void large_and_empty_requests(void **state)
{
    (void)state;
    struct arena *arena = arena_create(NULL);
    assert_non_null(arena_alloc(arena, 0, 8));
    char *large = arena_alloc(arena, 3, 1 << 20);
    assert_non_null(large);
    large[3 * (1 << 20) - 1] = 1;
    char *copy = arena_copy(arena, "abc", 4, 1);
    assert_string_equal(copy, "abc");
    assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
    assert_string_equal(arena_printf(arena, "%s", ""), "");
    assert_string_equal(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
    arena_destroy(arena);
    arena_destroy(NULL);
}

static void overflowing_sizes_fail_for_good(void **state)
{
    (void)state;
    struct arena *arena = arena_create(NULL);
    assert_null(arena_alloc(arena, SIZE_MAX / 2, 4));
    assert_true(arena_failed(arena));
    assert_null(arena_alloc(arena, 1, 1));
    assert_null(arena_printf(arena, "x"));
    arena_destroy(arena);
    assert_true(arena_failed(NULL));
    assert_null(arena_alloc(NULL, 1, 1));
}

static void arrays_grow(void **state)
{
    (void)state;
    struct arena *arena = arena_create(NULL);
    int *items = NULL;
    size_t count = 0, capacity = 0;
    for (int i = 0; i < 1000; i++)
        assert_true(ARENA_PUSH(arena, items, count, capacity, i * i));
    assert_int_equal(count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(items[i], i * i);
    arena_destroy(arena);
}

static void text_grows(void **state)
{
    (void)state;
    struct arena *arena = arena_create(NULL);
    struct text text = text_create(arena);
    assert_string_equal(text_finish(&text), "");
    for (int i = 0; i < 500; i++)
        text_printf(&text, "%d,", i);
    text_put(&text, "end");
    text_put_bytes(&text, "\0x", 2);
    assert_int_equal(text.length, 10 * 2 + 90 * 3 + 400 * 4 + 3 + 2);
    assert_memory_equal(text_finish(&text), "0,1,2,", 6);
    assert_int_equal(text.data[text.length], 0);
    arena_destroy(arena);
}

static void checked_sizes(void **state)
{
    (void)state;
    int64_t value = 5;
    assert_false(checked_add(INT64_MAX, 1, &value));
    assert_false(checked_multiply(INT64_MAX / 2, 3, &value));
    assert_int_equal(value, 5);
    assert_true(checked_multiply(-3, 4, &value));
    assert_int_equal(value, -12);
    assert_int_equal(floor_divide(-7, 2), -4);
    assert_int_equal(floor_divide(-8, 2), -4);
    assert_int_equal(floor_divide(7, 2), 3);
}

static void hashes_depend_on_all_bytes(void **state)
{
    (void)state;
    unsigned char bytes[40] = {0};
    for (size_t length = 1; length <= sizeof bytes; length++) {
        uint64_t before = hash_bytes(1, bytes, length);
        assert_true(before != hash_bytes(2, bytes, length));
        assert_true(before != hash_bytes(1, bytes, length - 1));
        for (size_t at = 0; at < length; at++) {
            bytes[at] = 1;
            assert_true(before != hash_bytes(1, bytes, length));
            bytes[at] = 0;
        }
    }
}

/* Some work of every kind; true when it all succeeded. */
static bool fill_arena(struct failing_allocator *failing, const void *data)
{
    (void)data;
    struct arena *arena = arena_create(&failing->allocator);
    struct text text = text_create(arena);
    int *items = NULL;
    size_t count = 0, capacity = 0;
    bool done = true;
    for (int i = 0; i < 20000; i++)
        done = done && ARENA_PUSH(arena, items, count, capacity, i);
    for (int i = 0; i < 9000; i++)
        text_printf(&text, "%d ", i);
    done = done && text_finish(&text) && arena_alloc(arena, 1, 100000);
    assert_int_equal(done, !arena_failed(arena));
    arena_destroy(arena);
    return done;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(each_allocation_fails(fill_arena, NULL) > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_zeroed_and_apart),
        cmocka_unit_test(large_and_empty_requests),
        cmocka_unit_test(overflowing_sizes_fail_for_good),
        cmocka_unit_test(arrays_grow),
        cmocka_unit_test(text_grows),
        cmocka_unit_test(checked_sizes),
        cmocka_unit_test(hashes_depend_on_all_bytes),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
