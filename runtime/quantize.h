/* Between the files of `einc quantize`: command_quantize.c drives and reports, command_quantize_samples.c gives a kernel its
 * samples, command_quantize_measure.c runs them. */
#ifndef RUNTIME_QUANTIZE_H
#define RUNTIME_QUANTIZE_H

#include "command.h"

/* ---- samples ---- */

/* Arrays for inputs: of one sample, or of several along a first axis more. */
struct sample_part {
    const char *name; /* NULL: of the only input */
    struct ir_tensor array;
};
struct samples {
    struct sample_part *parts; /* several of one name follow each other */
    size_t n_parts, capacity;
};
/* The arrays of all words `[NAME=]x.npy[,...]`. False after a diagnostic. */
bool samples_read(struct invocation *invocation, const struct option_list *words, const struct ir_program *program,
                  struct samples *samples);
/* How many samples the kernel has; 0 after a diagnostic: an input has no array, or two have different numbers. */
size_t samples_count(struct invocation *invocation, const struct samples *samples, const struct ir_kernel *kernel);
/* Sample `number`: the arrays as they are, and the dims they bind. False after a diagnostic. */
bool samples_bind(struct invocation *invocation, const struct samples *samples, const struct ir_kernel *kernel, size_t number,
                  struct ir_tensor *inputs, int64_t *dims);

/* ---- tensors of the source ---- */

enum tensor_part { PART_CONSTANT, PART_INPUT, PART_LET, PART_OUTPUT };
struct quantized {
    const char *kernel; /* NULL: a constant */
    const char *name;
    enum tensor_part part;
    struct span span;
    bool is_float; /* else it stays as it is */
    double low, high;
    double scale;
    const char *file;            /* of a constant in a file: the one it goes to; else NULL */
    struct ir_tensor numbers;    /* a constant's, as f64 where it is of floats; then as integers */
    double error, signal, noise; /* an output's: largest error, sums of squares */
};
struct quantization {
    struct invocation *invocation;
    const char *type; /* q7, q15 */
    int bits;
    struct samples samples;
    struct ir_program *program; /* as written */
    struct quantized *tensors;
    size_t n_tensors, capacity;
    struct ir_tensor **values; /* of each kernel, sample and output of floats its values, as f64 */
};
struct quantized *quantization_find(const struct quantization *quantization, const char *kernel, const char *name);

/* A text that stands for the source, and how places in it are places of the source. */
struct stage {
    const char *text;
    const struct frontend_edits *edits[3]; /* the last first */
    size_t n_edits;
};
/* The outputs' values, by the source in f64. */
bool quantization_evaluate(struct quantization *quantization, const struct stage *stage);
/* Ranges of all tensors, by the text in steps and f64. */
bool quantization_measure(struct quantization *quantization, const struct stage *stage);
/* Errors of the outputs, by the text in fixed point. */
bool quantization_compare(struct quantization *quantization, const struct stage *stage);
/* The least power of two that holds the range when it is rounded to so many bits; 0: there is none. */
double quantization_scale(double low, double high, int bits);

#endif
