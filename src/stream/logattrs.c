/* SPDX-License-Identifier: Apache-2.0 */
/* Tags and attributes of log records, from the options that all drivers share. Pure. */
#include "logattrs.h"

#include <regex.h>
#include <string.h>

#include "base/digest.h"
#include "base/map.h"

#include "log_record.h"

enum tag_value {
    TAG_ID,
    TAG_FULL_ID,
    TAG_NAME,
    TAG_IMAGE,
    TAG_IMAGE_ID,
    TAG_FULL_IMAGE_ID,
    TAG_DAEMON
};
static const char *const templates[] = {
    [TAG_ID] = "{{.ID}}",
    [TAG_FULL_ID] = "{{.FullID}}",
    [TAG_NAME] = "{{.Name}}",
    [TAG_IMAGE] = "{{.ImageName}}",
    [TAG_IMAGE_ID] = "{{.ImageID}}",
    [TAG_FULL_IMAGE_ID] = "{{.ImageFullID}}",
    [TAG_DAEMON] = "{{.DaemonName}}",
};

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static void add_value(struct buf *out, const struct log_spec *s, size_t which)
{
    const char *image = or_empty(s->image_id), *id = or_empty(s->container_id);
    const char *hex = text_starts(image, "sha256:") ? image + 7 : image;

    switch (which) {
    case TAG_ID:
        buf_add(out, id, strnlen(id, ID_SHORT));
        break;
    case TAG_FULL_ID:
        buf_puts(out, id);
        break;
    case TAG_NAME:
        buf_puts(out, or_empty(s->container_name));
        break;
    case TAG_IMAGE:
        buf_puts(out, or_empty(s->image_name));
        break;
    case TAG_IMAGE_ID:
        buf_add(out, hex, strnlen(hex, ID_SHORT));
        break;
    case TAG_FULL_IMAGE_ID:
        buf_puts(out, image);
        break;
    default:
        buf_puts(out, "docker"); /* what Docker's drivers call themselves */
    }
}

struct err *log_tag(struct arena *a, const struct log_spec *s, const char *otherwise, char **out)
{
    const char *tag = s->options ? pairs_get(s->options, "tag") : NULL;
    autobuf struct buf text = {0};

    buf_puts(&text, "");
    for (const char *at = text_is_empty(tag) ? otherwise : tag; *at;) {
        size_t which = 0;

        while (which < ARRAY_LEN(templates) && !text_starts(at, templates[which]))
            which++;
        if (which < ARRAY_LEN(templates)) {
            add_value(&text, s, which);
            at += strlen(templates[which]);
        } else if (text_starts(at, "{{")) {
            return err_new(ERR_INVALID,
                           "log tag '%s': only plain names like {{.ID}}, {{.FullID}}, "
                           "{{.Name}}, {{.ImageName}} can be used",
                           tag);
        } else {
            buf_putc(&text, *at++);
        }
    }
    *out = arena_strdup(a, text.data);
    return NULL;
}

static struct err *check_regex(const struct pairs *o, const char *key)
{
    const char *text = pairs_get(o, key);
    regex_t re;

    if (!text)
        return NULL;
    if (regcomp(&re, text, REG_EXTENDED | REG_NOSUB))
        return err_new(ERR_INVALID, "invalid %s: '%s' is not a regular expression", key, text);
    regfree(&re);
    return NULL;
}

struct err *log_attrs_check(const struct pairs *options)
{
    TRY(check_regex(options, "labels-regex"));
    return check_regex(options, "env-regex");
}

/* What two options choose: names of a comma list, and those that match an expression. Read once:
 * the names that are asked for are an image's, in any number. */
struct choice {
    struct map *names; /* NULL: none */
    regex_t re;
    bool has_re;
};

static void choice_init(struct choice *c, struct arena *a, const struct pairs *o, const char *list,
                        const char *expression)
{
    const char *text = pairs_get(o, list), *re = pairs_get(o, expression);
    struct strs names = {0};

    *c = (struct choice){0};
    if (text) {
        c->names = map_create();
        names = text_split(a, text, ',');
    }
    for (size_t i = 0; i < names.n; i++)
        map_put(c->names, text_trim(names.v[i]), c);
    c->has_re = re && !regcomp(&c->re, re, REG_EXTENDED | REG_NOSUB);
}

static void choice_finish(struct choice *c)
{
    map_destroy(c->names);
    if (c->has_re)
        regfree(&c->re);
}

static bool choice_has(const struct choice *c, const char *name)
{
    return (c->names && map_get(c->names, name)) ||
           (c->has_re && !regexec(&c->re, name, 0, NULL, 0));
}

static int by_key(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    return strcmp(x->key, y->key);
}

static void log_attrs_sort(struct pairs *attrs)
{
    if (attrs->n)
        qsort(attrs->v, attrs->n, sizeof(*attrs->v), by_key);
}

static void add_labels(struct arena *a, const struct log_spec *s, struct pairs *out)
{
    struct choice chosen;

    choice_init(&chosen, a, s->options, "labels", "labels-regex");
    for (size_t i = 0; s->labels && i < s->labels->n; i++)
        if (choice_has(&chosen, s->labels->v[i].key))
            pairs_add(a, out, s->labels->v[i].key, s->labels->v[i].value);
    choice_finish(&chosen);
}

static void add_env(struct arena *a, const struct log_spec *s, struct pairs *out)
{
    struct choice chosen;

    choice_init(&chosen, a, s->options, "env", "env-regex");
    for (size_t i = 0; s->env && i < s->env->n; i++) {
        char *name = arena_strdup(a, s->env->v[i]), *value = strchr(name, '=');

        if (!value)
            continue;
        *value++ = '\0';
        if (choice_has(&chosen, name))
            pairs_add(a, out, name, value);
    }
    choice_finish(&chosen);
}

void log_attrs(struct arena *a, const struct log_spec *s, struct pairs *out)
{
    struct pairs found = {0};

    if (!s->options || !s->options->n)
        return;
    add_labels(a, s, &found);
    add_env(a, s, &found);
    pairs_merge(a, out, &found);
    log_attrs_sort(out);
}

static void add_quoted(struct buf *out, const char *s)
{
    size_t n = strlen(s);

    buf_putc(out, '"');
    buf_reserve(out, n * 6 + 1);
    out->len += log_record_escape(out->data + out->len, s, n);
    buf_putc(out, '"');
}

struct err *log_attrs_json(const struct log_spec *s, char **out)
{
    autoarena struct arena *a = arena_create();
    autobuf struct buf text = {0};
    struct pairs attrs = {0};
    char *tag;

    *out = NULL;
    log_attrs(a, s, &attrs);
    TRY(log_tag(a, s, "", &tag));
    if (*tag)
        pairs_set(a, &attrs, "tag", tag);
    if (!attrs.n)
        return NULL;
    log_attrs_sort(&attrs);
    for (size_t i = 0; i < attrs.n; i++) {
        buf_putc(&text, i ? ',' : '{');
        add_quoted(&text, attrs.v[i].key);
        buf_putc(&text, ':');
        add_quoted(&text, attrs.v[i].value);
    }
    buf_putc(&text, '}');
    *out = buf_steal(&text);
    return NULL;
}
