/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* SELinux: label options of a container, one a line, then an empty line and a policy's
 * lxc_contexts. What is accepted is one mount option without quotes, blanks and other surprises,
 * and reads as what it was made of. */
#include "runtime/label.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_context(struct arena *a, const char *text)
{
    struct context c;
    struct err *e = context_parse(a, text, &c);

    ASSERT(!e && strcmp(context_text(a, &c), text) == 0);
    ASSERT(strlen(text) <= CONTEXT_MAX && !strpbrk(text, "\"' \t\n\r\\=;"));
}

static void check_labels(struct arena *a, const struct labels *l)
{
    if (*l->process) {
        struct label_options o;
        struct err *e = label_options_of(a, l->process, &o);

        check_context(a, l->process);
        ASSERT(!e && o.is_given && !o.is_disabled);
    }
    check_context(a, l->mount);
    check_context(a, label_shared(a, l->mount));
}

static void read_options(struct strs *lines, size_t *at, struct label_options *o)
{
    for (; *at < lines->n && *lines->v[*at]; ++*at)
        err_drop(label_options_add(o, lines->v[*at]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    char *text = arena_strndup(a, (const char *)data, size);
    struct strs lines = text_split(a, text, '\n');
    struct label_base base = {.process = "system_u:system_r:container_t:s0",
                              .file = "system_u:object_r:container_file_t:s0"};
    struct label_options o = {0};
    struct label_base given;
    struct labels l;
    size_t at = 0;
    struct err *e;

    read_options(&lines, &at, &o);
    e = label_base_parse(a, text, &given);
    if (!e) {
        check_context(a, given.process);
        check_context(a, given.file);
        check_context(a, given.layer);
        base = given;
    }
    err_drop(e);
    e = labels_plan(a, &base, &o, "s0:c1,c2", &l);
    if (!e)
        check_labels(a, &l);
    err_drop(e);
    return 0;
}
