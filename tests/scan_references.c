/* What the programs of tests/cases/scans mean, loop by loop. A state that all elements of the new one need is copied before the
 * step; nothing here is shared with the compiler, arithmetic modulo the prime included. */
#include "scan_references.h"

#include <math.h>
#include <stddef.h>

#define PRIME ((UINT64_C(1) << 61) - 1)
enum { MOST = 64 }; /* elements of a state */
__extension__ typedef unsigned __int128 wide;

/* ---- numbers ---- */

static uint64_t residue_product(uint64_t a, uint64_t b)
{
    return (uint64_t)((wide)a * b % PRIME);
}

/* value / 2^halvings */
static struct number constant(int64_t value, int halvings)
{
    uint64_t residue = value < 0 ? PRIME - (uint64_t)-value : (uint64_t)value;
    return (struct number){ldexp((double)value, -halvings), 0, residue_product(residue, UINT64_C(1) << (61 - halvings) % 61), 0};
}

static struct number whole(int64_t value)
{
    return constant(value, 0);
}

static struct number imaginary(int64_t value)
{
    struct number real = whole(value);
    return (struct number){0, real.re, 0, real.residue};
}

static struct number plus(struct number a, struct number b)
{
    return (struct number){a.re + b.re, a.im + b.im, (a.residue + b.residue) % PRIME, (a.imaginary + b.imaginary) % PRIME};
}

static struct number negative(struct number a)
{
    return (struct number){-a.re, -a.im, (PRIME - a.residue) % PRIME, (PRIME - a.imaginary) % PRIME};
}

static struct number minus(struct number a, struct number b)
{
    return plus(a, negative(b));
}

static struct number times(struct number a, struct number b)
{
    uint64_t minus_square = residue_product(PRIME - a.imaginary, b.imaginary);
    return (struct number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re,
                           (residue_product(a.residue, b.residue) + minus_square) % PRIME,
                           (residue_product(a.residue, b.imaginary) + residue_product(a.imaginary, b.residue)) % PRIME};
}

static struct number conjugate(struct number a)
{
    return (struct number){a.re, -a.im, a.residue, (PRIME - a.imaginary) % PRIME};
}

/* Fractions of 30 bits are whole numbers here. */
static int64_t place_in_order(uint64_t residue)
{
    uint64_t scaled = residue_product(residue, UINT64_C(1) << 30);
    return scaled > PRIME / 2 ? (int64_t)scaled - (int64_t)PRIME : (int64_t)scaled;
}

static struct number larger(struct number a, struct number b)
{
    return (struct number){fmax(a.re, b.re), 0, place_in_order(a.residue) > place_in_order(b.residue) ? a.residue : b.residue, 0};
}

static struct number smaller(struct number a, struct number b)
{
    return negative(larger(negative(a), negative(b)));
}

/* a * b + c as integers of 32 bits. */
static struct number wrapped(struct number a, int64_t b, struct number c)
{
    uint32_t word = (uint32_t)(int64_t)a.re * (uint32_t)b + (uint32_t)(int64_t)c.re;
    return whole(word < UINT32_C(1) << 31 ? (int64_t)word : (int64_t)word - (INT64_C(1) << 32));
}

static void copy(int64_t n, struct number *to, const struct number *from)
{
    for (int64_t k = 0; k < n; k++)
        to[k] = from[k];
}

/* The element, or what stands outside. */
static struct number padded(const struct number *x, int64_t n, int64_t at, struct number outside)
{
    return at >= 0 && at < n ? x[at] : outside;
}

/* ---- programs ---- */

static void decay(const struct scan_run *run)
{
    const struct number *a = run->inputs[0], *b = run->inputs[1], *x = run->inputs[2], *c = run->inputs[3];
    struct number *y = run->outputs[0], *h = run->outputs[1];
    copy(run->N, h, run->inputs[4]);
    for (int64_t t = 0; t < run->T; t++) {
        y[t] = whole(0);
        for (int64_t n = 0; n < run->N; n++) {
            h[n] = plus(times(a[t], h[n]), times(b[t * run->N + n], x[t]));
            y[t] = plus(y[t], times(c[t * run->N + n], h[n]));
        }
    }
}

