/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The copies of the documents on disk and the thread that writes them. The writer of the database
 * says what it commits; the lock is held for one file at a time, so it never waits for longer.
 * Trap: a copy is written from what was committed and never before; the thread reads what a
 * start-up found lacking from the database, and then looks whether a commit overtook it.
 */
#include "db_copies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"

#define GOING ".going"
#define STACK (512 << 10)
#define PAUSE_MS 20 /* before a round: of a short life nothing is written, of many changes one */
#define START_MS 500
#define GOING_MS 60000 /* by then, what belonged to it has gone, too */
#define COPY_MAX (64u << 20)
#define HEAD_MAX 1024
#define NAME_LEN_MAX 255 /* of a file */

struct evidence {
    char *kind, *id, *json; /* json: NULL when the copy is not whole */
    enum db_evidence what;
};

struct leaving { /* a going copy that is unlinked when it is due */
    struct list link;
    char *dir_name, *id;
    int64_t due_ns;
};

struct copies {
    char *path;
    struct quarantine *quarantine; /* start-up */
    struct map *evidence; /* "kind/id" → struct evidence; loop, after start-up read only */
    copies_fetch_fn fetch;
    void *fetch_ctx;
    struct map *known; /* start-up, then the thread's: "kind/id" → int64_t sum */
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows, and the files */
    pthread_cond_t wake;
    int top;             /* the folder */
    struct map *dirs;    /* "KIND", "KIND.going" → descriptor + 1 */
    struct map *pending; /* "kind/id" → char *json */
    struct list leaving; /* in the order of due_ns */
    const char *fetching;
    bool is_overtaken; /* `fetching` was written or deleted meanwhile */
    bool is_idle, is_closing, has_failed;
};

char *copies_path(const char *db_path)
{
    return mem_printf("%s-copies", db_path);
}

/* ---- files; with the lock, or before the thread is there ---- */

/* -1: there is none, and it cannot be made. */
static int dir_of(struct copies *c, const char *name)
{
    int fd = (int)(intptr_t)map_get(c->dirs, name) - 1;

    if (fd >= 0)
        return fd;
    if (mkdirat(c->top, name, 0700) < 0 && errno != EEXIST)
        return -1;
    fd = openat(c->top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        map_put(c->dirs, name, (void *)(intptr_t)(fd + 1));
    return fd;
}

static int going_dir_of(struct copies *c, const char *kind)
{
    autofree char *name = mem_printf("%s" GOING, kind);

    return dir_of(c, name);
}

/* All our ids are names of files, but whoever writes a test may choose others. */
static bool can_be_file(const char *id)
{
    size_t n = strlen(id);

    return n && n <= NAME_LEN_MAX && id[0] != '.' && !strchr(id, '/');
}

static void note_result(struct copies *c, struct err *err, const char *kind, const char *id)
{
    if (err && !c->has_failed)
        log_warn("the copy of a document cannot be written: it would be missing if the database "
                 "were damaged",
                 KV("kind", kind), KV("id", id), KV("error", err_text(err)));
    c->has_failed = err != NULL;
    err_drop(err);
}

/* In its place, which costs a fraction of a file beside it and a rename: what is cut off here does
 * not have its checksum, and the database has what it would have said. */
static struct err *write_file(int dir, const char *name, const struct buf *text)
{
    autoclose int fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    struct stat st;

    if (fd < 0)
        return err_sys("open %s", name);
    TRY(fd_write_all(fd, text->data, text->len));
    if (fstat(fd, &st) < 0 ||
        (st.st_size > (off_t)text->len && ftruncate(fd, (off_t)text->len) < 0))
        return err_sys("cut %s", name);
    return NULL;
}

static void write_copy(struct copies *c, const char *kind, const char *id, const char *json)
{
    autobuf struct buf text = {0};
    int dir = dir_of(c, kind);
    struct err *err;

    copy_text(&text, kind, id, json);
    err = dir < 0 ? err_sys("make the folder of copies") : write_file(dir, id, &text);
    note_result(c, err, kind, id);
}

static bool has_sum(struct copies *c, const char *kind, const char *id, int64_t sum)
{
    char head[HEAD_MAX + 1];
    int dir = dir_of(c, kind);
    autoclose int fd = dir < 0 ? -1 : openat(dir, id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, head, HEAD_MAX, 0);
    struct copy copy;

    if (n < 0)
        return false;
    head[n] = '\0';
    return copy_parse_head(head, &copy) && copy.sum == sum && !strcmp(copy.kind, kind) &&
           !strcmp(copy.id, id);
}

/* ---- the thread ---- */

/* "kind/id" → its two parts, in a copy. */
static char *split_key(const char *key, const char **id)
{
    char *kind = mem_strdup(key), *slash = strchr(kind, '/');

    *slash = '\0';
    *id = slash + 1;
    return kind;
}

/* What is right already is left; else the database is asked. Takes and gives the lock. */
static void check_known(struct copies *c, const char *key, int64_t sum)
{
    const char *id;
    autofree char *kind = split_key(key, &id), *json = NULL;

    if (!can_be_file(id) || map_get(c->pending, key) || has_sum(c, kind, id, sum))
        return;
    c->fetching = key;
    c->is_overtaken = false;
    pthread_mutex_unlock(&c->lock);
    json = c->fetch(c->fetch_ctx, kind, id);
    pthread_mutex_lock(&c->lock);
    c->fetching = NULL;
    if (json && !c->is_overtaken)
        write_copy(c, kind, id, json);
}

static void check_all_known(struct copies *c)
{
    size_t cursor = 0;
    const char *key;
    void *sum;

    while (map_next(c->known, &cursor, &key, &sum)) {
        if (!c->is_closing) /* the next start will */
            check_known(c, key, *(int64_t *)sum);
        free(sum);
        pthread_mutex_unlock(&c->lock);
        pthread_mutex_lock(&c->lock);
    }
    map_destroy(steal_ptr(&c->known));
}

static void write_pending(struct copies *c)
{
    size_t cursor = 0;
    const char *key, *id;
    void *json;

    while (cursor = 0, map_next(c->pending, &cursor, &key, &json)) {
        autofree char *kind = split_key(key, &id);

        map_take(c->pending, key);
        write_copy(c, kind, id, json);
        free(json);
        pthread_mutex_unlock(&c->lock);
        pthread_mutex_lock(&c->lock);
    }
}

static void leaving_free(struct leaving *l)
{
    list_remove(&l->link);
    free(l->dir_name);
    free(l->id);
    free(l);
}

static void unlink_due(struct copies *c)
{
    int64_t now = clock_boot_ns();

    list_each (l, &c->leaving, struct leaving, link) {
        int dir = l->due_ns <= now ? dir_of(c, l->dir_name) : -1;

        if (l->due_ns > now)
            break;
        if (dir >= 0)
            unlinkat(dir, l->id, 0);
        leaving_free(l);
    }
}

static void wait_ms(struct copies *c, int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * NS_PER_MS;
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_sec++;
        until.tv_nsec -= NS_PER_S;
    }
    pthread_cond_timedwait(&c->wake, &c->lock, &until);
}

