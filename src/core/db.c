/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state file. The loop queues writes; the writer thread takes all that have
 * come, commits them as one transaction and posts the batch back to the loop,
 * which calls every `done`. A batch owns its memory: it may arrive after
 * db_close. A put that a later write of its key in the same batch makes void is
 * not executed, but is answered all the same.
 */
#include "core/db.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/loop.h"
#include "core/op.h"
#include "core/quarantine.h"

#include "db_copies.h"
#include "db_room.h"
#include "db_store.h"

#define RENEW_S 10    /* so often the ballast is tried again */
#define BATCH_MAX 256 /* callbacks on the loop in one go, too */
#define STACK (512 << 10)

struct write_batch {    /* the writer's until it is posted, then the loop's */
    struct list writes; /* db_write.link, in the order they were asked for */
    struct err *err;    /* of the whole transaction: all of it is written, or nothing */
};

struct db {
    struct loop *loop;
    struct db_store *store;
    struct db_room *room;          /* NULL: a volatile one; the writer's */
    bool has_ballast;              /* or needs none; the writer's */
    struct quarantine *quarantine; /* NULL, as copies: volatile */
    struct copies *copies;
    pthread_mutex_t store_lock; /* the writer during a batch, db_each, the copies' thread */
    pthread_t writer;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    struct list queue; /* db_write.link */
    size_t n_queued;   /* the length of `queue` */
    bool is_closing;   /* the writer ends when the queue is empty */
    struct db_stats stats;
};

static struct db_write *write_create(const char *kind, const char *id, const char *json)
{
    struct db_write *w = mem_new(struct db_write);

    w->kind = mem_strdup(kind);
    w->id = mem_strdup(id);
    w->json = mem_strdup(json);
    return w;
}

/* Tells whoever asked for the write how it went, and frees it. Takes err. */
static void write_finish(struct db_write *w, struct err *err)
{
    ASSERT(!(w->ticket && w->done));
    if (w->ticket) {
        ticket_answer(w->ticket, err);
    } else if (w->done) {
        w->done(w->ctx, err);
    } else {
        if (err)
            log_error("state was not written", KV("kind", w->kind), KV("id", w->id),
                      KV("error", err_text(err)));
        err_drop(err);
    }
    free(w->kind);
    free(w->id);
    free(w->json);
    free(w);
}

static void on_batch_done(void *arg)
{
    struct write_batch *b = arg;

    ASSERT_LOOP();
    list_each (w, &b->writes, struct db_write, link) {
        list_remove(&w->link);
        write_finish(w, w->err ? steal_ptr(&w->err) : err_copy(b->err));
    }
    err_drop(b->err);
    free(b);
}

/* The oldest BATCH_MAX writes, out of the queue. With d->lock held. */
static struct write_batch *take_batch(struct db *d)
{
    struct write_batch *b = mem_new(struct write_batch);
    size_t n = 0;

    list_init(&b->writes);
    list_each (w, &d->queue, struct db_write, link) {
        if (n++ == BATCH_MAX)
            break;
        ASSERT(d->n_queued > 0);
        list_remove(&w->link);
        list_append(&b->writes, &w->link);
        d->n_queued--;
    }
    return b;
}

/* One after the other, so that what is too large fails alone. */
static void commit_singly(struct db *d, struct write_batch *b)
{
    list_each (w, &b->writes, struct db_write, link)
        if (!w->err)
            w->err = db_store_commit_one(d->store, w);
}

/* The disk is full: no new documents, a log that begins anew, at last without the ballast. */
static void commit_on_full_disk(struct db *d, struct write_batch *b)
{
    err_drop(steal_ptr(&b->err));
    db_store_refuse_new(d->store, &b->writes);
    db_store_checkpoint(d->store);
    b->err = db_store_commit(d->store, &b->writes);
    if (b->err && db_store_is_full(d->store) && db_room_give(d->room)) {
        err_drop(steal_ptr(&b->err));
        b->err = db_store_commit(d->store, &b->writes);
    }
    if (b->err && db_store_is_full(d->store)) {
        err_drop(steal_ptr(&b->err));
        commit_singly(d, b);
    }
}

static void announce_deletions(struct copies *c, const struct list *writes)
{
    list_each (w, writes, struct db_write, link)
        if (!w->json)
            copies_going(c, w->kind, w->id);
}