static void backward(const struct scan_run *run)
{
    const struct number *a = run->inputs[0], *x = run->inputs[1];
    struct number *first = run->outputs[1];
    copy(run->N, first, run->inputs[2]);
    for (int64_t t = run->T - 1; t >= 0; t--)
        for (int64_t n = 0; n < run->N; n++) {
            first[n] = plus(times(a[t * run->N + n], first[n]), x[t * run->N + n]);
            run->outputs[0][t * run->N + n] = first[n];
        }
}

static void exchange(const struct scan_run *run)
{
    for (int64_t n = 0; n < run->N; n++) {
        struct number p = run->inputs[1][n], q = run->inputs[2][n], r = whole(1);
        for (int64_t t = 0; t < run->T; t++) {
            struct number x = run->inputs[0][t * run->N + n], old = p, old_q = q;
            run->outputs[1][t * run->N + n] = p;
            p = plus(q, x);
            q = times(r, x);
            r = minus(old, old_q);
            run->outputs[0][t * run->N + n] = r;
        }
        run->outputs[2][n] = p;
        run->outputs[3][n] = q;
    }
}

static void matrix(const struct scan_run *run)
{
    int64_t N = run->N;
    struct number old[MOST], *s = run->outputs[1];
    copy(N, s, run->inputs[2]);
    for (int64_t t = 0; t < run->T; t++) {
        copy(N, old, s);
        for (int64_t i = 0; i < N; i++) {
            s[i] = run->inputs[1][t * N + i];
            for (int64_t j = 0; j < N; j++)
                s[i] = plus(s[i], times(run->inputs[0][i * N + j], old[j]));
            run->outputs[0][t * N + i] = s[i];
        }
    }
}

static void shift(const struct scan_run *run)
{
    int64_t N = run->N;
    struct number r[MOST], d[MOST], u[MOST];
    for (int k = 0; k < 3; k++)
        copy(N, run->outputs[k], run->inputs[1]);
    for (int64_t t = 0; t < run->T; t++) {
        copy(N, r, run->outputs[0]);
        copy(N, d, run->outputs[1]);
        copy(N, u, run->outputs[2]);
        for (int64_t n = 0; n < N; n++) {
            struct number x = run->inputs[0][t * N + n];
            run->outputs[0][n] = plus(r[N - 1 - n], x);
            run->outputs[1][n] = plus(padded(d, N, n - 1, whole(2)), x);
            run->outputs[2][n] = plus(times(padded(u, N, n + 1, whole(0)), x), d[n]);
        }
    }
}

static void old_and_new(const struct scan_run *run)
{
    int64_t N = run->N;
    struct number *s = run->outputs[2];
    copy(N, s, run->inputs[1]);
    for (int64_t t = 0; t < run->T; t++) {
        run->outputs[0][t] = whole(0);
        for (int64_t n = 0; n < N; n++) {
            struct number old = s[n], x = run->inputs[0][t * N + n];
            s[n] = plus(old, x);
            run->outputs[0][t] = plus(run->outputs[0][t], times(s[n], old));
            run->outputs[1][t * N + n] = minus(old, times(s[n], x));
        }
    }
}

static void normed(const struct scan_run *run)
{
    int64_t N = run->N;
    struct number *s = run->outputs[0];
    copy(N, s, run->inputs[1]);
    for (int64_t t = 0; t < run->T; t++) {
        const struct number *x = run->inputs[0] + t * N;
        struct number g = whole(0);
        for (int64_t n = 0; n < N; n++)
            g = plus(g, times(s[n], x[n]));
        for (int64_t n = 0; n < N; n++)
            s[n] = plus(times(s[n], g), x[n]);
    }
}

static void outer(const struct scan_run *run)
{
    const struct number *q = run->inputs[0], *k = run->inputs[1], *v = run->inputs[2], *g = run->inputs[3];
    int64_t T = run->T, N = run->N, M = run->M;
    for (int64_t t = 0; t < T; t++)
        for (int64_t m = 0; m < M; m++) {
            struct number o = whole(0);
            for (int64_t n = 0; n < N; n++) {
                struct number *S = &run->outputs[1][(n * T + t) * M + m];
                *S = times(k[n * T + t], v[t * M + m]);
                if (t > 0)
                    *S = plus(*S, times(g[t * N + n], run->outputs[1][(n * T + t - 1) * M + m]));
                o = plus(o, times(q[t * N + n], *S));
            }
            run->outputs[0][m * T + t] = o;
        }
}

