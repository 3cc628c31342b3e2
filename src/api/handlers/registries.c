/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to registries: a login, a search, what a reference stands for. A client that goes
 * gives its question up. Loop thread.
 */
#include "image/ask.h"

#include "api.h"
#include "request_job.h"

static void on_answer(void *ctx, struct err *err, const struct ask_answer *answer)
{
    struct request_job *q = ctx;
    autofree char *digest = NULL;
    struct buf body = {0};

    request_job_ended(q);
    if (reply_failed(q->request, err))
        return;
    digest = answer->digest ? mem_printf("Docker-Content-Digest: %s\r\n", answer->digest)
                            : mem_printf("%s", "");
    buf_add(&body, answer->text, answer->len);
    if (answer->digest)
        reply_body(q->request, 200, answer->type, digest, &body);
    else
        reply_json(q->request, 200, &body);
}

static struct request_job *question_create(struct request *r)
{
    struct request_job *q = arena_new(r->arena, struct request_job);

    request_job_init(q, r);
    return q;
}

void handle_auth(struct request *r)
{
    struct registry_auth auth = {0};
    struct request_job *q;
    const char *body;
    size_t len;

    if (reply_failed(r, request_need_json(r, &body, &len)) ||
        reply_failed(r, registry_auth_decode(r->arena, body, len, &auth)))
        return;
    q = question_create(r);
    request_job_begun(q, ask_login(parts_of(r)->images, &auth, on_answer, q));
}

/* ---- search ---- */

static const char *const search_filters[] = {"is-automated", "is-official", "stars", NULL};

static struct err *read_flag(const struct filters *f, const char *key, int *out)
{
    bool value = false;

    TRY(filters_bool(f, key, &value));
    *out = !filters_get(f, key) ? 0 : value ? 1 : -1;
    return NULL;
}

static struct err *read_stars(const struct filters *f, int64_t *out)
{
    const struct strs *values = filters_get(f, "stars");

    for (size_t i = 0; values && i < values->n; i++) {
        int64_t n;

        if (!text_to_i64(values->v[i], &n))
            return err_new(ERR_INVALID, "invalid filter 'stars=%s'", values->v[i]);
        if (n > *out)
            *out = n;
    }
    return NULL;
}

static struct err *read_search(struct request *r, struct ask_search *out)
{
    const char *limit = request_param(r, "limit");
    struct filters f;
    int64_t n = 0;

    *out = (struct ask_search){.term = request_param(r, "term"), .limit = SEARCH_LIMIT};
    if (*limit && !text_to_i64(limit, &n))
        return err_new(ERR_INVALID, "strconv.Atoi: parsing \"%s\": invalid syntax", limit);
    if (n < 0 || n > SEARCH_LIMIT_MAX)
        return err_new(ERR_INVALID, "limit %lld is outside the range of [1, %d]", (long long)n,
                       SEARCH_LIMIT_MAX);
    if (n > 0)
        out->limit = (int)n;
    TRY(filters_parse(r->arena, request_param(r, "filters"), search_filters, &f));
    TRY(read_flag(&f, "is-automated", &out->is_automated));
    TRY(read_flag(&f, "is-official", &out->is_official));
    return read_stars(&f, &out->stars);
}

void handle_image_search(struct request *r)
{
    struct registry_auth auth = request_registry_auth(r);
    struct ask_search search;
    struct request_job *q;

    if (reply_failed(r, read_search(r, &search)))
        return;
    q = question_create(r);
    request_job_begun(q, ask_search(parts_of(r)->images, &search, &auth, on_answer, q));
}

/* ---- what a reference stands for ---- */

typedef struct image_job *reference_fn(struct image_table *t, const char *reference,
                                       bool is_insecure, const struct registry_auth *auth,
                                       ask_done_fn done, void *ctx);

static void ask_of_reference(struct request *r, reference_fn *ask)
{
    struct registry_auth auth = request_registry_auth(r);
    struct request_job *q = question_create(r);

    request_job_begun(q, ask(parts_of(r)->images, request_arg(r, 0),
                             query_is_true(&r->query, "insecure"), &auth, on_answer, q));
}

void handle_distribution(struct request *r)
{
    ask_of_reference(r, ask_distribution);
}

/* Berth's own: Docker's command line asks the registry by itself. */
void handle_distribution_manifest(struct request *r)
{
    ask_of_reference(r, ask_manifest);
}
