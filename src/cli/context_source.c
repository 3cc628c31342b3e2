/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See context_source.h. A Dockerfile that is not in the folder goes in front, under a name that no
 * file has. The Dockerfile and .dockerignore are sent in any case, since the engine reads them: it
 * keeps them from COPY where they are to be left out.
 */
#include "context_source.h"

#include "base/fd.h"
#include "build/ignore.h"
#include "tar/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

enum {
    PIECE_BYTES = 256 << 10,
    TAR_END_BYTES = 1024, /* of zeros: the end of an archive */
    DOCKERFILE_MAX = 2 << 20,
};

struct context_source {
    struct arena *a;
    const char *dockerfile;
    struct buf front; /* goes first */
    bool is_front_sent;
    int fd; /* the folder, or the rest of stdin; -1: none */
    struct tar_pack *pack;
    const char *kept[3]; /* that .dockerignore does not leave out */
    struct ignore *ignore;
};

/* ---- a Dockerfile that is not in the folder ---- */

/* One file as the beginning of a tar. */
static struct err *add_front(struct context_source *c, const char *name, const char *text, size_t n)
{
    autoclose int fd = memfd_create("dockerfile", MFD_CLOEXEC);
    struct tar_pack *pack;
    bool is_end = false;
    struct err *e = NULL;

    if (fd < 0 || fchmod(fd, 0600) < 0)
        return err_sys("keep the Dockerfile");
    TRY(fd_write_all(fd, text, n));
    pack = tar_pack_create(&(struct tar_pack_plan){.source = fd, .root_name = name, .prefix = ""});
    while (!e && !is_end)
        e = tar_pack_more(pack, n + PIECE_BYTES, &c->front, &is_end);
    tar_pack_destroy(pack);
    if (!e)
        c->front.len -= TAR_END_BYTES;
    return e;
}

static struct err *add_dockerfile(struct context_source *c, const char *text, size_t n)
{
    uint64_t random = 0;

    (void)!getrandom(&random, sizeof(random), 0);
    c->dockerfile = arena_printf(c->a, ".dockerfile.%016llx", (unsigned long long)random);
    return add_front(c, c->dockerfile, text, n);
}

static struct err *read_outside(struct context_source *c, const char *file)
{
    char *text;
    size_t n;

    if (!strcmp(file, "-")) {
        TRY(file_read_fd(c->a, STDIN_FILENO, DOCKERFILE_MAX, &text, &n));
    } else {
        struct err *e = file_read(c->a, AT_FDCWD, file, DOCKERFILE_MAX, &text, &n);

        if (e)
            return err_wrap(e, "unable to prepare context: unable to read Dockerfile %s", file);
    }
    return add_dockerfile(c, text, n);
}

/* Of a path in the folder the part behind it; NULL: it is not there. */
static const char *inside(struct context_source *c, const char *folder, const char *file)
{
    autofree char *root = realpath(folder, NULL), *real = realpath(file, NULL);
    size_t n = root ? strlen(root) : 0;

    if (!root || !real || strncmp(root, real, n) != 0)
        return NULL;
    if (n == 1)
        return arena_strdup(c->a, real + 1);
    return real[n] == '/' ? arena_strdup(c->a, real + n + 1) : NULL;
}

/* ---- a folder ---- */

static struct err *read_ignore(struct context_source *c, const char *name, char **text, size_t *n)
{
    struct err *e = file_read(c->a, c->fd, name, IGNORE_SIZE_MAX, text, n);

    if (e && err_kind(e) == ERR_NOT_FOUND) {
        err_drop(e);
        *text = NULL;
        return NULL;
    }
    return e;
}

static struct err *open_ignore(struct context_source *c)
{
    const char *dockerfile = *c->dockerfile ? c->dockerfile : "Dockerfile";
    const char *name = ignore_file_name(c->a, dockerfile);
    char *text;
    size_t n;

    c->kept[0] = dockerfile;
    c->kept[1] = name;
    c->kept[2] = ".dockerignore";
    TRY(read_ignore(c, name, &text, &n));
    if (!text) {
        name = c->kept[2];
        TRY(read_ignore(c, name, &text, &n));
    }
    return text ? ignore_parse(c->a, name, text, n, &c->ignore) : NULL;
}

static bool is_kept(const struct context_source *c, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(c->kept); i++)
        if (!strcmp(c->kept[i], name))
            return true;
    return false;
}

/* The folder of a Dockerfile is gone into, whatever is left out of it. */
static bool leads_to_kept(const struct context_source *c, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < ARRAY_LEN(c->kept); i++)
        if (!strncmp(c->kept[i], name, n) && c->kept[i][n] == '/')
            return true;
    return false;
}

static enum tar_pack_choice choose(void *ctx, const char *name, bool is_dir)
{
    const struct context_source *c = ctx;

