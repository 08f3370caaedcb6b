#!/usr/bin/python3
"""Plants wrong rewrites in the passes, one at a time, and asks whether exact validation finds them.

A fault is a patch of one source file: a text that occurs there once, and what stands in its place. The patched file is compiled by
itself, as the build compiles it but for optimisation, and linked in front of the libraries of the build with the program that
validates programs: random ones, those that were wrong once, and if need be many random ones more. The product knows nothing of it. A
fault that is not found in PROGRAMS programs, or whose text is not there any more, fails the test. Closes with `N passed, N failed`.
"""
import argparse
import concurrent.futures
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

PROGRAMS = 100000  # the rarest is found by the 86000th
NEAR = 100  # programs from where a rare one was found last
SOON = 1000  # programs before those that were wrong once, which take as long as 2000
SOURCE = pathlib.Path(__file__).resolve().parent.parent
CASES = sorted(map(str, (SOURCE / "tests/cases/programs").glob("*.eir")))  # what was wrong once

# (what is wrong, file, text, wrong text) and, of a rare one, the seed that found it last; it may be another when the generator changes
FAULTS = [
    # ---- lower_solve ----
    ("a multiple is taken from the column where it is kept", "passes/lower_solve.c",
     "symmetric ? i : next(solving, k)", "symmetric ? i : k"),
    ("rows are exchanged from the pivot on, multiples stay", "passes/lower_solve.c",
     "return over_inner(solving, COLUMN, poly_constant(solving->context, 0), sequence(3, parts));",
     "return over_inner(solving, COLUMN, k, sequence(3, parts));"),
    ("the last substitution does not divide", "passes/lower_solve.c",
     "{true, !solving->transposed || solver == IR_SOLVER_upper}", "{true, solver == IR_SOLVER_upper}"),
    ("of a symmetric matrix what lies above the diagonal is read", "passes/lower_solve.c",
     "bool turns = node->solve.solver == IR_SOLVER_cholesky;", "bool turns = false;"),
    ("right sides are not exchanged as rows were", "passes/lower_solve.c",
     "if (pivots && !solving->transposed)", "if (pivots && solving->made.node == NULL)"),
    # ---- simplify ----
    ("a view that conjugates loses it when another is read through it", "passes/simplify_views.c",
     "composed->conjugate = view->operands[0].conjugate != access->conjugate;", "composed->conjugate = access->conjugate;"),
    ("the fill of a conjugated padded view is not conjugated", "passes/simplify_views.c",
     "seen = access->conjugate ? conjugated(*inner) : *inner;", "seen = *inner;", 2364),
    ("a guard is carried over though only the view in between is left", "passes/simplify_views.c",
     "!leaves_with_axis(context, view, k))\n            return false;", "!leaves_with_axis(context, view, k))\n            return true;"),
    ("a fill goes when the subscript is not negative, whatever its largest value", "passes/simplify_views.c",
     "if (!poly_prove_within(simplifying->context, access.subscripts[k], access.node->shape[k], &ranges))",
     "if (!poly_prove_nonnegative(simplifying->context, access.subscripts[k], &ranges))"),
    ("a constant is rearranged in the order of its axes swapped", "passes/simplify_views.c",
     "for (uint32_t k = rank; k-- > 0;) {\n        if (++indices[k] < extents[k])",
     "for (uint32_t k = 0; k < rank; k++) {\n        if (++indices[k] < extents[k])", 1846),
    ("what is summed n times counts once", "passes/simplify_contract.c",
     "with_names(simplifying, node, k, times_extent(simplifying, fewer, extent))", "with_names(simplifying, node, k, fewer)"),
    ("a sum over nothing is the ring's one", "passes/simplify_contract.c",
     "struct ir_number zero = ir_ring_zero(", "struct ir_number zero = ir_ring_one("),
    ("a summed index of extent 2 is taken for one of 1", "passes/simplify_contract.c",
     "if (poly_equals(node->extents[k], 1))", "if (poly_equals(node->extents[k], 2))"),
    ("products are taken to be idempotent", "passes/simplify_contract.c",
     "ring == IR_RING_orand || ring == IR_RING_andor;", "ring == IR_RING_orand || ring == IR_RING_prod;"),
    ("a factor of ones goes though it is filled with another number", "passes/simplify_contract.c",
     "bool same_fill = !access->fill || ir_number_equal(*access->fill, one);", "bool same_fill = true;", 3698),
    ("a single operand under a condition is a view", "passes/simplify_contract.c",
     "node->n_indices != node->rank || node->contract.n_domain > 0 ||", "node->n_indices != node->rank ||"),
    ("two accesses are one though only one conjugates", "passes/simplify_maps.c",
     "a->node != b->node || a->conjugate != b->conjugate ||", "a->node != b->node ||"),
    # ---- structure ----
    ("of an opposite matrix the other sum stands in the middle", "passes/structure_even_odd.c",
     "*first = found->opposite ? odd : even, *second = found->opposite ? even : odd;", "*first = even, *second = odd;"),
    ("the last rows stand in the order of the first", "passes/structure_even_odd.c",
     "joined(context, first, line(context, first, half - 1, -1), second, line(context, second, half - 1, -1), half, IR_EXPR_sub)",
     "joined(context, first, line(context, first, 0, 1), second, line(context, second, 0, 1), half, IR_EXPR_sub)"),
    # ---- chunk_scan ----
    ("decays within a chunk begin a step too early", "passes/chunk_build.c",
     "!add_decay(product, &contraction, poly_add(context, step, number(form, 1)))", "!add_decay(product, &contraction, step)"),
    ("the state before a step holds what the step adds", "passes/chunk_build.c",
     "    if (!product->after)\n        ahead = poly_subtract(context, ahead, number(form, 1));\n", "", 5587),
    ("a state before its step has decayed by that step", "passes/chunk_build.c",
     "product->after ? parts->products : parts->products_before", "parts->products", 4367),
    ("a scan that runs down is cut into chunks that run up", "passes/chunk_build.c",
     "return form->scan->scan->backward ? poly_subtract(context, last, time) : time;", "(void)last;\n    return time;"),
    ("steps of chunks that run down are joined as if they ran up", "passes/chunk_build.c",
     "    if (form->scan->scan->backward)\n        time = poly_subtract(", "    if (false)\n        time = poly_subtract("),
    ("what is added in a chunk decays from its own step on", "passes/chunk_build.c",
     "head[2] = {chunk, poly_add(context, step, number(form, 1))};", "head[2] = {chunk, step};"),
    ("what is subtracted from a state is added", "passes/chunk_linear.c",
     "plus(context, expr->op, a[0].rest, a[1].rest)};", "plus(context, IR_EXPR_add, a[0].rest, a[1].rest)};"),
    ("a negated state keeps the sign of what was added before", "passes/chunk_linear.c",
     "plus(context, IR_EXPR_sub, NULL, a[0].rest)};", "a[0].rest};"),
    ("a factor of the whole equation is one of the state alone", "passes/chunk_linear.c",
     "times(context, with->rest, factor->rest)};", "with->rest};"),
    ("slices forget that they are conjugated outside of the step", "passes/chunk_lift.c",
     "result.conjugate = operand->conjugate != access->conjugate;", "result.conjugate = access->conjugate;", 1341),
    ("a fill of a slice is read outside of the tensor instead", "passes/chunk_lift.c",
     "if (access->fill || (access->conjugate && operand->fill)) {", "if (access->conjugate && operand->fill) {", 1287),
    ("what a slice is filled with is not conjugated", "passes/chunk_lift.c",
     "if (access->fill || (access->conjugate && operand->fill)) {", "if (access->fill) {"),
    # ---- what keeps an access inside ----
    ("an access needs only what its subscripts use", "ir/atoms.c",
     "bool inside = stays_inside(context, access, space);", "bool inside = true;"),
    ("a sum of negative extent is cut into vectors", "passes/partial_sums.c",
     "if (!is_sum(&splitting) || !product_runs_forward(kernel, loop))", "if (!is_sum(&splitting))"),
    # ---- microcontrollers: jam, dot, turn_axes ----
    ("the last results of a sum are those of the tile before", "passes/jam.c",
     "const struct poly *done = poly_subtract(context, end, rest);", "const struct poly *done = poly_subtract(context, end, by);"),
    ("copies of a result share a local", "passes/jam.c",
     "if (list->op == LOOP_DEFINE && !rename_local(jamming, list->local.local))", "if (list->op == LOOP_DEFINE && jamming->copies < 1)"),
    ("terms behind the last whole step are left out", "passes/dot.c",
     "struct loop_stmt *last = list && !poly_equals(rest, 0) ?", "struct loop_stmt *last = list && poly_equals(rest, 0) ?"),
    ("all parts of a step add the same terms", "passes/dot.c",
     "poly_scale(context, poly_index(context, part), stepping->terms)", "poly_scale(context, poly_index(context, part), 0)"),
    ("axes are turned where a sum does not say which", "passes/turn_axes.c",
     "turning->refused |= turning->axis != UINT32_MAX && turning->axis != axis;", "turning->refused = false;"),
    ("an address is turned and its tensor is not", "passes/turn_axes.c",
     "list->store.address = visit_place(turning, list->store.address, UINT32_MAX);",
     "(void)visit_place(turning, list->store.address, UINT32_MAX);"),
    ("a table is looked for among the states of a step", "passes/lower_checks.c",
     "while (lowering->outside)\n        lowering = lowering->outside;\n",
     "while (lowering->outside && !lowering->places[node->id].placed)\n        lowering = lowering->outside;\n"),
    # ---- deltas ----
    ("an index is solved with the wrong sign", "passes/deltas.c",
     "digits->number = poly_scale(context, rest, -sign);", "digits->number = poly_scale(context, rest, sign);", 20090),
    ("a value outside its extent is put for an index", "passes/deltas.c",
     "(!guarded && !poly_prove_within(context, number, weight, &ranges))", "false"),
    ("a condition on the solved index goes with it", "passes/deltas.c",
     "node->contract.n_domain, domain, 0, NULL, false, node->contract.named});\n    const struct ir_name *name",
     "0, domain, 0, NULL, false, node->contract.named});\n    const struct ir_name *name", 3642),
    # ---- split_indices ----
    ("digits are put together in the wrong order", "passes/split_indices.c",
     "sum = poly_add(context, sum, poly_scale(context, poly_index(context, digits->count), size));",
     "sum = poly_add(context, sum, poly_index(context, digits->count));"),
    ("an extent that the cut does not divide is split", "passes/split_indices.c",
     "bool exact = high && poly_scale(context, high, cuts->sizes[k]) == extent;", "bool exact = high;"),
    # ---- flatten ----
    ("contractions of different rings become one", "passes/flatten.c",
     "if (node->contract.ring != outer->ring || ", "if ("),
    ("a contraction is taken in without its condition", "passes/flatten.c",
     "node->contract.accumulator != outer->accumulator || node->contract.n_domain ||",
     "node->contract.accumulator != outer->accumulator ||"),
    ("a contraction is taken in without conjugating its operands", "passes/flatten.c",
     "moved = conjugate_access(context, moved);", "(void)0;"),
    ("a conjugated pad keeps its number", "passes/flatten.c",
     "access.fill->re, -access.fill->im)", "access.fill->re, access.fill->im)", 8747),
    ("what is outside is no longer filled once a contraction is taken in", "passes/flatten.c",
     "if (access->fill || !is_single_use(flattening, access->node)", "if (!is_single_use(flattening, access->node)", 1069),
    ("a difference is taken for a product", "passes/flatten.c",
     "return expr->op == ir_ring_info(product->ring)->multiply &&", "return expr->n_arguments == 2 &&"),
    # ---- order ----
    ("the root of an order loses its first condition", "passes/order_build.c",
     "for (uint32_t k = 0; k < root->contract.n_domain; k++)\n        contraction_add_condition(",
     "for (uint32_t k = 1; k < root->contract.n_domain; k++)\n        contraction_add_condition("),
    ("an index that no operand has is not summed", "passes/order_build.c",
     "if (!order_has(&held, index)) /* summed, but in no operand: a factor of its extent, taken here */", "if (false && !order_has(&held, index))"),
    ("only the first of several literals is multiplied with", "passes/order_scale.c",
     "for (uint32_t k = 1; body && k < problem->n_literals; k++)", "for (uint32_t k = 2; body && k < problem->n_literals; k++)"),
    # ---- mask_domains ----
    ("where `a <= b` does not hold, a is b at least", "passes/mask_domains.c",
     "return holds ? add_condition(context, conditions, b, a, 0) : add_condition(context, conditions, a, b, 1);",
     "return holds ? add_condition(context, conditions, b, a, 0) : add_condition(context, conditions, a, b, 0);", 4419),
    ("the negation of a mask is the mask", "passes/mask_domains.c",
     "return read_mask(context, expr->arguments[0], !holds, conditions);", "return read_mask(context, expr->arguments[0], holds, conditions);"),
    ("one mask or another are both", "passes/mask_domains.c", "(expr->op == IR_EXPR_or && !holds))", "expr->op == IR_EXPR_or)", 3254),
    ("a mask that hides its elements shows them", "passes/mask_domains.c",
     "!read_mask(masking->context, choice->arguments[0], zero_else, &conditions)", "!read_mask(masking->context, choice->arguments[0], true, &conditions)"),
    ("any number beside a mask is taken for the zero of the ring", "passes/mask_domains.c",
     "return expr->op == IR_EXPR_literal && ir_number_equal(", "return expr->op == IR_EXPR_literal || ir_number_equal("),
    ("a masked element forgets that the sum conjugates it", "passes/mask_domains.c",
     "bool conjugate = operands[k].conjugate != map->operands[body->operand].conjugate;",
     "bool conjugate = map->operands[body->operand].conjugate;", 2810),
    ("what a masked element is filled with is not conjugated", "passes/mask_domains.c",
     "body->op == IR_EXPR_operand && operands[k].conjugate && map->operands[body->operand].fill;", "false;", 86000),
    ("both halves of a sum run over the same triangle", "passes/mask_domains.c",
     "restricted(masking, node, k, choice->arguments[2], otherwise)};", "restricted(masking, node, k, choice->arguments[2], then)};"),
    # ---- fuse ----
    ("views between maps forget to conjugate", "passes/fuse.c", "below.conjugate ^= access.conjugate;", ""),
    ("a map is moved into another without the conjugate of the access", "passes/fuse.c",
     "return body && access.conjugate && ir_elem_is_complex(body->elem) ? ir_expr_apply(context, IR_EXPR_conj, 1, &body) : body;",
     "return body;"),
    ("a map under a pad is moved out of it", "passes/fuse.c",
     "if (access.node->op != IR_map_node || access.fill || is_kept(", "if (access.node->op != IR_map_node || is_kept("),
    ("accesses of one tensor are the same whether conjugated or not", "passes/fuse_plan.c",
     "if (a->node != b->node || a->conjugate != b->conjugate || a->fill", "if (a->node != b->node || a->fill"),
    ("any value of the same operands is the one to be shared", "passes/fuse_share.c",
     "ir_expr_replace(context, whole->body, value,",
     "ir_expr_replace(context, whole->body, whole->body->n_arguments && whole->body->arguments[0]->elem == part->elem ? "
     "whole->body->arguments[0] : value,"),
    # ---- factor ----
    ("what is subtracted is added where a factor is common", "passes/factor.c",
     "contract_sum(factoring, match, sum->is_negative[a] != sum->is_negative[b],", "contract_sum(factoring, match, sum->is_negative[b] && sum->n > 2,"),
    ("axes of what is added are the same by their number, not by their index", "passes/factor.c",
     "while (y < rank && b[y] != a[x])\n            y++;", "y = x;"),
    # ---- gather, fuse_stages ----
    ("what is gathered of a part of a table is taken for all of it", "passes/gather.c",
     "whole.is_whole = is_dense(gathering, &place, rest) && is_radix(", "whole.is_whole = is_dense(gathering, &place, rest) || is_radix("),
    ("what a stage adds to is looked up by another one's number", "passes/gather.c",
     "        number = at;\n", ""),
    ("lanes behind the end add as well", "passes/fuse_blocks.c",
     "struct loop_stmt *part = apart_lanes(placing, stage, zero, rest, false);",
     "struct loop_stmt *part = apart_lanes(placing, stage, zero, NULL, false);"),
    ("stages are fused whatever they do with each other's rows", "passes/fuse_stages.c",
     "!is_added && (!info->is_moved || info->is_irregular))", "!is_added && !info->is_moved)"),
    ("a stage may read what another one adds to", "passes/fuse_stages.c",
     "bool is_added = !info->is_set && is_alone &&", "bool is_added =", 7719),
    ("of the last block all values are copied out", "passes/fuse_blocks.c",
     "struct loop_stmt *part = copy_squares(copying, zero, rest, false);", "struct loop_stmt *part = copy_squares(copying, zero, NULL, false);"),
    ("what another sum reads as well never reaches memory", "passes/group_stages.c",
     "!handing.is_other && handing.uses == listing->uses[writer->target];", "!handing.is_other;"),
    ("of a sum in registers the last term is left", "passes/group_write.c",
     "return ir_expr_apply(writing->context, combine, 2, (const struct ir_expr *[]){sum, term});", "return term;"),
    # ---- cut_triangles ----
    ("a small triangle has its diagonal though the sum leaves it out", "passes/cut_triangles.c",
     "cut = triangle->is_upper == triangle->has_diagonal ? cut :", "cut = triangle->is_upper ? cut :"),
    ("a square beside the diagonal is what is summed so far", "passes/cut_triangles.c",
     "parts->is_diagonal ? IR_EXPR_OP_COUNT : IR_EXPR_add);", "IR_EXPR_OP_COUNT);"),
    ("above the diagonal rows and columns are those below", "passes/cut_triangles.c",
     "return triangle->is_upper ? upper : lower;", "return triangle->is_upper && lower.count > 1 ? upper : lower;"),
    # ---- lower_loops ----
    ("a vector lies in the order of its matrix by extents in its own", "passes/lower_layout.c",
     "shape[k] = node->shape[order[k]];", "shape[k] = node->shape[k];"),
    ("a guard lets the place behind the last in", "passes/lower_value.c",
     "const struct poly *last = poly_subtract(context, access->node->shape[axis], one);",
     "const struct poly *last = access->node->shape[axis];\n        (void)one;"),
    ("loads forget to conjugate", "passes/lower_value.c",
     "return conjugated(lowering, access, element(lowering, nest, value, access->node, subscripts, finish));",
     "return element(lowering, nest, value, access->node, subscripts, finish);"),
    ("two indices are merged though the outer stride is another", "passes/lower_nest.c",
     "cx != poly_multiply(lowering->context, cy, nest->extents[y])", "cx != poly_multiply(lowering->context, cy, nest->extents[x])"),
    ("a condition that is 0 at most is said to fail", "passes/lower_nest.c",
     "const struct poly *below = poly_constant(lowering->context, -1);", "const struct poly *below = poly_constant(lowering->context, 0);"),
    ("a triangle misses its diagonal", "passes/lower_emit.c",
     "const struct poly *bound = poly_add(context, last, poly_constant(context, 1));", "const struct poly *bound = last;"),
    ("a sum starts at the ring's one", "passes/lower_emit.c",
     "ir_ring_zero(emission->nest->ring, emission->nest->accumulator)", "ir_ring_one(emission->nest->ring, emission->nest->accumulator)"),
    ("the largest integer is the zero of a sum in min", "passes/lower_stage.c",
     "(!ordered || ir_elem_is_float(contract->elem) || absorbs);", "(absorbs || true);\n    (void)ordered;"),
    ("a sum of one term is that term, condition or not", "passes/lower_stage.c",
     "if (!nest->reduces || nest->n_domain)", "if (!nest->reduces)"),
    ("a conjugated view is memory under another shape", "passes/lower_loops.c",
     "!node->operands[0].fill && !node->operands[0].conjugate)", "!node->operands[0].fill)"),
    # ---- concatenations and scatters ----
    ("all boxes of a concatenation lie at its beginning", "passes/lower_value.c",
     "shifted[axis] = poly_add(lowering->context, subscripts[axis], ir_concat_offset(lowering->context, place->box, axis));",
     "shifted[axis] = subscripts[axis];"),
    ("what lies in two concatenations is computed in one of them only", "passes/lower_loops.c",
     "if (lowering->places[box->node->id].box != box && !append_stage", "if (!lowering->places[box->node->id].box && !append_stage"),
    ("a scatter begins with what its place held", "passes/lower_loops.c",
     "if (node->op == IR_scatter_node && !copy && !append_base(lowering, node, place))", "if (node->op == IR_scatter_node && !copy && !node->rank && !append_base(lowering, node, place))"),
    ("what a scatter would add outside of its base is added without its guard", "passes/lower_stage.c",
     "nest->n_kept = (uint32_t)n_kept;", "nest->n_kept = n_kept ? (uint32_t)n_kept - 1 : 0;"),
    ("a scatter adds as sums do, whatever its ring", "passes/lower_stage.c",
     "nest->combine = ir_ring_info(node->scatter.ring)->add;\n    nest->scatters", "nest->combine = ir_ring_info(IR_RING_plustimes)->add;\n    nest->scatters"),
    ("what a scatter adds at an index of no value is added once", "passes/lower_nest.c",
     "nest->nowhere |= nest->scatters && has_empty_index(nest, false);", "nest->nowhere |= false;"),
    # ---- loop passes ----
    ("the product of a conjugate has the sign of the plain one", "passes/split_expr.c",
     "enum ir_expr_op op = a_negative == b_negative ? IR_EXPR_sub : IR_EXPR_add;", "enum ir_expr_op op = IR_EXPR_sub;"),
    ("the conjugate is the number", "passes/split_expr.c",
     "return (struct split_pair){a.re, a.im ? negate(s, a.im) : NULL};", "return a;"),
    ("the imaginary part of a sum with a real number is lost", "passes/split_expr.c",
     "value im = !b.im ? a.im : !a.im ?", "value im = !b.im ? NULL : !a.im ?"),
    ("a buffer may be overwritten in the stage that reads it", "passes/plan_memory.c",
     "return a->first <= b->last && b->first <= a->last;", "return a->first < b->last && b->first < a->last;"),
]


