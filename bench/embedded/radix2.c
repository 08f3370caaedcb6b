/* What a Fourier transform of 256 points in q15 is held against: radix 2 in place, decimation in time, twiddles from a table, each
 * stage halved, rounded half up. It does not saturate, which a full-scale complex wave would need: that is left out in its favour.
 * Its instructions are counted by the board's clock, as those of emitted kernels are. */
#include <stddef.h>
#include <stdint.h>

enum { N = 256 };

unsigned long einc_ticks(void);
void einc_report(const char *kernel, const char *what, unsigned long value);

static void reverse_bits(int16_t *x)
{
    for (size_t i = 1, j = 0; i < N; i++) {
        size_t bit = N / 2;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            const int16_t re = x[2 * i], im = x[2 * i + 1];
            x[2 * i] = x[2 * j];
            x[2 * i + 1] = x[2 * j + 1];
            x[2 * j] = re;
            x[2 * j + 1] = im;
        }
    }
}

void radix2(int16_t *x, const int16_t *twiddles);
void radix2(int16_t *x, const int16_t *twiddles)
{
    reverse_bits(x);
    for (size_t half = 1, step = N / 2; half < N; half *= 2, step /= 2)
        for (size_t k = 0; k < half; k++) {
            const int32_t re = twiddles[2 * k * step], im = twiddles[2 * k * step + 1];
            for (size_t first = k; first < N; first += 2 * half) {
                int16_t *p = &x[2 * first], *q = &x[2 * (first + half)];
                const int32_t p_re = p[0], p_im = p[1];
                const int32_t q_re = (re * q[0] - im * q[1] + 16384) >> 15, q_im = (re * q[1] + im * q[0] + 16384) >> 15;
                p[0] = (int16_t)((p_re + q_re + 1) >> 1);
                p[1] = (int16_t)((p_im + q_im + 1) >> 1);
                q[0] = (int16_t)((p_re - q_re + 1) >> 1);
                q[1] = (int16_t)((p_im - q_im + 1) >> 1);
            }
        }
}

static int16_t samples[2 * N], table[N];

int main(void)
{
    for (int k = 0; k < 2 * N; k++)
        samples[k] = (int16_t)(k * 7919 % 32768 - 16384);
    for (int k = 0; k < N; k++)
        table[k] = (int16_t)(k * 7919 % 32768 - 16384); /* the numbers do not change what is counted */
    (void)einc_ticks();
    radix2(samples, table);
    einc_report("radix2", "ticks", einc_ticks());
    return 0;
}