static void tell_copies(struct copies *c, const struct list *writes, bool is_batch_committed)
{
    list_each (w, writes, struct db_write, link) {
        bool is_committed = is_batch_committed && !w->err;

        if (!w->json && is_committed)
            copies_gone(c, w->kind, w->id);
        else if (!w->json)
            copies_staying(c, w->kind, w->id);
        else if (is_committed)
            copies_put(c, w->kind, w->id, w->json);
    }
}

static void commit(struct db *d, struct write_batch *b)
{
    if (d->copies)
        announce_deletions(d->copies, &b->writes);
    pthread_mutex_lock(&d->store_lock);
    if (d->room && db_room_is_short(d->room))
        db_store_refuse_new(d->store, &b->writes);
    b->err = db_store_commit(d->store, &b->writes);
    if (b->err && d->room && db_store_is_full(d->store))
        commit_on_full_disk(d, b);
    if (b->err && d->room && db_room_is_readonly(d->room)) {
        err_drop(b->err);
        b->err =
            err_new(ERR_INTERNAL, "write state: the file system of the data root is read-only");
    }
    if (d->room && !b->err)
        db_room_keep(d->room);
    d->has_ballast = !d->room || db_room_renew(d->room);
    pthread_mutex_unlock(&d->store_lock);
    if (d->copies)
        tell_copies(d->copies, &b->writes, !b->err);
}

/* With d->lock held. While the ballast is missing it is tried now and then, without the lock: the
 * loop waits for it. */
static void wait_for_work(struct db *d)
{
    struct timespec until;

    if (d->has_ballast) {
        pthread_cond_wait(&d->wake, &d->lock);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RENEW_S;
    if (pthread_cond_timedwait(&d->wake, &d->lock, &until) != ETIMEDOUT)
        return;
    pthread_mutex_unlock(&d->lock);
    d->has_ballast = db_room_renew(d->room);
    pthread_mutex_lock(&d->lock);
}

static void *writer_main(void *arg)
{
    struct db *d = arg;

    prctl(PR_SET_NAME, "db-writer");
    pthread_mutex_lock(&d->lock);
    for (;;) {
        struct write_batch *b;
        bool has_failed;

        while (list_is_empty(&d->queue) && !d->is_closing)
            wait_for_work(d);
        if (list_is_empty(&d->queue))
            break;
        b = take_batch(d);
        pthread_mutex_unlock(&d->lock);
        commit(d, b);
        has_failed = b->err != NULL;
        loop_post(d->loop, on_batch_done, b);
        pthread_mutex_lock(&d->lock);
        d->stats.batches++;
        d->stats.failed_batches += has_failed;
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

static struct err *start_writer(struct db *d)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&d->writer, &attr, writer_main, d);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return r ? err_sysno(r, "start the state writer") : NULL;
}

/* Recursive: the callback of db_each may read another kind. */
static void init_store_lock(struct db *d)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&d->store_lock, &attr);
    pthread_mutexattr_destroy(&attr);
}

/* The writer has ended or never began. */
static void destroy(struct db *d)
{
    ASSERT(list_is_empty(&d->queue)); /* a write without its answer would be an op that hangs */
    copies_close(d->copies);
    quarantine_destroy(d->quarantine);
    db_store_close(d->store);
    db_room_destroy(d->room);
    pthread_mutex_destroy(&d->store_lock);
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->wake);
    free(d);
}

static void init_wake(struct db *d)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->wake, &attr);
    pthread_condattr_destroy(&attr);
}

/* For the copies' thread. */
static char *fetch(void *ctx, const char *kind, const char *id)
{
    struct db *d = ctx;
    char *json;

    pthread_mutex_lock(&d->store_lock);
    json = db_store_get(d->store, kind, id);
    pthread_mutex_unlock(&d->store_lock);
    return json;
}

static struct err *open_copies(struct db *d, const char *path)
{
    d->quarantine = quarantine_create(path);
    return copies_open(path, db_store_take_sums(d->store), d->quarantine, fetch, d, &d->copies);
}

/* Takes store. copied: the path of one whose documents are copied, or NULL. */
static struct err *open_with(struct loop *l, struct db_store *store, const char *copied,
                             struct db **out)
{
    struct db *d = mem_new(struct db);
    struct err *err;