class Build:
    """Compiler calls of the build folder, with one file replaced."""

    def __init__(self, folder, runner):
        self.folder = folder
        self.runner = runner
        self.commands = {entry["file"]: entry for entry in json.loads((folder / "compile_commands.json").read_text())}
        self.libraries = [folder / "tests/libeinc_testing.a"] + \
            [folder / f"{name}/libeinc_{name}.a" for name in ("runtime", "backends", "passes", "frontend", "ir")]

    def compile(self, file, patched, target):
        entry = self.commands[str(SOURCE / file)]
        words = shlex.split(entry["command"])
        words = [word for word in words if not re.fullmatch(r"-O\w|-g|-Werror|ccache|.*/ccache", word)]
        words[words.index("-o") + 1] = str(target)
        words[words.index("-c") + 1] = str(patched)
        words += ["-O0", "-w", "-I", str((SOURCE / file).parent)]
        return subprocess.run(words, cwd=entry["directory"], capture_output=True, text=True)

    def link(self, mutant, target):
        compiler = shlex.split(next(iter(self.commands.values()))["command"])
        compiler = compiler[1] if compiler[0].endswith("ccache") else compiler[0]
        sanitizer = [word for word in shlex.split(self.commands[str(SOURCE / "passes/fuse.c")]["command"]) if word.startswith("-fsanitize")]
        objects = [self.folder / "tests/CMakeFiles/validate_runner.dir/validate_runner.c.o", mutant]
        libraries = [*map(str, self.libraries)]
        return subprocess.run([compiler, *sanitizer, *map(str, objects), *libraries, *libraries, "-lm", "-ldl", "-ljansson", "-o", str(target)],
                              capture_output=True, text=True)


