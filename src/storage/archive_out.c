/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents and layers → tar. Worker. A layer comes from its record and its files while it is sent:
 * how large it is is known before, so nothing is held or written.
 */
#include "storage/archive_out.h"

#include "storage/layer_tar.h"
#include "tar/header.h"

enum { PIECE_BYTES = 256 << 10 };

struct out_member {
    struct out_member *next;
    const char *name, *text;
    size_t len;
    struct layer_tar *layer; /* NULL: it is text, or a directory */
};

struct archive_out {
    struct arena *arena;
    struct out_member *first, **end;
    bool is_begun; /* the first one's header is out */
};

struct archive_out *archive_out_create(void)
{
    struct archive_out *o = mem_new(struct archive_out);

    o->arena = arena_create();
    o->end = &o->first;
    return o;
}

static struct out_member *add(struct archive_out *o, const char *name)
{
    struct out_member *m = arena_new(o->arena, struct out_member);

    m->name = arena_strdup(o->arena, name);
    *o->end = m;
    o->end = &m->next;
    return m;
}

void archive_out_add_dir(struct archive_out *o, const char *name)
{
    add(o, name);
}

void archive_out_add_text(struct archive_out *o, const char *name, const char *p, size_t n)
{
    struct out_member *m = add(o, name);

    m->text = arena_strndup(o->arena, p, n);
    m->len = n;
}

void archive_out_add_layer(struct archive_out *o, const char *name, struct layer_tar *t)
{
    add(o, name)->layer = t;
}

static void end_member(struct archive_out *o)
{
    layer_tar_close(steal_ptr(&o->first->layer));
    o->first = o->first->next;
    o->is_begun = false;
}

void archive_out_destroy(struct archive_out *o)
{
    if (!o)
        return;
    while (o->first)
        end_member(o);
    arena_destroy(o->arena);
    free(o);
}

/* Without times and owners: they would be those of now and here. */
static void begin_member(struct archive_out *o, struct buf *out)
{
    const struct out_member *m = o->first;
    bool is_dir = !m->layer && !m->text;

    o->is_begun = true;
    tar_header_add(out, &(struct tar_file){
                            .name = m->name,
                            .mode = is_dir ? S_IFDIR | 0755 : S_IFREG | 0644,
                            .size = m->layer ? layer_tar_size(m->layer) : (int64_t)m->len,
                        });
}

static struct err *step(struct archive_out *o, struct buf *out)
{
    struct out_member *m = o->first;
    size_t n = 0;

    if (!o->is_begun) {
        begin_member(o, out);
        buf_add(out, m->text, m->len);
        return NULL;
    }
    if (m->layer) {
        buf_reserve(out, PIECE_BYTES);
        TRY(layer_tar_read(m->layer, out->data + out->len, PIECE_BYTES, &n));
        out->len += n;
        out->data[out->len] = '\0';
    }
    if (n)
        return NULL;
    tar_header_pad(out, m->layer ? layer_tar_size(m->layer) : (int64_t)m->len);
    end_member(o);
    if (!o->first)
        tar_header_end(out);
    return NULL;
}

struct err *archive_out_more(struct archive_out *o, size_t room, struct buf *out, bool *is_end)
{
    buf_reserve(out, room + PIECE_BYTES); /* once: it is taken again and again */
    while (out->len < room && o->first)
        TRY(step(o, out));
    *is_end = !o->first;
    return NULL;
}
