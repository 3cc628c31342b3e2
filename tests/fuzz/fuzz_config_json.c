/* SPDX-License-Identifier: Apache-2.0 */
/* links: cli */
/* What other programs have written: config.json, which a login rewrites, and what helpers print. */
#include "config_json.h"
#include "credential_helper.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json const *parsed(struct arena *a, const char *text, size_t len)
{
    const struct json *doc = NULL;

    err_drop(json_parse(a, text, len, &doc));
    return doc;
}

static char *edited(struct arena *a, const struct json *doc, const struct config_edit *e)
{
    autobuf struct buf b = {0};
    bool is_changed;
    struct err *failed = config_json_edit(&b, a, doc, e, &is_changed);

    err_drop(failed);
    return failed ? NULL : arena_strdup(a, b.data);
}

/* What comes out can be read, and a second login does not change it any more. */
static void edit(struct arena *a, const struct json *doc)
{
    struct config_edit e = {.key = "reg.lan", .auth = "dTpw", .store = "box", .context = "lab"};
    char *once = edited(a, doc, &e), *twice;
    const struct json *again;

    if (!once)
        return;
    again = parsed(a, once, strlen(once));
    ASSERT(again && json_get(json_get(json_get(again, "auths"), "reg.lan"), "auth"));
    twice = edited(a, again, &e);
    ASSERT(twice && !strcmp(once, twice));
    ASSERT(!strcmp(json_str(json_get(again, "currentContext")), "lab"));
    e = (struct config_edit){.context = ""};
    strs_add(a, &e.removed, "reg.lan");
    twice = edited(a, again, &e);
    again = twice ? parsed(a, twice, strlen(twice)) : NULL;
    ASSERT(again && !json_get(again, "currentContext"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    char *text = arena_alloc(a, size + 1);
    struct credential c = {0};
    struct strs keys = {0};
    const struct json *doc;

    memcpy(text, data, size);
    doc = parsed(a, text, size);
    if (doc)
        edit(a, doc);
    err_drop(helper_read_get(a, text, size, &c));
    err_drop(helper_read_list(a, text, size, &keys));
    return 0;
}
