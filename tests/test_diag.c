/* Diagnostics: their printed form to the letter, and what is kept, dropped and counted. */
#include "failing_allocator.h"
#include "ir/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct fixture {
    struct arena *arena;
    struct diagnostics diagnostics;
};

static int set_up(void **state)
{
    struct arena *arena = arena_create(NULL);
    struct fixture *fixture = ARENA_NEW(arena, struct fixture);
    fixture->arena = arena;
    fixture->diagnostics.arena = arena;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    arena_destroy(fixture->arena);
    return 0;
}

static uint32_t add_source(struct fixture *fixture, const char *path, const char *text)
{
    struct source *source = ARENA_NEW(fixture->arena, struct source);
    *source = (struct source){path, text, strlen(text)};
    return diag_add_source(&fixture->diagnostics, source);
}

/* The first place of `words` in a source. */
static struct span find(const struct fixture *fixture, uint32_t source, const char *words)
{
    const char *text = fixture->diagnostics.sources[source]->text, *at = strstr(text, words);
    assert_non_null(at);
    uint32_t begin = (uint32_t)(at - text);
    return (struct span){source, begin, begin + (uint32_t)strlen(words)};
}

static const char *print(struct fixture *fixture, bool color)
{
    struct text text = text_create(fixture->arena);
    diag_print(&text, &fixture->diagnostics, color);
    return text_finish(&text);
}

static void several_lines_in_one_snippet(void **state)
{
    struct fixture *fixture = *state;
    uint32_t source = add_source(fixture, "mlp.ein",
                                 "dim b = 32\n\nkernel mlp(\n    W: f32[64, 128]\n    x: f32[32, 96]\n) -> () {\n"
                                 "    h[b,i] = W[i,k] * x[b,k]\n}\n");
    struct diagnostics *diagnostics = &fixture->diagnostics;
    struct diag *diag = diag_error(diagnostics, DIAG_E0002, find(fixture, source, "b,k"), "index `%s` has two sizes", "k");
    diag_label(diagnostics, diag, "x is f32[32, 96], so k = 96 here");
    diag_note(diagnostics, diag, find(fixture, source, "128"), "k = 128 here");
    diag_help(diagnostics, diag, "declare x as f32[32, 128], or write another index if a separate one was meant");
    assert_string_equal(print(fixture, false),
                        "error[E0002]: index `k` has two sizes\n"
                        " --> mlp.ein:7:25\n"
                        "  |\n"
                        "4 |     W: f32[64, 128]\n"
                        "  |                --- k = 128 here\n"
                        "7 |     h[b,i] = W[i,k] * x[b,k]\n"
                        "  |                         ^^^ x is f32[32, 96], so k = 96 here\n"
                        "  = help: declare x as f32[32, 128], or write another index if a separate one was meant\n"
                        "\n"
                        "1 error\n");
}

static void labels_on_one_line_share_it(void **state)
{
    struct fixture *fixture = *state;
    uint32_t source = add_source(fixture, "a.ein", "y[i] = x[j]");
    struct diag *diag = diag_error(&fixture->diagnostics, DIAG_E0002, find(fixture, source, "j"), "no `j` on the left");
    diag_note(&fixture->diagnostics, diag, find(fixture, source, "i"), "only `i` is");
    assert_string_equal(print(fixture, false), "error[E0002]: no `j` on the left\n"
                                               " --> a.ein:1:10\n"
                                               "  |\n"
                                               "1 | y[i] = x[j]\n"
                                               "  |   - only `i` is\n"
                                               "  |          ^\n"
                                               "\n"
                                               "1 error\n");
}