static void wait_for_work(struct copies *c)
{
    c->is_idle = true;
    if (list_is_empty(&c->leaving))
        pthread_cond_wait(&c->wake, &c->lock);
    else
        wait_ms(c, GOING_MS);
    c->is_idle = false;
}

/* A start has more urgent things to do than to compare. */
static void wait_for_start_up(struct copies *c)
{
    for (int i = 0; i < START_MS / PAUSE_MS && !c->is_closing; i++) {
        write_pending(c);
        wait_ms(c, PAUSE_MS);
    }
}

static void *copies_main(void *arg)
{
    struct copies *c = arg;

    prctl(PR_SET_NAME, "db-copies");
    pthread_mutex_lock(&c->lock);
    wait_for_start_up(c);
    check_all_known(c);
    for (;;) {
        unlink_due(c);
        if (!map_count(c->pending) && !c->is_closing)
            wait_for_work(c);
        if (map_count(c->pending) && !c->is_closing)
            wait_ms(c, PAUSE_MS);
        write_pending(c);
        if (c->is_closing && !map_count(c->pending))
            break;
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- start-up: what the copies know and the database does not ---- */

static char *key_of(const char *kind, const char *id)
{
    return mem_printf("%s/%s", kind, id);
}

static void evidence_free(struct evidence *e)
{
    if (!e)
        return;
    free(e->kind);
    free(e->id);
    free(e->json);
    free(e);
}

static void note_evidence(struct copies *c, const char *kind, const char *id, const char *json,
                          enum db_evidence what)
{
    autofree char *key = key_of(kind, id);
    struct evidence *e = mem_new(struct evidence);

    e->kind = mem_strdup(kind);
    e->id = mem_strdup(id);
    e->json = mem_strdup(json);
    e->what = what;
    evidence_free(map_put(c->evidence, key, e));
}

static struct err *list_names(struct arena *a, int dir, struct strs *out)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!stream) {
        if (fd >= 0)
            close(fd);
        return err_sys("read a folder of copies");
    }
    while ((entry = readdir(stream)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            strs_add(a, out, entry->d_name);
    closedir(stream);
    return NULL;
}

static bool read_copy(struct arena *a, int dir, const char *name, struct copy *out)
{
    char *text;
    size_t len;
    autoerr struct err *err = file_read(a, dir, name, COPY_MAX, &text, &len);

    return !err && copy_parse(text, len, out);
}

static void leave_later(struct copies *c, const char *dir_name, const char *id)
{
    struct leaving *l = mem_new(struct leaving);

    l->dir_name = mem_strdup(dir_name);
    l->id = mem_strdup(id);
    l->due_ns = clock_boot_ns() + GOING_MS * NS_PER_MS;
    list_append(&c->leaving, &l->link);
}

static void meet_one(struct copies *c, const char *dir_name, bool is_going, const char *id)
{
    autoarena struct arena *a = arena_create();
    char *kind = arena_strdup(a, dir_name);
    int dir = dir_of(c, dir_name);
    struct copy copy = {0};
    bool is_known;

    if (is_going)
        kind[strlen(kind) - strlen(GOING)] = '\0';
    is_known = map_get(c->known, arena_printf(a, "%s/%s", kind, id));
    if (dir < 0 || (is_known && !is_going))
        return;
    if (id[0] == '.' || is_known) { /* half written; a deletion that did not come to pass */
        unlinkat(dir, id, 0);
        return;
    }
    if (!read_copy(a, dir, id, &copy) || strcmp(copy.kind, kind) != 0 || strcmp(copy.id, id) != 0)
        copy.json = NULL;
    note_evidence(c, kind, id, copy.json, is_going ? DB_WAS_GOING : DB_HAS_LOST);
    if (is_going)
        leave_later(c, dir_name, id);
    else
        quarantine_put(c->quarantine, dir, id, kind, id);
}

static struct err *meet_copies(struct copies *c)
{
    autoarena struct arena *a = arena_create();
    struct strs kinds = {0};

    TRY(list_names(a, c->top, &kinds));
    for (int is_going = 1; is_going >= 0; is_going--) /* loss is the stronger word: it comes last */
        for (size_t i = 0; i < kinds.n; i++) {
            struct strs ids = {0};
            int dir = dir_of(c, kinds.v[i]);

            if (text_ends(kinds.v[i], GOING) != (bool)is_going || dir < 0)
                continue;
            TRY(list_names(a, dir, &ids));
            for (size_t n = 0; n < ids.n; n++)
                meet_one(c, kinds.v[i], is_going, ids.v[n]);
        }
    return NULL;
}

static void destroy(struct copies *c)
{
    size_t cursor = 0;
    void *value;

    while (c->known && map_next(c->known, &cursor, NULL, &value))
        free(value);
    map_destroy(c->known);
    for (cursor = 0; map_next(c->evidence, &cursor, NULL, &value);)
        evidence_free(value);
    map_destroy(c->evidence);
    for (cursor = 0; map_next(c->dirs, &cursor, NULL, &value);)
        close((int)(intptr_t)value - 1);
    map_destroy(c->dirs);
    map_destroy(c->pending);
    list_each (l, &c->leaving, struct leaving, link)
        leaving_free(l);
    if (c->top >= 0)
        close(c->top);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    free(c->path);
    free(c);
}

static void init_sync(struct copies *c)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &attr);
    pthread_condattr_destroy(&attr);
}