def try_fault(build, folder, number, fault, programs, every):
    """What is wrong with the test of this fault; None: it was found. Beside it what the validator said; None: it was not asked."""
    what, file, old, new, *first = fault
    text = (SOURCE / file).read_text()
    if text.count(old) != 1:
        return f"the text is there {text.count(old)} times", ""
    if number % every != 0:
        return None, None
    patched, mutant, runner = folder / f"{number}_{pathlib.Path(file).name}", folder / f"{number}.o", folder / f"runner_{number}"
    patched.write_text(text.replace(old, new))
    for run in (build.compile(file, patched, mutant), build.link(mutant, runner)):
        if run.returncode != 0:
            return "does not build: " + run.stderr[-2000:], ""
    try:
        for start, count, files in [*((seed, NEAR, []) for seed in first), (1, SOON, []), (1, 0, CASES), (1, programs, [])]:
            run = subprocess.run([str(runner), "--first", str(start), "--count", str(count), "--no-shrink", *files],
                                 capture_output=True, text=True, timeout=600)
            if run.returncode:
                break
    except subprocess.TimeoutExpired:
        return "the validator does not end", ""
    finally:
        runner.unlink()
        mutant.unlink()
    if run.returncode == 1:
        seed = re.search(r"^seed (\d+) is wrong\n.*\n(.*)", run.stdout, re.M)
        return None, f"seed {seed.group(1)}, {seed.group(2)}" if seed else run.stdout[:200]
    return ("not found" if run.returncode == 0 else f"the validator ends with status {run.returncode}"), ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--programs", type=int, default=PROGRAMS)
    parser.add_argument("--only", default="", help="faults whose description holds this")
    parser.add_argument("--every", type=int, default=1, help="tries one fault of so many; of the others only the text is looked up")
    arguments = parser.parse_args()
    build = Build(arguments.build.resolve(), None)
    faults = [fault for fault in FAULTS if arguments.only in fault[0]]
    failed = tried = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda pair: try_fault(build, pathlib.Path(folder), pair[0], pair[1], arguments.programs, arguments.every),
                           enumerate(faults))
        for fault, (problem, found) in zip(faults, results):
            failed += problem is not None
            tried += problem is not None or found is not None
            if problem or found is not None:
                print(f"{'FAILED' if problem else 'found '} {fault[1]}: {fault[0]}" + (f": {problem}" if problem else f" ({found})"), flush=True)
    print(f"{tried - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
