/* SPDX-License-Identifier: Apache-2.0 */
#include "request_job.h"

static void on_gone(void *ctx)
{
    struct request_job *j = ctx;

    if (j->job)
        image_job_cancel(j->job);
}

void request_job_init(struct request_job *j, struct request *r)
{
    *j = (struct request_job){.request = request_ref(r)}; /* until request_job_begun */
    request_on_gone(r, on_gone, j);
}

void request_job_begun(struct request_job *j, struct image_job *job)
{
    if (!j->is_over)
        j->job = job;
    request_unref(j->request);
}

void request_job_ended(struct request_job *j)
{
    j->is_over = true;
    j->job = NULL;
}

struct registry_auth request_registry_auth(struct request *r)
{
    struct registry_auth auth;

    registry_auth_parse(r->arena, request_header(r, "x-registry-auth"), &auth);
    return auth;
}