    if (!ignore_excludes(c->ignore, name) || is_kept(c, name))
        return TAR_PACK_TAKES;
    if (is_dir && (leads_to_kept(c, name) || !ignore_skips_folder(c->ignore, name)))
        return TAR_PACK_OMITS;
    return TAR_PACK_SKIPS;
}

static struct err *open_folder(struct context_source *c, const char *path, const char *file)
{
    const char *in_folder = file ? inside(c, path, file) : NULL;

    c->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->fd < 0 && errno == ENOENT)
        return err_new(ERR_NOT_FOUND, "unable to prepare context: path \"%s\" not found", path);
    if (c->fd < 0)
        return err_sys("unable to prepare context: open %s", path);
    if (in_folder)
        c->dockerfile = in_folder;
    else if (file)
        TRY(read_outside(c, file));
    TRY(open_ignore(c));
    c->pack = tar_pack_create(&(struct tar_pack_plan){.source = c->fd,
                                                      .root_name = "./",
                                                      .prefix = "",
                                                      .is_own = true,
                                                      .choose = c->ignore ? choose : NULL,
                                                      .ctx = c});
    return NULL;
}

/* ---- stdin ---- */

static bool is_archive(const struct buf *b)
{
    static const struct {
        size_t at, n;
        const char *magic;
    } kinds[] = {
        {257, 5, "ustar"},
        {0, 2, "\x1f\x8b"},
        {0, 3, "BZh"},
        {0, 5,
         "\xfd"
         "7zXZ"},
        {0, 4, "\x28\xb5\x2f\xfd"},
    };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (b->len >= kinds[i].at + kinds[i].n &&
            !memcmp(b->data + kinds[i].at, kinds[i].magic, kinds[i].n))
            return true;
    return false;
}

static struct err *read_piece(int fd, size_t n, struct buf *out, bool *is_end)
{
    ssize_t got;

    buf_reserve(out, n);
    do
        got = read(fd, out->data + out->len, n);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_sys("read stdin");
    out->len += (size_t)got;
    *is_end = got == 0;
    return NULL;
}

/* Up to a piece, by which a tar and a Dockerfile are told apart. */
static struct err *open_stdin(struct context_source *c)
{
    bool is_end = false;

    while (!is_end && c->front.len < PIECE_BYTES)
        TRY(read_piece(STDIN_FILENO, PIECE_BYTES, &c->front, &is_end));
    if (is_archive(&c->front)) {
        c->fd = is_end ? -1 : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        return !is_end && c->fd < 0 ? err_sys("read stdin") : NULL;
    }
    while (!is_end && c->front.len < DOCKERFILE_MAX)
        TRY(read_piece(STDIN_FILENO, PIECE_BYTES, &c->front, &is_end));
    if (!is_end)
        return err_new(ERR_TOO_LARGE, "stdin is no tar archive, and too large for a Dockerfile");
    if (!c->front.len)
        return err_new(ERR_INVALID, "unable to prepare context: stdin is empty");
    {
        struct buf text = c->front;
        struct err *e;

        c->front = (struct buf){0};
        e = add_front(c, "Dockerfile", text.data, text.len);
        buf_finish(&text);
        c->front.len += e ? 0 : TAR_END_BYTES; /* nothing follows */
        return e;
    }
}

/* ---- what others use ---- */

struct err *context_source_open(struct arena *a, const char *path, const char *file,
                                struct context_source **out)
{
    struct context_source *c = arena_new(a, struct context_source);
    bool is_stdin = !strcmp(path, "-");
    struct err *e;

    c->a = a;
    c->fd = -1;
    c->dockerfile = is_stdin && file ? file : "";
    if (is_stdin && file && !strcmp(file, "-"))
        return err_new(ERR_INVALID,
                       "invalid argument: can't use stdin for both build context and dockerfile");
    e = is_stdin ? open_stdin(c) : open_folder(c, path, file);
    if (e)
        context_source_close(c);
    else
        *out = c;
    return e;
}

const char *context_source_dockerfile(const struct context_source *c)
{
    return c->dockerfile;
}

struct err *context_source_produce(void *context, struct buf *out, bool *is_end)
{
    struct context_source *c = context;

    *is_end = false;
    if (!c->is_front_sent) {
        c->is_front_sent = true;
        buf_add(out, c->front.data, c->front.len);
        *is_end = !c->pack && c->fd < 0;
        return NULL;
    }
    if (c->pack)
        return tar_pack_more(c->pack, PIECE_BYTES, out, is_end);
    return read_piece(c->fd, PIECE_BYTES, out, is_end);
}

void context_source_close(struct context_source *c)
{
    if (!c)
        return;
    tar_pack_destroy(c->pack);
    buf_finish(&c->front);
    if (c->fd >= 0)
        close(c->fd);
}
