/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upload (distribution, "Pushing a blob"). Loop thread. Each request is followed by what its
 * answer asks for: read the on_… functions in the order of the upload. Trap: after an error nobody
 * knows how much the registry has, so it is asked (GET of the location); what it says is believed
 * as far as we still have the bytes, else all begins anew.
 */
#include "upload.h"

#include "location.h"

#include <string.h>

enum {
    TRIES_MAX = 5,
    REDIRECTS_MAX = 10,
    CLOSES_MAX = 3,
    PROGRESS_BYTES = 1 << 20, /* so much more since the last trouble: count anew */
};

struct upload {
    struct image_table *table;
    struct registry *registry;
    struct arena *arena;
    struct upload_plan plan;
    void *ctx;
    struct fetch *fetch;
    struct blob_reader *reader;
    struct blob_piece piece;
    size_t piece_at;    /* so much of it the registry has */
    char *location;     /* NULL: it has not begun */
    struct timer timer; /* a wait */
    void (*then)(struct upload *u);

    int tries;
    int64_t kept; /* what the registry had when they were last reset */
    bool has_piece, waits_for_piece;
    bool is_beginning; /* the fetch is its POST */
    bool has_met_416;  /* of this piece */
    int n_closed;      /* PUTs that nobody answered: each may take minutes */
    bool is_lost;      /* the registry does not know the upload any more */

    /* As a whole: read once for its digest and size, then again while it is sent. */
    bool is_whole, is_measured, is_paused;
    int n_redirects;
    char digest[DIGEST_MAX];
    int64_t size_bytes;
    struct err *read_err; /* of the layer, while it was sent */
};

static void upload_free(struct upload *u)
{
    registry_forget_upload(u->registry, u->location);
    if (u->is_beginning)
        registry_forget_beginning(u->registry, steal_ptr(&u->fetch));
    timer_clear(u->table->loop, &u->timer);
    fetch_cancel(steal_ptr(&u->fetch));
    blob_reader_destroy(u->reader);
    err_drop(u->read_err);
    free(u->location);
    arena_destroy(u->arena);
    free(u);
}

/* Takes err. */
static void end(struct upload *u, bool was_there, struct err *err)
{
    struct upload_result r = {.size_bytes = u->size_bytes, .was_there = was_there};
    void (*done)(void *, const struct upload_result *, struct err *) = u->plan.done;
    void *ctx = u->ctx;

    memcpy(r.digest, u->digest, sizeof(r.digest));
    upload_free(u);
    done(ctx, &r, err);
}

static void fail(struct upload *u, struct err *err)
{
    end(u, false, err);
}

/* ---- another try ---- */

static void on_timer(struct timer *t)
{
    struct upload *u = container_of(t, struct upload, timer);

    u->then(u);
}

static void note_progress(struct upload *u, int64_t have)
{
    if (have - u->kept < PROGRESS_BYTES)
        return;
    u->kept = have;
    u->tries = 0;
}

/* `then`, after a wait; the last try was one too many: ends with err. Takes it. */
static void try_again(struct upload *u, const struct fetch_result *r,
                      void (*then)(struct upload *u), struct err *err)
{
    int64_t ms;

    if (++u->tries >= TRIES_MAX) {
        fail(u, err);
        return;
    }
    err_drop(err);
    ms = fetch_wait_ms(u->tries, r->retry_after_s);
    u->then = then;
    timer_set(u->table->loop, &u->timer, ms, on_timer);
    u->plan.retry(u->ctx, (int)((ms + 999) / 1000));
}

/* It broke off, or the registry is in trouble or busy. What we do not follow stays as it is. */
static bool may_pass(const struct fetch_result *r, const struct err *err)
{
    if (r->status < 300)
        return err_kind(err) == ERR_INTERNAL;
    return r->status == 408 || r->status == 429 ||
           (r->status >= 500 && r->status != 501 && r->status != 505);
}

static struct fetch_plan request(struct upload *u, const char *method,
                                 void (*done)(void *ctx, const struct fetch_result *r,
                                              struct err *err))
{
    return (struct fetch_plan){
        .url = u->location,
        .method = method,
        .max_bytes = 64 * 1024,
        .size_bytes = -1,
        .content_from = -1,
        .is_single = true,
        .done = done,
    };
}

