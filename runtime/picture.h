/* Pictures as SVG text: rectangles and words, in pixels from the upper left. The same calls give the same text. */
#ifndef RUNTIME_PICTURE_H
#define RUNTIME_PICTURE_H

#include "ir/base.h"

struct picture {
    struct text body;
    double width, height; /* grown by what is drawn */
};
enum picture_anchor { PICTURE_LEFT, PICTURE_MIDDLE, PICTURE_RIGHT };

struct picture picture_create(struct arena *arena);
/* `fill` and `stroke` are colours of SVG, NULL: none. */
void picture_rectangle(struct picture *picture, double x, double y, double width, double height, const char *fill,
                       const char *stroke);
/* A grid of rows x columns cells over the rectangle; colours row by row, NULL: none. Equal colours are equal pointers. */
void picture_cells(struct picture *picture, double x, double y, double width, double height, size_t rows, size_t columns,
                   const char *const *colours);
/* On the base line y, letters `size` pixels high. */
void picture_words(struct picture *picture, double x, double y, double size, enum picture_anchor anchor, const char *words);
double picture_length(const char *words, double size);
/* The whole file; NULL: no memory. */
const char *picture_finish(struct picture *picture);

#endif