    d->loop = l;
    d->store = store;
    list_init(&d->queue);
    init_store_lock(d);
    pthread_mutex_init(&d->lock, NULL);
    init_wake(d);
    if (copied) {
        d->room = db_room_create(copied);
        db_room_keep(d->room);
    }
    d->has_ballast = !d->room || db_room_renew(d->room);
    err = copied ? open_copies(d, copied) : NULL;
    if (!err)
        err = start_writer(d);
    if (err) {
        destroy(d);
        return err;
    }
    *out = d;
    return NULL;
}

struct err *db_open(struct loop *l, const char *path, struct db **out)
{
    enum db_trouble trouble;
    struct db_store *store;

    TRY(db_store_open(path, DURABLE, &store, &trouble));
    return open_with(l, store, path, out);
}

struct err *db_open_volatile(struct loop *l, const char *path, struct db **out)
{
    enum db_trouble trouble = DB_BUSY;
    struct db_store *store;
    struct err *err = db_store_open(path, VOLATILE, &store, &trouble);

    if (err && trouble != DB_BUSY) {
        log_warn("a volatile state file cannot be used: a new one is begun",
                 KV("error", err_text(err)));
        err_drop(err);
        db_store_remove(path);
        err = db_store_open(path, VOLATILE, &store, &trouble);
    }
    TRY(err);
    return open_with(l, store, NULL, out);
}

void db_close(struct db *d)
{
    ASSERT_LOOP();
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->is_closing = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->writer, NULL);
    destroy(d);
}

static void enqueue(struct db *d, struct db_write *w)
{
    ASSERT_LOOP();
    pthread_mutex_lock(&d->lock);
    ASSERT(!d->is_closing);
    list_append(&d->queue, &w->link);
    if (d->n_queued++ == 0)
        pthread_cond_signal(&d->wake);
    d->stats.writes++;
    pthread_mutex_unlock(&d->lock);
}

static void write_then(struct db *d, struct db_write *w, db_done_fn done, void *ctx)
{
    w->done = done;
    w->ctx = ctx;
    enqueue(d, w);
}

void db_put(struct db *d, const char *kind, const char *id, const char *json, db_done_fn done,
            void *ctx)
{
    ASSERT(json);
    write_then(d, write_create(kind, id, json), done, ctx);
}

void db_delete(struct db *d, const char *kind, const char *id, db_done_fn done, void *ctx)
{
    write_then(d, write_create(kind, id, NULL), done, ctx);
}

static void write_for(struct db *d, struct op *op, struct db_write *w)
{
    w->ticket = op_wait(op);
    enqueue(d, w);
}

void db_put_for(struct db *d, struct op *op, const char *kind, const char *id, const char *json)
{
    ASSERT(json);
    write_for(d, op, write_create(kind, id, json));
}

void db_delete_for(struct db *d, struct op *op, const char *kind, const char *id)
{
    write_for(d, op, write_create(kind, id, NULL));
}

struct err *db_each(struct db *d, const char *kind,
                    struct err *(*fn)(void *ctx, const char *id, const char *json), void *ctx)
{
    struct err *err;

    pthread_mutex_lock(&d->store_lock);
    err = db_store_each(d->store, kind, fn, ctx);
    pthread_mutex_unlock(&d->store_lock);
    return err;
}

/* ---- what was found at start-up ---- */

enum db_evidence db_evidence(const struct db *d, const char *kind, const char *id)
{
    return d->copies ? copies_evidence(d->copies, kind, id) : DB_KNOWS_NOTHING;
}

struct err *db_each_evidence(const struct db *d, const char *kind, enum db_evidence which,
                             struct err *(*fn)(void *ctx, const char *id, const char *json),
                             void *ctx)
{
    return d->copies ? copies_each_evidence(d->copies, kind, which, fn, ctx) : NULL;
}

void db_set_aside(struct db *d, const char *kind, const char *id, const char *json, const char *why)
{
    ASSERT(d->copies);
    quarantine_document(d->quarantine, kind, id, json, why);
    copies_note_lost(d->copies, kind, id, json);
    db_delete(d, kind, id, NULL, NULL);
}

struct quarantine *db_quarantine(const struct db *d)
{
    return d->quarantine;
}

void db_stats(struct db *d, struct db_stats *out)
{
    pthread_mutex_lock(&d->lock);
    *out = d->stats;
    pthread_mutex_unlock(&d->lock);
}
