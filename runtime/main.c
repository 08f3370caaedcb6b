/* The command `einc`: finds the command by name in commands.def and runs it in a context of its own. */
#include "command.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    bool derives;
    const char *synopsis, *summary, *help;
    int (*run)(struct invocation *invocation, int argc, char **argv);
};

#define COMMAND_AS(word, name, derives, synopsis, summary, help) {word, derives, synopsis, summary, help, command_##name},
static const struct command commands[] = {
#include "commands.def"
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const char derivatives_help[] =
    "  --gradient=A,b    beside each kernel with inputs A and b, its vector-Jacobian product; KERNEL:A,b for one\n"
    "  --adjoint=u       the same of kernels linear in u, which is checked\n";
static const char common_help[] =
    "  --dims E=100,...  sizes of run-time dims\n"
    "  --memory-limit=B  bytes of scratch a kernel may have; K, M, G stand for 2^10, 2^20, 2^30\n"
    "  --ram-limit=B     bytes of scratch and local arrays a kernel may have\n"
    "  --flash-limit=B   bytes of tables and code, as estimated, the file may have: structure is chosen for it\n"
    "  --optimize=WHAT   speed (default); size: short code rather than fast; flops: as few as are known\n"
    "  --scan-chunk=Q    steps of a chunk where a scan takes chunk form, or none; chosen by cost if not given\n"
    "  --diagnostics=json  diagnostics as JSON, for editors\n"
    "  --target=NAME     generic (default), avx2, avx512, neon, embedded, cortex-m0, cortex-m4,\n"
    "                    cortex-m7, cortex-m55, rv32, host, or a file from einc machine\n"
    "  --slots=S         schedules on ciphertexts of S slots; --levels=L, --keys=K: at most; --layout=x=rowmajor\n"
    "  --cost=latency    schedules that take the least time rather than the fewest rotations; --times=FILE: of operations\n"
    "  --range=NAME=A:B  where elements of an input, or arguments of a function, lie on ciphertexts; --within=TOL: how near\n"
    "  --threads=openmp  code for several threads; openmp:N divides evenly among N; none (default)\n"
    "  --tune=FILE       how products are cut, as einc tune measured it\n"
    "  --trace           rules that fired and choices made, on standard error\n"
    "  --help            this text\n";

static void print_help(FILE *file)
{
    fputs("einc compiles einsums and structured layers into fast kernels.\n\nusage: einc COMMAND ...\n\n", file);
    for (size_t k = 0; k < COMMAND_COUNT; k++)
        fprintf(file, "  %-8s  %s\n", commands[k].name, commands[k].summary);
    fputs("\neinc COMMAND --help says more; einc --version the version and its engines.\n", file);
}

static void print_command_help(const struct command *command)
{
    printf("usage: einc %s %s\n\n%s\n\n%s%s%s", command->name, command->synopsis, command->summary, command->help,
           command->derives ? derivatives_help : "", common_help);
}

/* The version, and the engines this build has. */
static void print_version(void)
{
    size_t count;
    const struct engine_info *engines = engine_table(&count);
    printf("einc %s\nengines:", EINC_VERSION);
    for (size_t k = 0; k < count; k++)
        printf(" %s", engines[k].name);
    putchar('\n');
}

static const struct command *find_command(const char *name)
{
    for (size_t k = 0; k < COMMAND_COUNT; k++)
        if (strcmp(commands[k].name, name) == 0)
            return &commands[k];
    return NULL;
}

static bool asks_help(int argc, char **argv)
{
    for (int k = 0; k < argc; k++)
        if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-h") == 0)
            return true;
    return false;
}

/* Standard output is a file like any other: a full disk must not look like success. */
static int flush(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("einc: standard output");
    return status ? status : EXIT_INPUT;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return flush(EXIT_DONE);
    }
    if (strcmp(argv[1], "--version") == 0) {
        print_version();
        return flush(EXIT_DONE);
    }
    const struct command *command = find_command(argv[1]);
    if (!command)
        return usage_error("there is no command `%s`; einc --help lists them", argv[1]);
    if (asks_help(argc - 2, argv + 2)) {
        print_command_help(command);
        return flush(EXIT_DONE);
    }
    struct invocation invocation = {
        .context = ir_context_create(NULL), .derives = command->derives, .levels = PACKING_ANY, .keys = PACKING_ANY};
    if (!invocation.context) {
        fputs("einc: out of memory\n", stderr);
        return EXIT_LIMIT;
    }
    int status = command->run(&invocation, argc - 2, argv + 2);
    ir_context_destroy(invocation.context);
    return flush(status);
}