static void numbers(const struct scan_run *run)
{
    const struct number *v = run->inputs[1], *w = run->inputs[2];
    struct number *b = run->outputs[1], *c = run->outputs[2], *s = run->outputs[3], a = whole(3);
    int64_t N = run->N;
    *s = whole(0);
    for (int64_t n = 0; n < N; n++) {
        *s = plus(*s, times(v[n], v[n]));
        c[n] = whole(1);
        for (int64_t m = 0; m < N; m++) {
            b[n * N + m] = v[n];
            c[n] = plus(c[n], times(w[n * N + m], v[m]));
        }
    }
    for (int64_t t = 0; t < run->T; t++) {
        struct number old = a;
        a = times(a, constant(1, 1));
        for (int64_t n = 0; n < N; n++)
            a = plus(a, run->inputs[0][t * N + n]);
        for (int64_t n = 0; n < N; n++) {
            struct number x = run->inputs[0][t * N + n];
            c[n] = plus(times(c[n], x), whole(1));
            for (int64_t m = 0; m < N; m++)
                b[n * N + m] = plus(b[n * N + m], times(x, a));
        }
        *s = plus(*s, times(a, old));
        run->outputs[0][t] = a;
    }
}

static void slices(const struct scan_run *run)
{
    static const int64_t order[] = {2, 0, 3, 1};
    const struct number *x = run->inputs[0], *u = run->inputs[1], *w = run->inputs[2], *z = run->inputs[3];
    int64_t T = run->T;
    struct number s = whole(1);
    for (int64_t t = 0; t < T; t++) {
        struct number y = plus(z[order[t % 4] * T + t], times(whole(t), x[t]));
        s = plus(times(s, x[T - 1 - t]), u[2 * t]);
        s = plus(s, plus(padded(x, T, t + 1, constant(1, 1)), padded(x, T, t - 2, whole(3))));
        for (int64_t n = 0; n < run->N; n++)
            y = plus(y, times(w[n], plus(plus(padded(x, T, t + n - 1, whole(1)), u[2 * t + n]), whole(n - t))));
        run->outputs[0][t] = s;
        run->outputs[1][t] = plus(s, y);
    }
}

static void guesses(const struct scan_run *run)
{
    struct number s[MOST], old[MOST];
    for (int64_t n = 0; n < run->N; n++)
        s[n] = whole(1);
    for (int64_t t = 0; t < run->T; t++) {
        run->outputs[0][t] = whole(0);
        copy(run->N, old, s);
        for (int64_t n = 0; n < run->N; n++) {
            struct number b = plus(times(old[n], run->inputs[0][t * run->N + n]), run->inputs[1][n]);
            s[n] = minus(b, padded(old, run->N, n - 1, whole(3)));
            run->outputs[0][t] = plus(run->outputs[0][t], s[n]);
        }
    }
}

static void later(const struct scan_run *run)
{
    int64_t T = run->T, N = run->N;
    struct number h[MOST], p[MOST], rows[MOST];
    struct number *y = run->outputs[0], *g = run->outputs[2];
    copy(N, h, run->inputs[1]);
    for (int64_t k = 0; k < N * N; k++)
        y[k] = whole(0);
    for (int64_t t = 0; t < T; t++) {
        p[t] = whole(0);
        for (int64_t n = 0; n < N; n++) {
            h[n] = rows[t * N + n] = times(run->inputs[0][t * N + n], plus(h[n], whole(1)));
            p[t] = plus(p[t], h[n]);
        }
        for (int64_t n = 0; n < N; n++)
            for (int64_t m = 0; m < N; m++)
                y[n * N + m] = plus(y[n * N + m], times(h[n], h[m]));
    }
    for (int64_t k = 0; k < N * N; k++)
        y[k] = plus(y[k], h[k / N]);
    copy(N, g, h);
    for (int64_t t = 0; t < T; t++) {
        run->outputs[1][t] = times(p[t], p[T - 1 - t]);
        for (int64_t n = 0; n < N; n++)
            g[n] = plus(g[n], rows[t * N + n]);
    }
}

