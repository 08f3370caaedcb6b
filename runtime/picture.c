#include "picture.h"

#include <string.h>

struct picture picture_create(struct arena *arena)
{
    return (struct picture){.body = text_create(arena)};
}

static void grow(struct picture *picture, double right, double below)
{
    picture->width = right > picture->width ? right : picture->width;
    picture->height = below > picture->height ? below : picture->height;
}

void picture_rectangle(struct picture *picture, double x, double y, double width, double height, const char *fill,
                       const char *stroke)
{
    text_printf(&picture->body, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"%s\"", x, y, width, height,
                fill ? fill : "none");
    if (stroke)
        text_printf(&picture->body, " stroke=\"%s\"", stroke);
    text_put(&picture->body, "/>\n");
    grow(picture, x + width, y + height);
}

/* Neighbours of one colour in a row are one rectangle. */
static void put_runs(struct text *text, const char *colour, size_t rows, size_t columns, const char *const *colours)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0, end; j < columns; j = end) {
            for (end = j + 1; end < columns && colours[i * columns + end] == colours[i * columns + j]; end++)
                ;
            if (colours[i * columns + j] == colour)
                text_printf(text, "M%zu %zuh%zuv1h-%zuz", j, i, end - j, end - j);
        }
}

void picture_cells(struct picture *picture, double x, double y, double width, double height, size_t rows, size_t columns,
                   const char *const *colours)
{
    text_printf(&picture->body, "<g transform=\"translate(%g %g) scale(%g %g)\" shape-rendering=\"crispEdges\">\n", x, y,
                width / (double)columns, height / (double)rows);
    for (size_t k = 0; k < rows * columns; k++) {
        bool first = colours[k] != NULL;
        for (size_t before = 0; before < k && first; before++)
            first = colours[before] != colours[k];
        if (!first)
            continue;
        text_printf(&picture->body, "<path fill=\"%s\" d=\"", colours[k]);
        put_runs(&picture->body, colours[k], rows, columns, colours);
        text_put(&picture->body, "\"/>\n");
    }
    text_put(&picture->body, "</g>\n");
    grow(picture, x + width, y + height);
}

/* Names come from files: what XML would read as its own is written otherwise, and what it may not hold left out. */
static void put_escaped(struct text *text, const char *words)
{
    for (const char *at = words; *at; at++) {
        const char *entity = *at == '<' ? "&lt;" : *at == '>' ? "&gt;" : *at == '&' ? "&amp;" : *at == '"' ? "&quot;" : NULL;
        if (entity)
            text_put(text, entity);
        else
            text_put_bytes(text, (unsigned char)*at < ' ' ? "?" : at, 1);
    }
}

double picture_length(const char *words, double size)
{
    return 0.62 * size * (double)strlen(words); /* of a letter in monospace */
}

void picture_words(struct picture *picture, double x, double y, double size, enum picture_anchor anchor, const char *words)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    double length = picture_length(words, size);
    text_printf(&picture->body, "<text x=\"%g\" y=\"%g\" font-size=\"%g\" text-anchor=\"%s\">", x, y, size, anchors[anchor]);
    put_escaped(&picture->body, words);
    text_put(&picture->body, "</text>\n");
    grow(picture, x + (anchor == PICTURE_LEFT ? length : anchor == PICTURE_MIDDLE ? length / 2 : 0), y + size / 3);
}

const char *picture_finish(struct picture *picture)
{
    enum { MARGIN = 12 };
    struct text whole = text_create(picture->body.arena);
    const char *body = text_finish(&picture->body);
    if (!body)
        return NULL;
    text_printf(&whole,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" font-family=\"monospace\">\n"
                "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
                picture->width + MARGIN, picture->height + MARGIN);
    text_put(&whole, body);
    text_put(&whole, "</svg>\n");
    return text_finish(&whole);
}
