/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy between a request and its handler. What concerns a container that exists (start,
 * exec, attach, update, …) is judged by what it is, whoever made it: who may not have such a
 * container may not use one. Loop thread.
 */
#pragma once

#include "api.h"
#include "runtime/policy.h"

/* The caller under the policy, in the request's arena; NULL: no rule is for it. */
struct permit *permit_of_request(struct request *r);
/* The route is known: may the caller ask for this at all? The trail of a command begins. */
struct err *judge_command(struct request *r) must_check;

/* go_on at once where no rule is for the caller; else when the host's files have been looked at.
 * When it is denied, or the container is gone meanwhile, the request has been answered. */
typedef void (*judged_fn)(struct request *r, struct container *c);
void judge_container(struct request *r, struct container *c, judged_fn go_on);
/* The same of folders of the host, and of what is known besides. */
typedef void (*judged_sources_fn)(struct request *r);
void judge_sources(struct request *r, const struct risk_sources *sources, judged_sources_fn go_on);
/* At once, for what needs no look at the host's files. */
struct err *judge_case(struct request *r, const struct policy_case *c) must_check;
