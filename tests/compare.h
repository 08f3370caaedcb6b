/* Comparing results with the reference's. */
#ifndef TESTS_COMPARE_H
#define TESTS_COMPARE_H

#include "ir/ir.h"

/* Half a unit in the last place of the narrowest float type that a kernel calculates in: 2^-24 or 2^-53. */
double kernel_roundoff(struct ir_context *context, const struct ir_kernel *kernel);
/* Elements of a tensor. */
size_t tensor_count(const struct ir_tensor *tensor);
/* Two results modulo the prime: the same shape and the same residues. */
bool tensors_same_residues(const struct ir_tensor *a, const struct ir_tensor *b);
/* Two results in NUMBERS of one type: the same shape and, element by element, equal or both not a number (0 and -0 are equal). */
bool tensors_equal(const struct ir_tensor *a, const struct ir_tensor *b);
/* The same, and zeros have one sign. */
bool tensors_identical(const struct ir_tensor *a, const struct ir_tensor *b);
/* Two results in NUMBERS. Integers and bool must be equal; floats and complex numbers differ by at most `factor` times the
 * magnitude that IR_EVAL_BOUND gave for the element (componentwise). Elements whose magnitude is infinite or not a number are not
 * compared: a reordered sum may overflow there. `*worst` (may be NULL) grows to the largest difference / magnitude met. */
bool tensors_close(const struct ir_tensor *a, const struct ir_tensor *b, const struct ir_tensor *magnitude, double factor,
                   double *worst);

#endif