static void calls(const struct scan_run *run)
{
    const struct number *x = run->inputs[0], *u = run->inputs[1];
    struct number a = whole(1), b = whole(2), z = whole(0);
    for (int64_t t = 0; t < run->T; t++) {
        struct number c = whole(0);
        for (int64_t n = 0; n < run->N; n++)
            c = plus(c, times(u[t * run->N + n], u[t * run->N + n]));
        a = plus(a, x[t]);
        b = plus(b, a);
        z = plus(times(z, x[t]), times(b, c));
        run->outputs[0][t] = times(a, b);
        run->outputs[1][t] = z;
    }
}

static void steps_alone(const struct scan_run *run)
{
    for (int64_t t = 0; t < run->T; t++) {
        run->outputs[1][t] = whole(0);
        for (int64_t n = 0; n < run->N; n++) {
            struct number y = times(run->inputs[0][t * run->N + n], run->inputs[1][n]);
            run->outputs[0][t * run->N + n] = y;
            run->outputs[1][t] = plus(run->outputs[1][t], times(y, run->inputs[1][n]));
        }
    }
}

static void copies(const struct scan_run *run)
{
    struct number *s = run->outputs[4];
    copy(run->N, s, run->inputs[1]);
    for (int64_t t = 0; t < run->T; t++) {
        for (int64_t n = 0; n < run->N; n++) {
            int64_t at = t * run->N + n;
            run->outputs[0][at] = s[n];
            s[n] = run->outputs[1][at] = run->outputs[2][at] = run->inputs[0][at];
        }
        run->outputs[3][t] = whole(7);
    }
}

static void complex_states(const struct scan_run *run)
{
    struct number h[MOST];
    copy(run->N, h, run->inputs[2]);
    for (int64_t t = 0; t < run->T; t++) {
        struct number e = whole(0);
        for (int64_t n = 0; n < run->N; n++) {
            struct number old = h[n], x = run->inputs[0][t * run->N + n];
            h[n] = plus(times(run->inputs[1][n], conjugate(old)), times(conjugate(x), imaginary(1)));
            e = plus(e, times(h[n], conjugate(old)));
            run->outputs[0][t * run->N + n] = h[n];
        }
        run->outputs[1][t] = (struct number){e.re, 0, e.residue, 0};
    }
}

static void integers(const struct scan_run *run)
{
    int64_t N = run->N;
    struct number s = whole(12345), old[MOST], *up = run->outputs[2], *down = run->outputs[3];
    for (int64_t n = 0; n < N; n++) {
        old[n] = whole(0);
        up[n] = whole(-100);
        down[n] = whole(100);
    }
    for (int64_t t = 0; t < run->T; t++) {
        const struct number *x = run->inputs[0] + t * N, *A = run->inputs[1], *b = run->inputs[2] + t * N;
        struct number *reached = run->outputs[1] + t * N;
        s = wrapped(s, 1103515245, whole(0));
        for (int64_t n = 0; n < N; n++) {
            s = wrapped(s, 1, x[n]);
            reached[n] = b[n];
            for (int64_t j = 0; j < N; j++)
                reached[n] = larger(reached[n], times(A[n * N + j], old[j]));
            down[n] = smaller(down[n], minus(x[n], up[n]));
            up[n] = larger(up[n], x[n]);
        }
        copy(N, old, reached);
        run->outputs[0][t] = s;
    }
}

static void paths(const struct scan_run *run)
{
    int64_t N = run->N;
    struct number old[MOST], m = whole(-1);
    for (int64_t n = 0; n < N; n++)
        old[n] = whole(0);
    for (int64_t t = 0; t < run->T; t++) {
        struct number *d = run->outputs[0] + t * N;
        for (int64_t i = 0; i < N; i++)
            for (int64_t j = 0; j < N; j++) {
                struct number through = plus(run->inputs[0][i * N + j], old[j]);
                d[i] = j ? smaller(d[i], through) : through;
            }
        copy(N, old, d);
        m = larger(minus(m, constant(1, 2)), run->inputs[1][t]);
        run->outputs[1][t] = m;
    }
}

static void unread(const struct scan_run *run)
{
    copy(run->N, run->outputs[0], run->inputs[1]);
    for (int64_t t = 0; t < run->T; t++)
        for (int64_t n = 0; n < run->N; n++)
            run->outputs[0][n] = times(run->outputs[0][n], run->inputs[0][t * run->N + n]);
}