static void take_location(struct upload *u, const struct fetch_result *r)
{
    if (!r->location)
        return;
    free(u->location);
    u->location = mem_strdup(r->location);
}

/* What the registry keeps of it is of no use any more. */
static void forget_location(struct upload *u)
{
    registry_forget_upload(u->registry, u->location);
    free(steal_ptr(&u->location));
}

static void read_anew(struct upload *u);
static void begin(struct upload *u);
static void go_on(struct upload *u);
static void put_whole(struct upload *u);
static void ask(struct upload *u);
static void look_for_blob(struct upload *u);

static void begin_anew(struct upload *u)
{
    read_anew(u);
    forget_location(u);
    u->kept = 0;
    u->is_lost = false;
    begin(u);
}

/* The registry takes no pieces. */
static void go_whole(struct upload *u, struct err *err)
{
    if (u->is_whole) {
        fail(u, err);
        return;
    }
    err_drop(err);
    u->is_whole = true;
    forget_location(u);
    read_anew(u);
}

/* ---- POST ---- */

static bool takes_pieces(const struct fetch_result *r)
{
    int64_t least;

    return !r->min_chunk || !text_to_i64(r->min_chunk, &least) || least <= (int64_t)PIECE_BYTES;
}

static void on_begun(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct upload *u = ctx;

    u->fetch = NULL;
    u->is_beginning = false;
    if (!err && !r->location)
        err = err_new(ERR_INTERNAL, "the registry begins an upload (%d) and does not say where",
                      r->status);
    if (err) {
        fail(u, err);
        return;
    }
    take_location(u, r);
    if (u->is_whole)
        put_whole(u);
    else if (!takes_pieces(r))
        go_whole(u, NULL);
    else
        go_on(u);
}

static void on_begin_retry(void *ctx, int wait_s)
{
    struct upload *u = ctx;

    u->plan.retry(u->ctx, wait_s);
}

/* Here a try more costs nothing: it is the registry client's business. */
static void begin(struct upload *u)
{
    struct fetch_plan plan = request(u, "POST", on_begun);

    plan.path = "blobs/uploads/";
    plan.url = NULL;
    plan.is_single = false;
    plan.retry = on_begin_retry;
    u->is_beginning = true;
    u->fetch = registry_get(u->registry, &plan, u);
}

/* ---- PATCH ---- */

static void send_piece(struct upload *u);
static void close_upload(struct upload *u);

static void piece_is_sent(struct upload *u)
{
    u->has_piece = false;
    u->has_met_416 = false;
    note_progress(u, u->piece.from + (int64_t)u->piece.len);
    if (u->piece.is_last)
        close_upload(u);
    else
        go_on(u);
}

/* The registry has `have` bytes of the blob. False: of those that are missing some are gone. */
static bool take_place(struct upload *u, int64_t have)
{
    int64_t from = u->piece.from, to = from + (int64_t)u->piece.len;

    if (!have && from == 0 && to == 1) /* "0-0" is one byte or none */
        have = (int64_t)u->piece_at;
    if (have < from || have > to)
        return false;
    u->piece_at = (size_t)(have - from);
    note_progress(u, have);
    return true;
}

static void on_patched(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct upload *u = ctx;
    int64_t have;

    u->fetch = NULL;
    if (!err) {
        take_location(u, r);
        u->piece_at = u->piece.len;
        if (!location_range(r->range, &have) || (have == 0 && u->piece.len == 1) ||
            have == u->piece.from + (int64_t)u->piece.len) {
            piece_is_sent(u);
            return;
        }
        err = err_new(ERR_INTERNAL, "the registry was sent %lld bytes and says that it has %lld",
                      (long long)u->piece.from + (long long)u->piece.len, (long long)have);
        try_again(u, r, ask, err);
    } else if (may_pass(r, err) || (r->status == 416 && !u->has_met_416)) {
        u->has_met_416 = r->status == 416;
        try_again(u, r, ask, err);
    } else if (r->status == 404) {
        try_again(u, r, begin_anew, err);
    } else if (r->status == 401 || r->status == 403) {
        fail(u, err);
    } else {
        go_whole(u, err);
    }
}

