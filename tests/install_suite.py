#!/usr/bin/python3
"""What `cmake --install` gives: programs outside of einc's tree are built against it by CMake and by pkg-config, and run.

The library shows the functions of einc.h and no others, the tree works where it is moved to, the man page and the completion know every
command and option that the command knows.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import suites

PROJECT = """cmake_minimum_required(VERSION 3.18)
project(outside C)
find_package(einc {version} REQUIRED)
add_executable(outside main.c)
target_link_libraries(outside PRIVATE einc::einc)
einc_add_kernel(outside scale.ein TARGET avx2 OPTIONS --dims n=3)
"""
MACHINE_CODE = """add_executable(machine main.c)
target_link_libraries(machine PRIVATE einc::einc)
einc_add_kernel(machine scale.ein EMIT obj OPTIONS --cpu=x86-64)
"""
SOURCE = "dim n\nkernel scale(x: f64[n]) -> (y: f64[n]) { y[i] = 2 * x[i] }\n"
# The emitted kernel where there is one, and the library with every engine, or the one that is named.
PROGRAM = """#include <einc.h>
#include <stdio.h>
#include <string.h>
#ifndef WITHOUT_KERNEL
#include "scale.h"
#endif

int main(int argc, char **argv)
{
    for (const char *const *engine = einc_engines(); *engine; engine++) {
        if (argc > 1 && strcmp(*engine, argv[1]) != 0)
            continue;
        struct einc_options options = {.size = sizeof options, .engine = *engine};
        struct einc_context *context = einc_context_create(NULL, &options);
        struct einc_program *program;
        const struct einc_kernel *kernel;
        double x[3] = {1, 2, 3}, y[3] = {0};
        int64_t shape[1] = {3};
        DLTensor a = {.data = x, .device = {kDLCPU, 0}, .ndim = 1, .dtype = {kDLFloat, 64, 1}, .shape = shape}, b = a;
        b.data = y;
        const DLTensor *tensors[] = {&a, &b};
        if (einc_compile(context, "dim n\\nkernel f(x: f64[n]) -> (y: f64[n]) { y[i] = 10 * x[i] }", NULL, &program) ||
            einc_find_kernel(program, "f", &kernel) || einc_kernel_run(kernel, 2, tensors, NULL)) {
            printf("%s\\n", einc_report_text(einc_take_report(context)));
            return 1;
        }
        printf("%s %g %g %g\\n", *engine, y[0], y[1], y[2]);
        einc_program_destroy(program);
        einc_context_destroy(context);
    }
#ifndef WITHOUT_KERNEL
    double u[3] = {4, 5, 6}, v[3];
#ifdef WITH_DIM
    scale(3, u, v);
#else
    scale(u, v);
#endif
    printf("%g %g %g\\n", v[0], v[1], v[2]);
#endif
    return 0;
}
"""


def run(*words, **options):
    try:
        return subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    except OSError as error:  # what was not built does not run
        return subprocess.CompletedProcess(words, 127, "", str(error))


def output(done):
    return done.stdout + done.stderr


def options_of(help_text):
    return set(re.findall(r"^  (--?[a-z][a-z-]*)", help_text, re.M))


def plain(roff):
    """The words of a page without its fonts."""
    text = "\n".join(line for line in roff.splitlines() if not line.startswith('.\\"'))
    text = re.sub(r"^\.[A-Z]{1,2} ?", "", re.sub(r"\\f[A-Z]", "", text.replace("\\-", "-")), flags=re.M)
    return text.replace('"', "")


class Installed:
    def __init__(self, suite, prefix, compiler):
        self.suite, self.prefix, self.compiler = suite, prefix, compiler
        self.libraries = next(prefix.rglob("libeinc.so")).parent
        self.einc = prefix / "bin" / "einc"
        self.engines = ["auto", *suites.engines(self.einc)]

    def expect(self, what, done, with_kernel):
        lines = [f"{engine} 10 20 30" for engine in self.engines] + (["8 10 12"] if with_kernel else [])
        self.suite.check(what, done.returncode == 0 and sorted(done.stdout.splitlines()) == sorted(lines), output(done))

    def by_cmake(self, folder):
        (folder / "main.c").write_text(PROGRAM)
        (folder / "scale.ein").write_text(SOURCE)
        has_llvm = "llvm" in self.engines
        version = run(self.einc, "--version").stdout.split()[1]
        (folder / "CMakeLists.txt").write_text(PROJECT.format(version=version) + (MACHINE_CODE if has_llvm else ""))
        build = folder / "build"
        done = run("cmake", "-S", folder, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_C_COMPILER={self.compiler}",
                   "-DCMAKE_C_FLAGS=-std=c11 -Wall -Wextra -Werror")
        self.suite.check("a project finds the package", done.returncode == 0, output(done))
        done = run("cmake", "--build", build, "--target", "outside")
        self.suite.check("a project builds with a kernel", done.returncode == 0, output(done))
        self.expect("a program built by CMake runs", run(build / "outside"), True)
        if has_llvm:
            (folder / "main.c").write_text("#define WITH_DIM\n" + PROGRAM)
            done = run("cmake", "--build", build, "--target", "machine")
            self.suite.check("a project builds with machine code", done.returncode == 0, output(done))
            self.expect("a program with machine code runs", run(build / "machine"), True)
        (folder / "CMakeLists.txt").write_text(PROJECT.format(version="99.0"))
        done = run("cmake", "-S", folder, "-B", folder / "late", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.suite.check("a later version is not found", done.returncode != 0 and "99.0" in output(done), output(done))

    def by_pkg_config(self, folder):
        (folder / "plain.c").write_text("#define WITHOUT_KERNEL\n" + PROGRAM)
        environment = dict(os.environ, PKG_CONFIG_PATH=str(self.libraries / "pkgconfig"))
        flags = run("pkg-config", "--cflags", "--libs", "einc", env=environment)
        self.suite.check("pkg-config knows einc", flags.returncode == 0, output(flags))
        done = run(self.compiler, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", folder / "plain.c", "-o", folder / "plain",
                   *flags.stdout.split())
        self.suite.check("a program is built by pkg-config's words", done.returncode == 0, output(done))
        environment = dict(os.environ, LD_LIBRARY_PATH=str(self.libraries))
        self.expect("a program built by pkg-config runs", run(folder / "plain", env=environment), False)

    def without_llvm(self, folder):
        """The program of `by_pkg_config` where the part that needs LLVM is not there: the rest runs."""
        if "llvm" not in self.engines:
            return
        next(self.prefix.rglob("libeinc_llvm.so")).unlink()
        environment = dict(os.environ, LD_LIBRARY_PATH=str(self.libraries))
        for engine in self.engines:
            done = run(folder / "plain", engine, env=environment)
            if engine == "llvm" or (engine == "auto" and "tcc" not in self.engines):
                good = done.returncode == 1 and "error[E0815]" in done.stdout and "libeinc_llvm.so" in done.stdout
            else:
                good = done.returncode == 0 and done.stdout == f"{engine} 10 20 30\n"
            self.suite.check(f"engine {engine} without libeinc_llvm.so", good, output(done))

    def by_python(self):
        """The package of the tree on the installed libraries."""
        environment = dict(os.environ, PYTHONPATH="python", EINC_LIBRARY=str(self.libraries / "libeinc.so"), PYTHONDONTWRITEBYTECODE="1")
        done = run("/usr/bin/python3", "examples/python/power_method.py", env=environment)
        self.suite.check("the Python package runs", done.returncode == 0 and done.stdout.startswith("3.618"), output(done))

    def shown(self):
        header = (self.prefix / "include" / "einc.h").read_text()
        header = re.sub(r"/\*.*?\*/|^typedef .*?;", "", header, flags=re.S | re.M)
        declared = set(re.findall(r"\b(einc_[a-z_]+)\(", header))
        printed = run("nm", "-D", "--defined-only", self.libraries / "libeinc.so").stdout
        found = {line.split()[2].split("@")[0] for line in printed.splitlines() if line.split()[1] != "A"}
        self.suite.check("the library shows the functions of einc.h", declared == found and len(declared) > 20,
                         f"only declared: {declared - found}\nonly shown: {found - declared}")

    def page(self):
        page = next(self.prefix.rglob("einc.1"))
        text = " ".join(plain(page.read_text()).split())
        sections = re.split(r"^\.S[SH] ", page.read_text(), flags=re.M)
        known = {section.splitlines()[0]: plain(section) for section in sections[1:]}
        general = known["OPTIONS OF EVERY COMMAND"]
        for command in re.findall(r"^  ([a-z-]+)  ", run(self.einc, "--help").stdout, re.M):
            help_text = run(self.einc, command, "--help").stdout
            usage = help_text.splitlines()[0].removeprefix("usage: ")
            self.suite.check(f"the man page has `{usage}`", usage in text)
            words = known.get(f"einc {command}", "") + general
            missing = [option for option in options_of(help_text) if not re.search(rf"^{option}\b", words, re.M)]
            self.suite.check(f"the man page has the options of {command}", not missing, str(missing))
        if shutil.which("groff"):
            done = run("groff", "-man", "-Tutf8", "-ww", "-z", page)
            self.suite.check("the man page is right roff", done.returncode == 0 and not done.stderr, done.stderr)

    def complete(self, *words):
        script = next(path for path in self.prefix.rglob("einc") if path.parent.name == "completions")
        line = " ".join(f"'{word}'" for word in words)
        done = run("bash", "-c", f'. {script}; COMP_WORDS=("{self.einc}" {line}); COMP_CWORD={len(words)}; _einc; echo "${{COMPREPLY[@]}}"')
        return done.stdout.split()

    def completion(self):
        commands = re.findall(r"^  ([a-z-]+)  ", run(self.einc, "--help").stdout, re.M)
        self.suite.check("commands are completed", set(self.complete("")) == {*commands, "--help", "--version"}, str(self.complete("")))
        self.suite.check("a command is completed", self.complete("exp") == ["explain"])
        for command in commands:
            options = {option.rstrip("=") for option in self.complete(command, "-")}
            known = options_of(run(self.einc, command, "--help").stdout)
            self.suite.check(f"options of {command} are completed", options == known, f"{options} {known}")
        engines = self.complete("run", "--engine", "=", "")
        self.suite.check("engines are completed", engines == self.engines[1:], str(engines))
        self.suite.check("values are completed", self.complete("einsum", "--ring", "=", "min") == ["minplus"])
        forms = self.complete("build", "--emit", "=")
        help_text = run(self.einc, "build", "--help").stdout
        self.suite.check("forms are completed", forms and all(re.search(rf"\b{form}\b", help_text) for form in forms), str(forms))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--compiler", default="cc")
    arguments = parser.parse_args()
    suite = suites.Suite(arguments.build / "einc")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        prefix, moved = scratch / "prefix", scratch / "moved"
        done = run("cmake", "--install", arguments.build, "--prefix", prefix)
        suite.check("the build is installed", done.returncode == 0, output(done))
        for name, place in ("first", prefix), ("second", moved):
            folder = scratch / name
            folder.mkdir()
            installed = Installed(suite, place, arguments.compiler)
            installed.by_cmake(folder)
            installed.by_pkg_config(folder)
            installed.by_python()
            if place == prefix:
                installed.shown()
                installed.page()
                installed.completion()
                prefix.rename(moved)
        installed.without_llvm(folder)
    raise SystemExit(suite.close())


if __name__ == "__main__":
    main()