static struct err *begin(struct copies *c)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int r;

    TRY(dir_make_all(c->path, 0700));
    c->top = open(c->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (c->top < 0)
        return err_sys("open %s", c->path);
    TRY(meet_copies(c));
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&c->thread, &attr, copies_main, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return r ? err_sysno(r, "start the thread of the copies") : NULL;
}

struct err *copies_open(const char *db_path, struct map *known, struct quarantine *q,
                        copies_fetch_fn fetch, void *fetch_ctx, struct copies **out)
{
    struct copies *c = mem_new(struct copies);
    struct err *err;

    c->path = copies_path(db_path);
    c->quarantine = q;
    c->known = known;
    c->fetch = fetch;
    c->fetch_ctx = fetch_ctx;
    c->evidence = map_create();
    c->dirs = map_create();
    c->pending = map_create();
    c->top = -1;
    list_init(&c->leaving);
    init_sync(c);
    err = begin(c);
    if (err) {
        destroy(c);
        return err_wrap(err, "open the copies of the documents");
    }
    *out = c;
    return NULL;
}

void copies_close(struct copies *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->is_closing = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    destroy(c);
}

/* ---- around a commit ---- */

/* Whether there was something to be written. */
static bool overtake(struct copies *c, const char *key)
{
    autofree char *json = map_take(c->pending, key);

    if (c->fetching && !strcmp(c->fetching, key))
        c->is_overtaken = true;
    return json;
}