static void send_piece(struct upload *u)
{
    struct fetch_plan plan = request(u, "PATCH", on_patched);

    ASSERT(u->has_piece && u->piece_at < u->piece.len && u->location);
    plan.content = u->piece.data + u->piece_at;
    plan.content_bytes = (int64_t)(u->piece.len - u->piece_at);
    plan.content_from = u->piece.from + (int64_t)u->piece_at;
    plan.content_type = "application/octet-stream";
    u->fetch = registry_get(u->registry, &plan, u);
}

static void on_asked(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct upload *u = ctx;
    int64_t have;

    u->fetch = NULL;
    if (err && may_pass(r, err)) {
        try_again(u, r, ask, err);
        return;
    }
    if (!err && location_range(r->range, &have) && take_place(u, have)) {
        take_location(u, r);
        if (u->piece_at == u->piece.len)
            piece_is_sent(u);
        else
            send_piece(u);
        return;
    }
    if (!err)
        err = err_new(ERR_INTERNAL, "the registry has lost the upload");
    try_again(u, r, begin_anew, err);
}

static void ask(struct upload *u)
{
    struct fetch_plan plan = request(u, "GET", on_asked);

    u->fetch = registry_get(u->registry, &plan, u);
}

/* ---- the pieces ---- */

static void measure(struct upload *u)
{
    if (!u->piece.is_last)
        return;
    u->is_measured = true;
    u->size_bytes = u->piece.from + (int64_t)u->piece.len;
    memcpy(u->digest, blob_reader_digest(u->reader), sizeof(u->digest));
    look_for_blob(u);
}

/* The next piece, and what is to be done with it. */
static void go_on(struct upload *u)
{
    struct err *e;

    ASSERT(!u->has_piece);
    u->waits_for_piece = true;
    if (!blob_reader_next(u->reader, &u->piece, &e)) {
        if (e)
            fail(u, e);
        return;
    }
    u->waits_for_piece = false;
    u->piece_at = 0;
    if (u->is_whole) {
        measure(u);
        if (!u->is_measured)
            go_on(u);
        return;
    }
    u->has_piece = true;
    if (u->piece.len)
        send_piece(u);
    else
        piece_is_sent(u);
}

static void on_piece(void *ctx)
{
    struct upload *u = ctx;

    if (u->is_paused && u->fetch) {
        u->is_paused = false;
        fetch_resume(u->fetch);
    } else if (u->waits_for_piece) {
        go_on(u);
    }
}

/* From its first byte; a worker that is at the old one comes back by itself. */
static void read_anew(struct upload *u)
{
    blob_reader_destroy(u->reader);
    u->reader = blob_reader_create(u->table, &u->plan.source, on_piece, u);
    u->piece = (struct blob_piece){0};
    u->piece_at = 0;
    u->has_piece = false;
    u->is_paused = false;
    u->waits_for_piece = u->is_whole && !u->is_measured;
}

/* ---- PUT ---- */

struct err *upload_check_taken(const struct fetch_result *r, const char *what, const char *digest)
{
    if (!text_is_empty(r->content_digest))
        return !strcmp(r->content_digest, digest)
                   ? NULL
                   : err_new(ERR_INTERNAL, "the registry was sent %s %s and says that it is %.100s",
                             what, digest, r->content_digest);
    if (r->status == 201 || r->status == 202 || r->status == 204)
        return NULL;
    return err_new(ERR_INTERNAL, "the registry was sent %s %s and does not say that it has it (%d)",
                   what, digest, r->status);
}

static void on_closed(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct upload *u = ctx;

    u->fetch = NULL;
    if (!err) {
        free(steal_ptr(&u->location)); /* it is a blob now */
        end(u, false, upload_check_taken(r, "blob", u->digest));
    } else if (may_pass(r, err) && (r->status || ++u->n_closed < CLOSES_MAX)) {
        try_again(u, r, look_for_blob, err);
    } else if (r->status == 404) { /* or it has taken it, and the answer was lost */
        u->is_lost = true;
        try_again(u, r, look_for_blob, err);
    } else {
        fail(u, err);
    }
}

static void close_upload(struct upload *u)
{
    struct fetch_plan plan = request(u, "PUT", on_closed);

    if (!*u->digest) {
        u->size_bytes = u->piece.from + (int64_t)u->piece.len;
        memcpy(u->digest, blob_reader_digest(u->reader), sizeof(u->digest));
    }
    plan.url = location_add_query(u->arena, u->location, "digest", u->digest);
    plan.content_type = "application/octet-stream";
    plan.is_slow = true;
    u->fetch = registry_get(u->registry, &plan, u);
}

