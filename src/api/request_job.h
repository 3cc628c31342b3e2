/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job of images that one request waits for: a client that goes gives it up, and the reply to it
 * is swallowed. Loop thread.
 */
#pragma once

#include "image/image.h"

#include "request.h"

struct request_job {         /* embedded in what lives in the request's arena */
    struct request *request; /* the handler's reference */
    struct image_job *job;   /* NULL: not begun yet, or over */
    bool is_over;
};

void request_job_init(struct request_job *j, struct request *r);
/* Behind the call that begins it, which may have ended it already. NULL: it was refused. */
void request_job_begun(struct request_job *j, struct image_job *job);
/* First in its `done`. */
void request_job_ended(struct request_job *j);

/* Of X-Registry-Auth. */
struct registry_auth request_registry_auth(struct request *r);