static void notes_in_another_file_and_in_none(void **state)
{
    struct fixture *fixture = *state;
    uint32_t first = add_source(fixture, "a.ein", "one\ntwo\n"), second = add_source(fixture, "b.ein", "\n\n\n\n\n\n\n\n\nten x\n");
    struct diag *diag = diag_warning(&fixture->diagnostics, DIAG_E0001, find(fixture, first, "two"), "odd");
    diag_note(&fixture->diagnostics, diag, find(fixture, second, "x"), "as here");
    diag_note(&fixture->diagnostics, diag, SPAN_NONE, "the option --dims says otherwise");
    assert_string_equal(print(fixture, false), "warning[E0001]: odd\n"
                                               "  --> a.ein:2:1\n"
                                               "   |\n"
                                               " 2 | two\n"
                                               "   | ^^^\n"
                                               "  ::: b.ein:10:5\n"
                                               "   |\n"
                                               "10 | ten x\n"
                                               "   |     - as here\n"
                                               "   = note: the option --dims says otherwise\n"
                                               "\n");
}

static void tabs_utf8_and_control_characters(void **state)
{
    struct fixture *fixture = *state;
    uint32_t source = add_source(fixture, "u\x1b.ein", "\t\xc3\xa4\xce\xb1 = \x1b[31m\xff\xe2\x80\xae x\r\nnext\n");
    diag_error(&fixture->diagnostics, DIAG_E0001, find(fixture, source, "x"), "bad \x1b[0m word");
    assert_string_equal(print(fixture, false), "error[E0001]: bad \xef\xbf\xbd[0m word\n"
                                               " --> u\xef\xbf\xbd.ein:1:15\n"
                                               "  |\n"
                                               "1 |     \xc3\xa4\xce\xb1 = \xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbd x\n"
                                               "  |                  ^\n"
                                               "\n"
                                               "1 error\n");
}

static void points_at_ends(void **state)
{
    struct fixture *fixture = *state;
    uint32_t source = add_source(fixture, "e.ein", "ab\n");
    diag_error(&fixture->diagnostics, DIAG_E0001, (struct span){source, 2, 2}, "end of line");
    diag_error(&fixture->diagnostics, DIAG_E0001, (struct span){source, 3, 3}, "end of file");
    diag_error(&fixture->diagnostics, DIAG_E0001, (struct span){source, 900, 901}, "beyond");
    diag_error(&fixture->diagnostics, DIAG_E0001, (struct span){source, 0, 3}, "over the line's end");
    assert_string_equal(print(fixture, false), "error[E0001]: end of line\n --> e.ein:1:3\n  |\n1 | ab\n  |   ^\n\n"
                                               "error[E0001]: end of file\n --> e.ein:2:1\n  |\n2 |\n  | ^\n\n"
                                               "error[E0001]: beyond\n --> e.ein:2:1\n  |\n2 |\n  | ^\n\n"
                                               "error[E0001]: over the line's end\n --> e.ein:1:1\n  |\n1 | ab\n  | ^^\n\n"
                                               "4 errors\n");
}

/* Whatever the place of a label in a very long line, it is shown under its words within 120 columns. */
static void long_lines_are_cut(void **state)
{
    struct fixture *fixture = *state;
    char *line = arena_alloc(fixture->arena, 5001, 1);
    memset(line, 'a', 5000);
    uint32_t source = add_source(fixture, "long.ein", line);
    for (uint32_t at = 0; at < 5000; at += at < 300 ? 1 : 97) {
        line[at] = 'X';
        struct diagnostics *diagnostics = &fixture->diagnostics;
        diagnostics->n_items = diagnostics->n_errors = 0;
        diag_error(diagnostics, DIAG_E0001, (struct span){source, at, at + 1}, "here");
        const char *shown = strstr(print(fixture, false), "1 | "), *mark = strstr(shown, "\n  | ");
        assert_non_null(mark);
        assert_true(mark - shown <= 4 + 120);
        size_t column = strcspn(mark + 1, "^");
        assert_int_equal(shown[column], 'X');
        line[at] = 'a';
    }
}

