/* The thread of a context that makes better code of programs that run already, one after the other, so that many new kernels at
 * once do not take the processor from their callers. It starts with the first job; where it cannot, programs go on as they are. */
#include "library.h"

#include <signal.h>

struct library_worker {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool is_started, is_stopping;
    struct library_job *first, **end; /* the first may be under way */
    bool is_busy;
};

struct library_worker *library_worker_create(struct einc_context *context)
{
    struct library_worker *worker = ARENA_NEW(context->arena, struct library_worker);
    if (!worker)
        return NULL;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->changed, NULL);
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

static void *work(void *user)
{
    struct library_worker *worker = user;
    pthread_mutex_lock(&worker->lock);
    while (!worker->is_stopping) {
        if (!worker->first) {
            pthread_cond_wait(&worker->changed, &worker->lock);
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
    while (job->is_waiting)
        pthread_cond_wait(&worker->changed, &worker->lock);
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
