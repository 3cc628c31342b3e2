/* SPDX-License-Identifier: Apache-2.0 */
/*
 * berth manifest inspect: as the registry has it, through the engine, whose certificates, proxies
 * and insecure registries count. Laid out as docker does: tabs, an index by three blanks.
 */
#include "commands.h"

#include "base/digest.h"
#include "base/ref.h"

#include "api.h"
#include "auth.h"
#include "pretty.h"
#include "query.h"
#include "state_options.h"

#include <string.h>

struct inspection {
    struct cli *cli;
    const struct manifest_options *options;
    struct ref ref;
    const char *auth;
};

struct fetched {
    char *text, *type;
    const struct json *doc;
};

static struct err *get(struct inspection *i, const struct ref *r, const char *what,
                       struct api_reply *out)
{
    struct cli *cli = i->cli;
    const char *name = ref_full(cli->arena, r);
    struct err *e = api_get_as(cli, i->auth, out, "/distribution/%s/%s%s", api_escape(cli, name),
                               what, i->options->insecure ? "?insecure=1" : "");

    if (!e || err_kind(e) != ERR_NOT_FOUND)
        return e;
    err_drop(e);
    return err_new(ERR_NOT_FOUND, "no such manifest: %s", name);
}

static struct err *fetch(struct inspection *i, const struct ref *r, struct fetched *out)
{
    struct api_reply reply = {0};

    TRY(get(i, r, "manifest", &reply));
    *out = (struct fetched){.text = reply.text, .type = arena_strdup(i->cli->arena, reply.type)};
    return json_parse(i->cli->arena, reply.text, reply.len, &out->doc);
}

static void write_descriptor(struct jw *w, const struct fetched *f, const char *platform)
{
    char digest[DIGEST_MAX];

    digest_of(f->text, strlen(f->text), digest);
    jw_obj(w, "Descriptor");
    jw_str(w, "mediaType", f->type);
    jw_str(w, "digest", digest);
    jw_int(w, "size", (int64_t)strlen(f->text));
    if (platform)
        jw_raw(w, "platform", platform);
    jw_obj_end(w);
}

/* platform: JSON; NULL: unknown. */
static void write_manifest(struct inspection *i, struct jw *w, const struct ref *r,
                           const struct fetched *f, const char *platform)
{
    struct arena *a = i->cli->arena;
    bool is_oci = strstr(f->type, "vnd.oci.") != NULL;

    jw_obj(w, NULL);
    jw_str(w, "Ref", ref_full(a, r));
    write_descriptor(w, f, platform);
    jw_str(w, "Raw", text_to_base64(a, f->text, strlen(f->text), false));
    jw_raw(w, is_oci ? "OCIManifest" : "SchemaV2Manifest", json_text(a, f->doc));
    jw_obj_end(w);
}

static struct err *write_entries(struct inspection *i, struct jw *w, const struct json *entries)
{
    struct arena *a = i->cli->arena;

    jw_arr(w, NULL);
    for (const struct json *e = json_first(entries); e; e = json_next(e)) {
        const struct json *platform = json_get(e, "platform");
        struct ref r = i->ref;
        struct fetched f;

        r.digest = arena_strdup(a, text_of(e, "digest"));
        TRY(fetch(i, &r, &f));
        write_manifest(i, w, &r, &f, platform ? json_text(a, platform) : NULL);
    }
    jw_arr_end(w);
    return NULL;
}

static struct err *write_single(struct inspection *i, struct jw *w, const struct fetched *f)
{
    struct api_reply said = {0};
    const struct json *platform;

    TRY(get(i, &i->ref, "json", &said));
    platform = json_first(json_get(said.json, "Platforms"));
    write_manifest(i, w, &i->ref, f, platform ? json_text(i->cli->arena, platform) : NULL);
    return NULL;
}

static struct err *print(struct inspection *i)
{
    autobuf struct buf long_form = {0}, out = {0};
    struct jw w = {.out = &long_form};
    const struct json *entries, *shown;
    struct fetched f;

    TRY(fetch(i, &i->ref, &f));
    entries = json_get(f.doc, "manifests");
    shown = f.doc;
    if (i->options->verbose) {
        TRY(entries ? write_entries(i, &w, entries) : write_single(i, &w, &f));
        TRY(json_parse(i->cli->arena, long_form.data, long_form.len, &shown));
    }
    pretty_json_by(&out, i->cli->arena, shown, 0, entries && !i->options->verbose ? "   " : "\t");
    buf_putc(&out, '\n');
    cli_print(out.data, out.len);
    return NULL;
}

struct err *cmd_manifest_inspect(struct cli *cli, const void *options, struct strs args)
{
    struct inspection i = {.cli = cli, .options = options};

    TRY(ref_parse(cli->arena, args.v[0], &i.ref));
    if (!i.ref.tag && !i.ref.digest)
        i.ref.tag = arena_strdup(cli->arena, "latest");
    i.auth = auth_header(cli, i.ref.domain);
    return print(&i);
}