/* ---- the whole in one PUT ---- */

static enum web_verdict give_bytes(void *ctx, void *p, size_t room, size_t *n)
{
    struct upload *u = ctx;

    while (u->piece_at == u->piece.len) {
        if (u->piece.is_last) {
            *n = 0;
            return WEB_TAKEN;
        }
        if (!blob_reader_next(u->reader, &u->piece, &u->read_err)) {
            u->is_paused = !u->read_err;
            return u->read_err ? WEB_STOP : WEB_PAUSE;
        }
        u->piece_at = 0;
    }
    *n = u->piece.len - u->piece_at;
    *n = *n < room ? *n : room;
    memcpy(p, u->piece.data + u->piece_at, *n);
    u->piece_at += *n;
    return WEB_TAKEN;
}

static void put_at(struct upload *u, const char *url);

static void on_put(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct upload *u = ctx;
    bool is_redirect = r->status == 307 || r->status == 308;

    u->fetch = NULL;
    if (u->read_err) {
        err_drop(err);
        fail(u, steal_ptr(&u->read_err));
    } else if (!err) {
        forget_location(u);
        end(u, false, upload_check_taken(r, "blob", u->digest));
    } else if (is_redirect && r->location && ++u->n_redirects <= REDIRECTS_MAX) {
        err_drop(err);
        read_anew(u);
        put_at(u, r->location);
    } else if (may_pass(r, err) || r->status == 401 || r->status == 404) {
        try_again(u, r, look_for_blob, err);
    } else {
        fail(u, err);
    }
}

static void put_at(struct upload *u, const char *url)
{
    struct fetch_plan plan = request(u, "PUT", on_put);

    plan.url = url;
    plan.content_type = "application/octet-stream";
    plan.content_bytes = u->size_bytes;
    plan.send = give_bytes;
    plan.is_slow = true;
    u->fetch = registry_get(u->registry, &plan, u);
}

static void put_whole(struct upload *u)
{
    u->n_redirects = 0;
    put_at(u, location_add_query(u->arena, u->location, "digest", u->digest));
}

/* ---- HEAD: of a blob that is measured, or that was perhaps taken ---- */

static void on_looked(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct upload *u = ctx;

    u->fetch = NULL;
    if (!err) {
        end(u, !u->location, NULL);
        return;
    }
    if (may_pass(r, err)) {
        try_again(u, r, look_for_blob, err);
        return;
    }
    if (r->status < 400 || r->status == 401 || r->status == 403) {
        fail(u, err);
        return;
    }
    err_drop(err);
    if (u->is_whole || u->is_lost)
        begin_anew(u);
    else
        close_upload(u);
}

static void look_for_blob(struct upload *u)
{
    struct fetch_plan plan = request(u, "HEAD", on_looked);
    autofree char *path = mem_printf("blobs/%s", u->digest);

    plan.path = path;
    plan.url = NULL;
    plan.is_single = false;
    u->fetch = registry_get(u->registry, &plan, u);
}

/* ---- public ---- */

struct upload *upload_start(const struct upload_plan *p, void *ctx)
{
    struct upload *u = mem_new(struct upload);

    ASSERT_LOOP();
    u->arena = arena_create();
    u->table = p->table;
    u->registry = p->registry;
    u->plan = *p;
    u->ctx = ctx;
    u->location = mem_strdup(p->location);
    u->plan.location = NULL;
    read_anew(u);
    if (u->location)
        go_on(u); /* the first piece has yet to be read */
    else
        begin(u);
    return u;
}

void upload_progress(const struct upload *u, int64_t *source_at, int64_t *source_size)
{
    const struct blob_piece *p = &u->piece;
    double done =
        (double)u->piece_at + (u->fetch && !u->is_whole ? (double)fetch_sent(u->fetch) : 0);
    double part = p->len ? done / (double)p->len : 0;

    *source_size = blob_reader_source_size(u->reader);
    *source_at =
        p->source_from + (int64_t)((double)(p->source_to - p->source_from) * (part > 1 ? 1 : part));
    if (u->is_whole && !u->is_measured) /* nothing is sent yet */
        *source_at = 0;
}

void upload_cancel(struct upload *u)
{
    if (u)
        upload_free(u);
}