static void delta(const struct scan_run *run)
{
    const struct number *k = run->inputs[0], *v = run->inputs[1], *beta = run->inputs[2];
    struct number *S = run->outputs[0], *R = run->outputs[1];
    int64_t T = run->T, N = run->N;
    for (int64_t n = 0; n < N; n++)
        S[n] = whole(0);
    for (int64_t t = 0; t < T; t++) {
        struct number e = v[t];
        for (int64_t m = 0; m < T; m++)
            R[t * T + m] = whole(m == t);
        for (int64_t l = 0; l < t; l++) {
            struct number a = whole(0);
            for (int64_t n = 0; n < N; n++)
                a = plus(a, times(k[t * N + n], k[l * N + n]));
            for (int64_t m = 0; m < T; m++)
                R[t * T + m] = minus(R[t * T + m], times(times(a, beta[t]), R[l * T + m]));
        }
        for (int64_t n = 0; n < N; n++)
            e = minus(e, times(k[t * N + n], S[n]));
        for (int64_t n = 0; n < N; n++)
            S[n] = plus(S[n], times(k[t * N + n], times(beta[t], e)));
    }
}

static void late_type(const struct scan_run *run)
{
    for (int64_t n = 0; n < run->N; n++) {
        struct number s = whole(0);
        for (int64_t t = 0; t < run->T; t++) {
            struct number x = run->inputs[0][t * run->N + n], a = times(s, x);
            s = plus(a, x);
            run->outputs[0][t * run->N + n] = minus(a, s);
        }
    }
}

/* Element n of window t of x: shifted by one more, with another number outside. */
static struct number window(const struct scan_run *run, int64_t t, int64_t n, struct number outside)
{
    struct number beside = plus(whole(1), imaginary(2));
    return n >= 0 && n < run->N ? padded(run->inputs[0], run->T, t + n - 1, beside) : outside;
}

static void windows(const struct scan_run *run)
{
    const struct number *u = run->inputs[1];
    for (int64_t n = 0; n < run->N; n++) {
        struct number s = u[run->N - 1 - n], p = conjugate(u[n]), q = padded(u, run->N, n - 1, imaginary(1));
        for (int64_t t = 0; t < run->T; t++) {
            s = plus(times(s, window(run, t, n - 1, imaginary(2))), conjugate(window(run, t, n + 1, imaginary(3))));
            p = plus(times(p, conjugate(window(run, t, n - 1, minus(whole(1), imaginary(2))))), s);
            q = plus(times(q, conjugate(window(run, t, n, whole(0)))), padded(run->inputs[0], run->T, t + n, imaginary(1)));
            run->outputs[0][t * run->N + n] = s;
        }
        run->outputs[1][n] = p;
        run->outputs[2][n] = q;
    }
}

static void lookups(const struct scan_run *run)
{
    const struct number *p = run->inputs[0], *o = run->inputs[1], *x = run->inputs[2], *w = run->inputs[3];
    int64_t T = run->T, N = run->N;
    for (int64_t t = 0; t < T; t++) {
        int64_t row = (int64_t)o[t].re;
        run->outputs[1][t] = whole(0);
        for (int64_t n = 0; n < N; n++) {
            struct number factor = padded(w, N, (int64_t)p[t * N + n].re, whole(2));
            struct number old = t ? run->outputs[0][(t - 1) * N + n] : w[n];
            struct number s = plus(times(old, factor), row >= 0 && row < T ? x[row * N + n] : whole(3));
            run->outputs[0][t * N + n] = s;
            run->outputs[1][t] = plus(run->outputs[1][t], times(s, factor));
        }
    }
}

const struct scan_reference scan_references[] = {{"backward", backward},
                                                 {"calls", calls},
                                                 {"complex", complex_states},
                                                 {"copies", copies},
                                                 {"decay", decay},
                                                 {"delta", delta},
                                                 {"exchange", exchange},
                                                 {"guesses", guesses},
                                                 {"integers", integers},
                                                 {"late_type", late_type},
                                                 {"later", later},
                                                 {"lookups", lookups},
                                                 {"matrix", matrix},
                                                 {"normed", normed},
                                                 {"numbers", numbers},
                                                 {"old_and_new", old_and_new},
                                                 {"outer", outer},
                                                 {"paths", paths},
                                                 {"shift", shift},
                                                 {"slices", slices},
                                                 {"steps_alone", steps_alone},
                                                 {"unread", unread},
                                                 {"windows", windows},
                                                 {NULL, NULL}};
