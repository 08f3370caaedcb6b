/* einc discover --svg: the matrix and the factors of what was found, side by side. */
#include "command.h"
#include "picture.h"

#include <math.h>

enum { SIDE = 160, GAP = 36, TOP = 40, BELOW = 46, ACROSS = 1000 };

/* White is 0; positive numbers are red, negative ones blue, and complex ones the colour of their real part's sign. */
static const char *colour_of(double cell)
{
    static const char *const positive[] = {"#fff5f0", "#fdcab5", "#fc8a6a", "#f14432", "#bc141a"}, *const negative[] = {
                                                                                                       "#f0f6fd", "#c7dbef",
                                                                                                       "#82badb", "#4191c6",
                                                                                                       "#08509b"};
    int shade = (int)ceil(sqrt(fabs(cell)) * 5) - 1; /* small numbers are to be seen too */
    return cell == 0 ? NULL : cell > 0 ? positive[shade < 0 ? 0 : shade] : negative[shade < 0 ? 0 : shade];
}

static bool draw_panel(struct picture *picture, struct arena *arena, const struct discover_panel *panel, double x, double y,
                       double width, double height)
{
    const char **colours = ARENA_ARRAY(arena, panel->high * panel->wide, const char *);
    for (size_t k = 0; colours && k < panel->high * panel->wide; k++)
        colours[k] = colour_of(panel->cells[k]);
    if (colours)
        picture_cells(picture, x, y, width, height, panel->high, panel->wide, colours);
    picture_rectangle(picture, x, y, width, height, NULL, "black");
    return colours != NULL;
}

/* A side stands for the larger extent, but a line stays visible. */
static double side_of(size_t extent, size_t other)
{
    return extent >= other ? SIDE : fmax(SIDE / 16, SIDE * (double)extent / (double)other);
}

const char *discover_draw(struct arena *arena, const struct discover_panels *panels)
{
    struct picture picture = picture_create(arena);
    double x = GAP, y = TOP;
    for (size_t k = 0; k < panels->count; k++) {
        const struct discover_panel *panel = &panels->items[k];
        double width = side_of(panel->columns, panel->rows), height = side_of(panel->rows, panel->columns);
        const char *size = arena_printf(arena, "%zu x %zu", panel->rows, panel->columns);
        if (x > ACROSS) {
            x = GAP;
            y += SIDE + TOP + BELOW;
        }
        picture_words(&picture, x - GAP / 2, y + SIDE / 2, 20, PICTURE_MIDDLE, panel->before);
        if (!size || !draw_panel(&picture, arena, panel, x, y, width, height))
            return NULL;
        picture_words(&picture, x, y + height + 16, 12, PICTURE_LEFT, panel->label);
        picture_words(&picture, x, y + height + 30, 10, PICTURE_LEFT, size);
        x += fmax(width, picture_length(panel->label, 12)) + GAP;
    }
    return picture_finish(&picture);
}