static void no_place_at_all(void **state)
{
    struct fixture *fixture = *state;
    struct diag *diag = diag_error(&fixture->diagnostics, DIAG_E0002, SPAN_NONE, "no kernel `%s`", "f");
    diag_help(&fixture->diagnostics, diag, "there is g");
    assert_string_equal(print(fixture, false), "error[E0002]: no kernel `f`\n  = help: there is g\n\n1 error\n");
    const char *path;
    uint32_t line, column;
    assert_false(diag_locate(&fixture->diagnostics, SPAN_NONE, &path, &line, &column));
}

static void repeats_are_dropped_and_errors_limited(void **state)
{
    struct fixture *fixture = *state;
    uint32_t source = add_source(fixture, "a.ein", "0123456789012345678901234567890123456789");
    for (uint32_t i = 0; i < 25; i++)
        for (int again = 0; again < 2; again++)
            diag_error(&fixture->diagnostics, DIAG_E0001, (struct span){source, i, i + 1}, "mistake");
    assert_int_equal(fixture->diagnostics.n_items, DIAG_LIMIT);
    assert_true(fixture->diagnostics.n_errors >= 25); /* a repeat of one that was not kept is counted again */
    diag_warning(&fixture->diagnostics, DIAG_E0001, (struct span){source, 0, 1}, "mistake");
    assert_int_equal(fixture->diagnostics.n_warnings, 1);
    assert_int_equal(fixture->diagnostics.n_items, DIAG_LIMIT + 1);
    assert_non_null(strstr(print(fixture, false), "errors, 1 warning; "));
}

static void color_only_when_asked(void **state)
{
    struct fixture *fixture = *state;
    uint32_t source = add_source(fixture, "a.ein", "x");
    diag_error(&fixture->diagnostics, DIAG_E0001, find(fixture, source, "x"), "bad");
    assert_null(strchr(print(fixture, false), '\033'));
    assert_non_null(strstr(print(fixture, true), "\033[1;31merror[E0001]"));
}

static void every_code_has_its_name(void **state)
{
    (void)state;
    for (int code = 0; code < DIAG_CODE_COUNT; code++) {
        const char *name = diag_code_name((enum diag_code)code);
        assert_int_equal(strlen(name), 5);
        assert_true(name[0] == 'E' || name[0] == 'W');
        assert_true(strlen(diag_code_title((enum diag_code)code)) > 2);
        if (code && name[0] == diag_code_name((enum diag_code)(code - 1))[0])
            assert_true(strcmp(diag_code_name((enum diag_code)(code - 1)), name) < 0);
    }
}

static bool report(struct failing_allocator *failing, const void *data)
{
    (void)data;
    struct arena *arena = arena_create(&failing->allocator);
    struct diagnostics diagnostics = {.arena = arena};
    const struct source source = {"a.ein", "some text", 9};
    struct text text = text_create(arena);
    uint32_t number = diag_add_source(&diagnostics, &source);
    for (uint32_t i = 0; i < 30; i++) {
        struct diag *diag = diag_error(&diagnostics, DIAG_E0001, (struct span){number, 0, i}, "message %u of some length", i);
        diag_label(&diagnostics, diag, "label");
        for (int k = 0; k < 40; k++)
            diag_note(&diagnostics, diag, (struct span){number, 1, 2}, "note %d", k);
        diag_help(&diagnostics, diag, "help");
    }
    diag_print(&text, &diagnostics, false);
    bool done = diagnostics.n_errors == 30 && text_finish(&text) != NULL;
    assert_int_equal(done, !arena_failed(arena));
    arena_destroy(arena);
    return done;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    each_allocation_fails(report, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(several_lines_in_one_snippet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(labels_on_one_line_share_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(notes_in_another_file_and_in_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tabs_utf8_and_control_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(points_at_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_lines_are_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_place_at_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(repeats_are_dropped_and_errors_limited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(color_only_when_asked, set_up, tear_down),
        cmocka_unit_test(every_code_has_its_name),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
