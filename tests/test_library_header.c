/* einc.h stands alone, so it says again what ir/base.h says of statuses and allocators: here the two are held equal. */
#define einc_status       header_status
#define einc_allocator    header_allocator
#define EINC_OK           HEADER_OK
#define EINC_INVALID      HEADER_INVALID
#define EINC_NO_MEMORY    HEADER_NO_MEMORY
#define EINC_LIMIT        HEADER_LIMIT
#define EINC_IO           HEADER_IO
#define EINC_CHECK_FAILED HEADER_CHECK_FAILED
#define EINC_INTERNAL     HEADER_INTERNAL
#include "runtime/einc.h"
#undef einc_status
#undef einc_allocator
#undef EINC_OK
#undef EINC_INVALID
#undef EINC_NO_MEMORY
#undef EINC_LIMIT
#undef EINC_IO
#undef EINC_CHECK_FAILED
#undef EINC_INTERNAL
#include "ir/base.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants those before it */
#include <cmocka.h>

/* -Wswitch finds a status that only one of them has. */
static enum einc_status status_of(enum header_status status)
{
    switch (status) {
    case HEADER_OK:
        return EINC_OK;
    case HEADER_INVALID:
        return EINC_INVALID;
    case HEADER_NO_MEMORY:
        return EINC_NO_MEMORY;
    case HEADER_LIMIT:
        return EINC_LIMIT;
    case HEADER_IO:
        return EINC_IO;
    case HEADER_CHECK_FAILED:
        return EINC_CHECK_FAILED;
    case HEADER_INTERNAL:
        return EINC_INTERNAL;
    }
    return EINC_INTERNAL;
}

static enum header_status header_status_of(enum einc_status status)
{
    switch (status) {
    case EINC_OK:
        return HEADER_OK;
    case EINC_INVALID:
        return HEADER_INVALID;
    case EINC_NO_MEMORY:
        return HEADER_NO_MEMORY;
    case EINC_LIMIT:
        return HEADER_LIMIT;
    case EINC_IO:
        return HEADER_IO;
    case EINC_CHECK_FAILED:
        return HEADER_CHECK_FAILED;
    case EINC_INTERNAL:
        return HEADER_INTERNAL;
    }
    return HEADER_INTERNAL;
}

static void statuses_are_the_same(void **state)
{
    (void)state;
    for (int value = 0; value <= EINC_INTERNAL; value++) {
        assert_int_equal(status_of((enum header_status)value), value);
        assert_int_equal(header_status_of((enum einc_status)value), value);
        assert_string_not_equal(einc_status_text((enum header_status)value), "unknown status");
    }
    assert_string_equal(einc_status_text((enum header_status)(EINC_INTERNAL + 1)), "unknown status");
}

#define SAME_PLACE(field)                                                                                                          \
    _Static_assert(offsetof(struct header_allocator, field) == offsetof(struct einc_allocator, field) &&                           \
                       sizeof(((struct header_allocator *)0)->field) == sizeof(((struct einc_allocator *)0)->field),               \
                   #field)
SAME_PLACE(allocate);
SAME_PLACE(release);
SAME_PLACE(user);
SAME_PLACE(block_size);
_Static_assert(sizeof(struct header_allocator) == sizeof(struct einc_allocator), "einc_allocator");

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
