/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves what nobody knows out of the way. Start-up, blocking.
 * Trap: nothing is ever deleted from it, so it is bounded on the way in: when it is full, things
 * stay where they are, which is as safe.
 */
#include "core/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"

#include "db_copy.h"

enum { ENTRIES_MAX = 4096, SAME_NAME_MAX = 100, ID_KEPT = 200 };

struct quarantine {
    char *path;
    int dir; /* -1: not opened yet */
    int n;   /* entries */
};

struct quarantine *quarantine_create(const char *db_path)
{
    const char *slash = strrchr(db_path, '/');
    struct quarantine *q = mem_new(struct quarantine);

    q->path = slash ? mem_printf("%.*s/" QUARANTINE_NAME, (int)(slash - db_path), db_path)
                    : mem_strdup(QUARANTINE_NAME);
    q->dir = -1;
    return q;
}

void quarantine_destroy(struct quarantine *q)
{
    if (!q)
        return;
    if (q->dir >= 0)
        close(q->dir);
    free(q->path);
    free(q);
}

static int count_entries(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!stream) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    while ((entry = readdir(stream)))
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return n;
}

static struct err *make_room(struct quarantine *q)
{
    if (q->dir < 0) {
        TRY(dir_make_all(q->path, 0700));
        q->dir = open(q->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (q->dir < 0)
            return err_sys("open %s", q->path);
        q->n = count_entries(q->dir);
    }
    if (q->n >= ENTRIES_MAX)
        return err_new(ERR_TOO_LARGE, "%s holds %d entries already: look through them", q->path,
                       q->n);
    return NULL;
}

static struct err *move(struct quarantine *q, int dir, const char *name, const char *as,
                        char **out_name)
{
    TRY(make_room(q));
    for (int i = 0; i < SAME_NAME_MAX; i++) {
        autofree char *to = i ? mem_printf("%s.%d", as, i) : mem_strdup(as);

        if (renameat2(dir, name, q->dir, to, RENAME_NOREPLACE) == 0) {
            q->n++;
            *out_name = steal_ptr(&to);
            return NULL;
        }
        if (errno != EEXIST)
            return err_sys("move it to %s", q->path);
    }
    return err_new(ERR_TOO_LARGE, "%s holds too many of that name", q->path);
}

static bool is_folder(int dir, const char *name)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

void quarantine_put(struct quarantine *q, int dir, const char *name, const char *kind,
                    const char *id)
{
    const char *ending = is_folder(dir, name) ? "" : ".json";
    autofree char *as = mem_printf("%s-%.*s%s", kind, ID_KEPT, id, ending), *to = NULL;
    struct err *err = move(q, dir, name, as, &to);

    if (err) {
        log_error("what no document knows stays where it is", KV("kind", kind), KV("id", id),
                  KV("error", err_text(err)));
        err_drop(err);
        return;
    }
    log_warn("what no document knows was put into quarantine: 'berthd --recover' brings back what "
             "can be; or look at it and remove it",
             KV("kind", kind), KV("id", id), KV("quarantine", q->path), KV("as", to));
}

void quarantine_document(struct quarantine *q, const char *kind, const char *id, const char *json,
                         const char *why)
{
    autofree char *as = mem_printf("%s-%.*s.json", kind, ID_KEPT, id);
    autobuf struct buf text = {0};
    struct err *err = make_room(q);

    copy_text(&text, kind, id, json);
    if (!err)
        err = file_write_atomic(q->dir, as, text.data, text.len, 0600, true);
    if (err) {
        log_error("a document could not be put into quarantine", KV("kind", kind), KV("id", id),
                  KV("error", err_text(err)));
        err_drop(err);
        return;
    }
    q->n++;
    log_warn("a document was put into quarantine: 'berthd --recover' brings back what can be",
             KV("kind", kind), KV("id", id), KV("why", why), KV("quarantine", q->path),
             KV("as", as));
}
