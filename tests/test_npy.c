/* The .npy reader on well-formed files of every version, byte order and axis order, and on hostile ones; the writer by reading
 * back. */
#include "runtime/runtime.h"

#include <setjmp.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct file {
    char bytes[70000];
    size_t length;
};

/* A file of this version, header text and data, the header's length field as it should be. */
static struct file *make_file(struct file *file, int major, const char *header, const void *data, size_t size)
{
    size_t length = strlen(header), start = major == 1 ? 10 : 12;
    memset(file, 0, sizeof *file);
    memcpy(file->bytes, "\x93NUMPY", 6);
    file->bytes[6] = (char)major;
    for (size_t k = 0; k < (major == 1 ? 2u : 4u); k++)
        file->bytes[8 + k] = (char)(length >> 8 * k & 0xff);
    memcpy(file->bytes + start, header, length);
    if (size)
        memcpy(file->bytes + start + length, data, size);
    file->length = start + length + size;
    return file;
}

static bool parse(struct ir_context *context, const struct file *file, struct ir_tensor *tensor)
{
    return npy_parse(context, "x.npy", SPAN_NONE, file->bytes, file->length, tensor);
}

static void reads_versions_and_orders(void **state)
{
    static const double values[6] = {0, 1, 2, 3, 4, 5};
    static const double fortran[6] = {0, 3, 1, 4, 2, 5};
    static struct file file;
    (void)state;
    for (int major = 1; major <= 3; major++)
        for (int order = 0; order <= 1; order++) {
            struct ir_context *context = ir_context_create(NULL);
            struct ir_tensor tensor;
            const char *header = order ? "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }  \n"
                                       : "{\"shape\": (2L, 3L), 'descr': '=f8', 'fortran_order': False}";
            make_file(&file, major, header, order ? fortran : values, sizeof values);
            assert_true(parse(context, &file, &tensor));
            assert_int_equal(tensor.rank, 2);
            assert_int_equal(tensor.shape[0], 2);
            assert_int_equal(tensor.shape[1], 3);
            assert_memory_equal(tensor.data, values, sizeof values);
            ir_context_destroy(context);
        }
}

static void swaps_bytes_of_components(void **state)
{
    static struct file file;
    struct ir_context *context = ir_context_create(NULL);
    struct ir_tensor tensor;
    (void)state;
    make_file(&file, 1, "{'descr': '>c8', 'fortran_order': False, 'shape': ()}", "\x3f\x80\0\0\x40\0\0\0", 8);
    assert_true(parse(context, &file, &tensor));
    assert_int_equal(tensor.elem, IR_c64);
    assert_int_equal(tensor.rank, 0);
    assert_true(((float *)tensor.data)[0] == 1.0f && ((float *)tensor.data)[1] == 2.0f);
    ir_context_destroy(context);
}

static void refuses_hostile_files(void **state)
{
    static const char *const headers[] = {
        "",
        "{",
        "{}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), ",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}",
        "{'descr': '<f8', 'fortran_order': False, 'size': (1,)}",
        "{'descr': '<f8', 'fortran_order': Maybe, 'shape': (1,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f16', 'fortran_order': False, 'shape': (4,)}",
        "{'descr': 'f8', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f8, 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1 2)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 1}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 8)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", /* asks for more than is there */
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", /* asks for less */
    };
    static struct file file;
    (void)state;
    for (size_t k = 0; k < sizeof headers / sizeof *headers; k++) {
        struct ir_context *context = ir_context_create(NULL);
        struct ir_tensor tensor;
        make_file(&file, 1, headers[k], "\0\0\0\0\0\0\0\0", 8);
        if (parse(context, &file, &tensor) || ir_diagnostics(context)->n_errors != 1)
            fail_msg("header %zu is not refused with one diagnostic: %s", k, headers[k]);
        ir_context_destroy(context);
    }
}

static void refuses_every_truncation(void **state)
{
    static struct file file;
    (void)state;
    make_file(&file, 2, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", "\0\0\0\0\0\0\0\0", 8);
    for (size_t length = 0; length < file.length; length++) {
        struct ir_context *context = ir_context_create(NULL);
        struct ir_tensor tensor;
        assert_false(npy_parse(context, "x.npy", SPAN_NONE, file.bytes, length, &tensor));
        ir_context_destroy(context);
    }
}

static void refuses_long_headers(void **state)
{
    static struct file file;
    static char header[10002];
    struct ir_tensor tensor;
    (void)state;
    memset(header, ' ', sizeof header - 1);
    memcpy(header, "{'descr': '|u1', 'fortran_order': False, 'shape': ()}", 53);
    for (size_t length = 10000; length <= 10001; length++) {
        struct ir_context *context = ir_context_create(NULL);
        header[length] = '\0';
        make_file(&file, 1, header, "\x07", 1);
        header[length] = ' ';
        assert_int_equal(parse(context, &file, &tensor), length == 10000);
        ir_context_destroy(context);
    }
}

static void reads_back_what_it_wrote(void **state)
{
    unsigned char data[6 * 16];
    int64_t shape[2] = {2, 3};
    (void)state;
    for (size_t k = 0; k < sizeof data; k++)
        data[k] = (unsigned char)(k * 7 % 2);
    for (int elem = 0; elem < IR_ELEM_COUNT; elem++)
        for (uint32_t rank = 0; rank <= 2; rank++) {
            struct ir_context *context = ir_context_create(NULL);
            struct ir_tensor tensor = {(enum ir_elem)elem, rank, shape, data}, back;
            char path[] = "/tmp/einc-test-npy-XXXXXX";
            close(mkstemp(path));
            assert_true(npy_write(context, path, &tensor));
            assert_true(npy_read(context, path, SPAN_NONE, &back));
            assert_int_equal(back.elem, elem);
            assert_int_equal(back.rank, rank);
            assert_memory_equal(back.data, data, npy_element_count(&tensor) * ir_elem_info(tensor.elem)->bytes);
            unlink(path);
            ir_context_destroy(context);
        }
}

static void failed_writes_leave_nothing(void **state)
{
    struct ir_context *context = ir_context_create(NULL);
    double value = 1;
    struct ir_tensor tensor = {IR_f64, 0, NULL, &value};
    char folder[] = "/tmp/einc-test-npy-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_false(npy_write(context, folder, &tensor)); /* a folder stands where the file should go */
    snprintf(path, sizeof path, "%s/none/x.npy", folder);
    assert_false(npy_write(context, path, &tensor));
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(ir_diagnostics(context)->n_errors, 2);
    ir_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_versions_and_orders),   cmocka_unit_test(swaps_bytes_of_components),
        cmocka_unit_test(refuses_hostile_files),       cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_long_headers),        cmocka_unit_test(reads_back_what_it_wrote),
        cmocka_unit_test(failed_writes_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
