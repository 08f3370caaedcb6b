/* The thread of a context that makes better code of programs that run already, one after the other, so that many new kernels at
 * once do not take the processor from their callers. Nor does it begin at once: where no processor is idle it would take from the
 * first call, for which the caller is waiting. The thread starts with the first job; where it cannot, programs go on as they are.
 */
#include "library.h"

#include <signal.h>
#include <time.h>

/* Nanoseconds from the program to the job's turn: what is small has run once by then, and LLVM takes several times that. */
enum { PATIENCE = 10000000, SECOND = 1000000000 };

struct library_worker {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool is_started, is_stopping;
    struct library_job *first, **end; /* the first may be under way */
    bool is_busy;
    size_t waiting; /* callers: no job waits for its time then */
};

struct library_worker *library_worker_create(struct einc_context *context)
{
    struct library_worker *worker = ARENA_NEW(context->arena, struct library_worker);
    if (!worker)
        return NULL;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    worker->end = &worker->first;
    return worker;
}

static void take_first(struct library_worker *worker)
{
    struct library_job *job = worker->first;
    worker->first = job->next;
    if (!worker->first)
        worker->end = &worker->first;
    job->is_waiting = false;
}

static struct timespec time_to_begin(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += (time.tv_nsec + PATIENCE) / SECOND;
    time.tv_nsec = (time.tv_nsec + PATIENCE) % SECOND;
    return time;
}

static bool is_early(const struct timespec *begin)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec < begin->tv_sec || (time.tv_sec == begin->tv_sec && time.tv_nsec < begin->tv_nsec);
}

static void *work(void *user)
{
    struct library_worker *worker = user;
    pthread_mutex_lock(&worker->lock);
    while (!worker->is_stopping) {
        if (!worker->first) {
            pthread_cond_wait(&worker->changed, &worker->lock);
            continue;
        }
        struct timespec begin = worker->first->begin; /* the job may go while the thread waits */
        if (!worker->waiting && is_early(&begin)) {
            pthread_cond_timedwait(&worker->changed, &worker->lock, &begin);
            continue;
        }
        struct einc_program *program = worker->first->program;
        worker->is_busy = true;
        pthread_mutex_unlock(&worker->lock);
        library_make_better(program);
        pthread_mutex_lock(&worker->lock);
        worker->is_busy = false;
        take_first(worker);
        pthread_cond_broadcast(&worker->changed);
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

/* Signals are for the program's own threads. */
static bool start(struct library_worker *worker)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&worker->thread, NULL, work, worker) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void library_worker_add(struct library_worker *worker, struct library_job *job)
{
    pthread_mutex_lock(&worker->lock);
    worker->is_started = worker->is_started || (!worker->is_stopping && start(worker));
    if (worker->is_started && !worker->is_stopping) {
        job->is_waiting = true;
        job->begin = time_to_begin();
        *worker->end = job;
        worker->end = &job->next;
        pthread_cond_broadcast(&worker->changed);
    }
    pthread_mutex_unlock(&worker->lock);
}

void library_worker_wait(struct library_worker *worker, struct library_job *job, bool wanted)
{
    pthread_mutex_lock(&worker->lock);
    struct library_job **at = &worker->first;
    while (!wanted && *at && *at != job)
        at = &(*at)->next;
    if (!wanted && *at == job && !(job == worker->first && worker->is_busy)) {
        *at = job->next;
        if (!*at)
            worker->end = at;
        job->is_waiting = false;
    }
    if (job->is_waiting) {
        worker->waiting++;
        pthread_cond_broadcast(&worker->changed);
        while (job->is_waiting)
            pthread_cond_wait(&worker->changed, &worker->lock);
        worker->waiting--;
    }
    pthread_mutex_unlock(&worker->lock);
}

static void drop_waiting(struct library_worker *worker)
{
    struct library_job **at = worker->is_busy ? &worker->first->next : &worker->first;
    for (struct library_job *job = *at; job; job = job->next)
        job->is_waiting = false;
    *at = NULL;
    worker->end = at;
}

void library_worker_stop(struct library_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    bool is_first = !worker->is_stopping, is_started = worker->is_started;
    worker->is_stopping = true;
    drop_waiting(worker);
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    if (is_first && is_started)
        pthread_join(worker->thread, NULL);
}

void library_worker_destroy(struct library_worker *worker)
{
    if (!worker)
        return;
    library_worker_stop(worker);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
}