void copies_put(struct copies *c, const char *kind, const char *id, const char *json)
{
    autofree char *key = key_of(kind, id);

    if (!can_be_file(id))
        return;
    pthread_mutex_lock(&c->lock);
    overtake(c, key);
    map_put(c->pending, key, mem_strdup(json));
    if (c->is_idle)
        pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

/* Without a copy there is a file all the same: it is the word that the deletion had begun. Not for
 * what is so young that its copy has not been written: its folder says so itself. */
void copies_going(struct copies *c, const char *kind, const char *id)
{
    autofree char *key = key_of(kind, id);
    bool was_due;
    int from, to;

    if (!can_be_file(id))
        return;
    pthread_mutex_lock(&c->lock);
    was_due = overtake(c, key);
    from = dir_of(c, kind);
    to = going_dir_of(c, kind);
    if (from >= 0 && to >= 0 && renameat(from, id, to, id) < 0 && errno == ENOENT && !was_due) {
        int fd = openat(to, id, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd >= 0)
            close(fd);
    }
    pthread_mutex_unlock(&c->lock);
}

void copies_staying(struct copies *c, const char *kind, const char *id)
{
    int from, to;

    if (!can_be_file(id))
        return;
    pthread_mutex_lock(&c->lock);
    from = going_dir_of(c, kind);
    to = dir_of(c, kind);
    if (from >= 0 && to >= 0)
        (void)!renameat2(from, id, to, id, RENAME_NOREPLACE);
    pthread_mutex_unlock(&c->lock);
}

/* Also of what the same commit had written before. */
void copies_gone(struct copies *c, const char *kind, const char *id)
{
    autofree char *name = mem_printf("%s" GOING, kind), *key = key_of(kind, id);

    if (!can_be_file(id))
        return;
    pthread_mutex_lock(&c->lock);
    overtake(c, key);
    leave_later(c, name, id);
    pthread_mutex_unlock(&c->lock);
}

/* ---- evidence ---- */

enum db_evidence copies_evidence(struct copies *c, const char *kind, const char *id)
{
    autofree char *key = key_of(kind, id);
    const struct evidence *e = map_get(c->evidence, key);

    return e ? e->what : DB_KNOWS_NOTHING;
}

void copies_note_lost(struct copies *c, const char *kind, const char *id, const char *json)
{
    note_evidence(c, kind, id, json, DB_HAS_LOST);
}

struct err *copies_each_evidence(struct copies *c, const char *kind, enum db_evidence which,
                                 struct err *(*fn)(void *ctx, const char *id, const char *json),
                                 void *ctx)
{
    size_t cursor = 0;
    void *value;

    while (map_next(c->evidence, &cursor, NULL, &value)) {
        const struct evidence *e = value;

        if (e->what == which && e->json && !strcmp(e->kind, kind))
            TRY(fn(ctx, e->id, e->json));
    }
    return NULL;
}

/* ---- --recover ---- */

static struct err *each_of(int top, const char *dir_name,
                           struct err *(*fn)(void *ctx, const struct copy *c), void *ctx)
{
    autoclose int dir = openat(top, dir_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autoarena struct arena *names = arena_create();
    struct strs ids = {0};

    if (dir < 0)
        return NULL;
    TRY(list_names(names, dir, &ids));
    for (size_t i = 0; i < ids.n; i++) {
        autoarena struct arena *a = arena_create();
        struct copy copy;

        if (read_copy(a, dir, ids.v[i], &copy))
            TRY(fn(ctx, &copy));
    }
    return NULL;
}

struct err *copies_each_in(const char *path, struct err *(*fn)(void *ctx, const struct copy *c),
                           void *ctx)
{
    autoclose int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (top < 0)
        return errno == ENOENT ? NULL : err_sys("open %s", path);
    return each_of(top, ".", fn, ctx);
}

/* In its folders, but those of what was going. */
static struct err *each_below(const char *path, struct err *(*fn)(void *ctx, const struct copy *c),
                              void *ctx)
{
    autoclose int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoarena struct arena *a = arena_create();
    struct strs names = {0};

    if (top < 0)
        return errno == ENOENT ? NULL : err_sys("open %s", path);
    TRY(list_names(a, top, &names));
    for (size_t i = 0; i < names.n; i++)
        if (!text_ends(names.v[i], GOING))
            TRY(each_of(top, names.v[i], fn, ctx));
    return NULL;
}

struct err *copies_each(const char *db_path, struct err *(*fn)(void *ctx, const struct copy *c),
                        void *ctx)
{
    autofree char *path = copies_path(db_path);

    return each_below(path, fn, ctx);
}

static struct err *note_any(void *ctx, const struct copy *c)
{
    (void)c;
    *(bool *)ctx = true;
    return NULL;
}

bool copies_exist(const char *db_path)
{
    bool any = false;

    err_drop(copies_each(db_path, note_any, &any));
    return any;
}
